"""Which of the exports is in force: the pointers in a folder of exports, and what goes when nothing points to it."""

import secrets
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import locked
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.bundle import CURRENT_NAME, BundleError, list_exports, order_of, resolve_folder

KEPT_SECONDS = 900
"""Time for which an export that nothing points to any more is kept."""
KEPT_FORMER = 1
"""Exports kept for good that nothing points to any more, the latest of them."""
_PATIENCE = 60


def put_in_force(folder: Path, export: Path) -> bool:
    """Point the export's test year to it, and `current` where that is forward; return whether `current` moved.

    Raises BundleError when its manifest cannot be read.
    """
    year, _ = order_of(export)
    with _pointing(folder):
        _point(folder / str(year), export.name)
        forward = is_forward(export, folder / CURRENT_NAME)
        if forward:
            _point(folder / CURRENT_NAME, export.name)
        _remove_unused(folder)
    return forward


def is_forward(export: Path, current: Path) -> bool:
    """Return whether an export may take the place of the current one: a later test year, or the same made later.

    A current one that is not there, or has no readable manifest, holds nothing back.
    """
    try:
        return order_of(export) >= order_of(resolve_folder(current))
    except BundleError:
        return True


def serve_export(folder: Path, name: str) -> Path:
    """Make the export that `name` says (a test year or an export's own name) the current one, whatever its year.

    Raises BundleError when there is none, or it is refused; the current one then stays.
    """
    if not (name and name == Path(name).name and (folder / name).exists()):
        raise BundleError(f"There is no export {name!r} in {folder}. `sqf export current` lists those that are there.")
    export = resolve_folder(folder / name)
    create_app(export)
    with _pointing(folder):
        _point(folder / CURRENT_NAME, export.name)
    return export


def _pointing(folder: Path) -> AbstractContextManager[None]:
    """Hold the lock under which exporters compare and move pointers; its file lies beside the folder."""
    busy = SqfError(f"Another exporter has held {folder} for {_PATIENCE} s. Try again when it has ended.")
    return locked(folder.with_name(f".{folder.name}.lock"), seconds=_PATIENCE, otherwise=busy)


def _point(link: Path, name: str) -> None:
    """Make `link` stand for the folder `name` beside it, at once and never half."""
    fresh = link.with_name(f".{link.name}-{secrets.token_hex(6)}")
    try:
        fresh.symlink_to(name, target_is_directory=True)
    except OSError:  # no links on this file system or for this account: a text file that names the folder
        fresh.write_text(f"{name}\n", encoding="utf-8")
    fresh.replace(link)


def _remove_unused(folder: Path) -> None:
    """Remove earlier exports that nothing points to, and what an exporter that was killed left behind.

    The last of the former ones stays, for a service that cannot load its successor. Younger ones stay: a service may
    be on its way to one, another exporter may be about to point to one.
    """
    pointers = [path for path in folder.iterdir() if not path.name.startswith(".")]
    used = {resolve_folder(path) for path in pointers if path.exists() and (path.is_symlink() or path.is_file())}
    used |= set([export for export in list_exports(folder) if export not in used][:KEPT_FORMER])
    oldest = time.time() - KEPT_SECONDS
    for path in [*folder.glob("[0-9]*-" + "[0-9a-f]" * 12), *folder.glob(".export-*")]:
        if path.resolve() not in used and path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
