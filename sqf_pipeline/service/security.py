"""Headers that say to a browser what the service's pages may do."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Bootstrap's own icons are data: images
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",  # browsers heed it over HTTPS alone
    "Cache-Control": "no-store",
}
_PAIRS = tuple((name.lower(), (name, value)) for name, value in _HEADERS.items())


def register_security_headers(app: Flask) -> None:
    """Put the policy on every answer of an application, a header that the answer has already excepted.

    This is done on the finished list of headers: as a hook of Flask it took as long as the model.
    """
    answer = app.wsgi_app

    def protected(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            return start_response(status, headers + [pair for name, pair in _PAIRS if name not in present], *error)

        return answer(environ, start)

    app.wsgi_app = protected  # type: ignore[method-assign]
