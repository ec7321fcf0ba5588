"""Ask an address whether it is well: `python -m sqf_pipeline.service.healthy URL`.

What belongs here: one request and an exit code, for health checks of containers whose image has no curl. What does not:
any other part of the package, so that the check starts quickly.
"""

import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 5


def is_healthy(url: str) -> tuple[bool, str]:
    """Return whether `url` answers with a status from 200 to 299, and what it said."""
    if not url.startswith(("http://", "https://")):
        return False, f"expected an address that begins with http:// or https://; found {url!r}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the scheme is checked
            return 200 <= answer.status < 300, f"{url} answered {answer.status}"
    except (urllib.error.URLError, OSError) as error:
        return False, f"{url} did not answer: {error}"


def main() -> int:
    """Check the address on the command line; return 0 when it is well."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m sqf_pipeline.service.healthy URL\n")
        return 2
    well, said = is_healthy(sys.argv[1])
    sys.stdout.write(f"{said}\n")
    return 0 if well else 1


__all__ = ["is_healthy", "main"]

if __name__ == "__main__":
    sys.exit(main())
