"""Which code an asset was made with, so that a change of it makes the asset stale.

What belongs here: a version for the code behind an asset. What does not: versions of data, which come from the
published file's bytes and are passed down by Dagster.

The version is a digest of the files rather than a number kept by hand, because such a number is forgotten exactly
when a change looks harmless. The price: an edited comment makes an asset stale too.
"""

import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_COUNTED = {".py", ".csv", ".sql", ".json"}


@cache
def code_version(*parts: str) -> str:
    """Return a digest of the code and tables of knowledge in some parts of the package.

    Parameters
    ----------
    parts
        Folders or files relative to the package, such as `nypd` or `modelling/forests.py`.

    Raises
    ------
    FileNotFoundError
        When a part is not there, which would otherwise leave its code uncounted.
    """
    digest = hashlib.sha256()
    for part in sorted(parts):
        path = _PACKAGE / part
        if not path.exists():
            raise FileNotFoundError(f"{part} is no part of the package {_PACKAGE}")
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _COUNTED)
        for file in files:
            digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


__all__ = ["code_version"]
