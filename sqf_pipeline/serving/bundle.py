"""An export folder on disk: finding it, verifying it, reading it.

What belongs here: pointers, checksums, and the refusal of a folder that is not what its maker wrote. What does
not: making a folder (`export`) and answering from it (`predictor`).

Verification comes first: names, sizes, hashes and versions of everything are checked before any file is given to
a parser of models, and a pickle is only ever read by `load_pipelines`, which the service never calls. Checksums
stored beside the files show damage and partial tampering; they do not prove who made the folder, so a folder
from a stranger must not be unpickled, however well it verifies.
"""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sqf_pipeline.errors import SqfError
from sqf_pipeline.serving.manifest import CHECKSUMS_NAME, FORMAT_VERSION, MANIFEST_NAME, Manifest

CURRENT_NAME = "current"
UNPICKLING_PACKAGES = ("scikit-learn", "joblib", "numpy")
"""Packages that must be the same as at the export before a pipeline is unpickled."""
OLDEST_RUNTIME = (1, 22)
"""Oldest onnxruntime (major, minor) that the fast form's compact trees are served with."""
_LARGEST_MANIFEST = 20_000_000


class BundleError(SqfError):
    """An export folder that is missing, incomplete, changed, or made for other versions."""


@dataclass(frozen=True)
class Bundle:
    """A verified export: its folder, its manifest, and the bytes of each file the service needs.

    The bytes were read once and hashed as read, so that what was verified is what is used.
    """

    folder: Path
    manifest: Manifest
    contents: dict[str, bytes]

    def text(self, name: str) -> str:
        """Return a verified file as text."""
        return self.contents[name].decode("utf-8")


def resolve_folder(path: Path) -> Path:
    """Return the export folder that a path stands for.

    The path may be the folder itself, a pointer to it (a link, or a small text file where links are not to be
    had), or the folder of all exports, whose `current` is then followed. Raises BundleError when there is none.
    """
    candidate = path
    for _ in range(3):
        if candidate.is_file() and candidate.stat().st_size < 256:
            candidate = candidate.parent / candidate.read_text(encoding="utf-8").strip()
        elif candidate.is_dir() and not (candidate / MANIFEST_NAME).exists() and (candidate / CURRENT_NAME).exists():
            candidate = candidate / CURRENT_NAME
        else:
            break
    if not candidate.is_dir():
        raise BundleError(
            f"No export of the models at {path}. The service answers from an export: run `sqf run --full` first, or "
            "say which folder to serve."
        )
    return candidate.resolve()


def open_bundle(path: Path) -> Bundle:
    """Verify an export folder and return it; nothing is unpickled.

    Raises
    ------
    BundleError
        When the folder or a file is missing, a name, size or hash differs, an unknown file lies in the folder,
        the manifest is not valid or of another format version, or the ONNX runtime is too old for it.
    """
    folder = resolve_folder(path)
    checksums = _read_checksums(folder)
    manifest_bytes = _read_verified(folder, MANIFEST_NAME, checksums)
    manifest = _parse_manifest(folder, manifest_bytes)
    _check_names(folder, manifest, checksums)
    _check_runtime(folder)
    contents: dict[str, bytes] = {MANIFEST_NAME: manifest_bytes}
    for entry in manifest.files:
        data = _read_verified(folder, entry.name, checksums)
        if len(data) != entry.size or checksums[entry.name] != entry.sha256:
            raise _changed(folder, entry.name, "its size or hash is not the one that manifest.json states")
        if not entry.name.endswith(".joblib"):
            contents[entry.name] = data
    return Bundle(folder=folder, manifest=manifest, contents=contents)


