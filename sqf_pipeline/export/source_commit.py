"""Which commit of the project runs, where that can be known."""

import shutil
import subprocess
from pathlib import Path

import sqf_pipeline

_PATIENCE = 10


def source_commit(checkout: Path | None = None) -> str | None:
    """Return the commit of a checkout, `-dirty` after it when files were changed since; None where it is unknown.

    Without an argument, the checkout is the folder that holds this package; it must be the top of its repository.
    """
    folder = (checkout or Path(sqf_pipeline.__file__).parents[1]).resolve()
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return None
    command = [git, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        return None
    return found.stdout.strip() or None
