"""Products that a test session makes once, by whichever of its processes asks first."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

Product = TypeVar("Product")


def folder_made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the session that `make` has filled; tests only look at it, or copy it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # the workers' folders stand in one
    folder = base / "made-once" / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_name(f"{name}.lock")):
        if not folder.exists():
            unfinished = factory.mktemp(name)
            make(unfinished)
            unfinished.rename(folder)
    return folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], Product]) -> Product:
    """Return what `make` gives, a copy of its own for each process."""

    def write(folder: Path) -> None:
        (folder / "product.pickle").write_bytes(pickle.dumps(make()))

    written = folder_made_once(factory, name, write) / "product.pickle"
    product: Product = pickle.loads(written.read_bytes())  # noqa: S301 - written by this session
    return product