def load_pipelines(path: Path) -> dict[str, Any]:
    """Verify an export and return its models as scikit-learn objects by name, for checks offline.

    Each is a `modelling.calibrated_model.CalibratedModel`: a frame of clean stops in, the service's probabilities out.

    Raises BundleError as `open_bundle` does, and when scikit-learn, joblib or numpy is not of the version that
    made the export, before a byte is unpickled.
    """
    import io

    import joblib

    bundle = open_bundle(path)
    for package in UNPICKLING_PACKAGES:
        found, wanted = metadata.version(package), bundle.manifest.packages.get(package)
        if found != wanted:
            raise BundleError(
                f"The pipelines in {bundle.folder} were made with {package} {wanted} and {found} is installed. "
                f"Install {package}=={wanted}, or export again; the service itself does not need them."
            )
    pipelines = {}
    for model in bundle.manifest.models:
        data = (bundle.folder / model.joblib_file).read_bytes()
        entry = next(entry for entry in bundle.manifest.files if entry.name == model.joblib_file)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise _changed(bundle.folder, entry.name, "it changed while it was being read")
        pipelines[model.name] = joblib.load(io.BytesIO(data))
    return pipelines


def _read_checksums(folder: Path) -> dict[str, str]:
    path = folder / CHECKSUMS_NAME
    if not path.is_file():
        raise BundleError(f"The export {folder} has no {CHECKSUMS_NAME}: it is incomplete. Export again.")
    checksums: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in checksums:
            raise _changed(folder, CHECKSUMS_NAME, "it is not a list of SHA-256 sums")
        checksums[name] = digest
    return checksums


def _read_verified(folder: Path, name: str, checksums: dict[str, str]) -> bytes:
    path = folder / name
    if name not in checksums:
        raise _changed(folder, name, f"{CHECKSUMS_NAME} does not list it")
    if not path.is_file():
        raise _changed(folder, name, "it is missing")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != checksums[name]:
        raise _changed(folder, name, f"its SHA-256 is {found[:12]}… and {checksums[name][:12]}… was expected")
    return data


def _parse_manifest(folder: Path, data: bytes) -> Manifest:
    from pydantic_core import from_json

    if len(data) > _LARGEST_MANIFEST:
        raise _changed(folder, MANIFEST_NAME, f"it has {len(data)} bytes")
    try:
        raw = from_json(data)
    except ValueError as error:
        raise _changed(folder, MANIFEST_NAME, "it is not JSON") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"The export {folder} has format version {version} and this service reads version {FORMAT_VERSION}. "
            "Export again with this version of sqf_pipeline, or serve it with the version that made it."
        )
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _changed(folder, MANIFEST_NAME, f"{where}: {first['msg']}") from error


def _check_names(folder: Path, manifest: Manifest, checksums: dict[str, str]) -> None:
    named = {entry.name for entry in manifest.files}
    listed = set(checksums) - {MANIFEST_NAME}
    for name in sorted(named ^ listed):
        raise _changed(folder, name, f"only one of {MANIFEST_NAME} and {CHECKSUMS_NAME} lists it")
    needed = {name for model in manifest.models for name in (model.onnx_file, model.joblib_file)}
    needed |= set(manifest.analysis) | ({manifest.model_card} if manifest.model_card else set())
    for name in sorted(needed - named):
        raise _changed(folder, name, "the manifest uses it and does not list it among its files")
    present = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(present - named - {MANIFEST_NAME, CHECKSUMS_NAME}):
        raise _changed(folder, name, "it does not belong to the export")


def _check_runtime(folder: Path) -> None:
    found = metadata.version("onnxruntime")
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_RUNTIME:
        wanted = ".".join(str(part) for part in OLDEST_RUNTIME)
        raise BundleError(
            f"The export {folder} needs onnxruntime {wanted} or newer and {found} is installed. Upgrade onnxruntime."
        )


def _changed(folder: Path, name: str, why: str) -> BundleError:
    return BundleError(
        f"The export {folder} is refused because of {name}: {why}. It was damaged or changed after it was made; "
        "export again (`sqf run --full`), or copy it again from where it came."
    )


__all__ = [
    "CURRENT_NAME", "UNPICKLING_PACKAGES", "Bundle", "BundleError", "load_pipelines", "open_bundle", "resolve_folder",
]  # fmt: skip
