"""An export folder on disk: finding it, verifying it, reading it.

Verification comes first: names, sizes, hashes and versions of everything are checked before any file is given to
a parser of models, and a pickle is never read here. Checksums stored beside the files show damage and partial
tampering; they do not prove who made the folder.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from sqf_pipeline.errors import SqfError
from sqf_pipeline.service.manifest import CHECKSUMS_NAME, FORMAT_VERSION, MANIFEST_NAME, Manifest

CURRENT_NAME = "current"
OLDEST_RUNTIME = (1, 24)
"""Oldest onnxruntime (major, minor) that answers rightly where a tree splits on categories: 1.22 and 1.23 do not."""
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


def order_of(folder: Path) -> tuple[int, int]:
    """Return what decides which of two exports is the later one: the test year, then the time of export in ns.

    The time is that of the manifest, which an exporter that makes the same export again sets anew. Raises BundleError
    when the manifest cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        return int(from_json(path.read_bytes())["test_year"]), path.stat().st_mtime_ns
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"The export {folder} has no readable {MANIFEST_NAME}. Export again.") from error


def list_exports(folder: Path) -> list[Path]:
    """Return the exports in a folder of exports, the latest first; one without a readable manifest is left out."""
    found = {}
    for manifest in folder.glob(f"*/{MANIFEST_NAME}"):
        export = manifest.parent.resolve()
        if manifest.parent.name.startswith("."):  # being written
            continue
        with suppress(BundleError):
            found[export] = order_of(export)
    return sorted(found, key=lambda export: found[export], reverse=True)


def open_bundle(path: Path) -> Bundle:
    """Verify an export folder and return it; nothing is unpickled.

    Raises BundleError when the folder or a file is missing, a name, size or hash differs, an unknown file lies in the
    folder, the manifest is not valid or of another format version, or the ONNX runtime is too old for it.
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
            raise changed(folder, entry.name, "its size or hash is not the one that manifest.json states")
        if not entry.name.endswith(".joblib"):
            contents[entry.name] = data
    return Bundle(folder=folder, manifest=manifest, contents=contents)


def _read_checksums(folder: Path) -> dict[str, str]:
    path = folder / CHECKSUMS_NAME
    if not path.is_file():
        raise BundleError(f"The export {folder} has no {CHECKSUMS_NAME}: it is incomplete. Export again.")
    checksums: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in checksums:
            raise changed(folder, CHECKSUMS_NAME, "it is not a list of SHA-256 sums")
        checksums[name] = digest
    return checksums


def _read_verified(folder: Path, name: str, checksums: dict[str, str]) -> bytes:
    path = folder / name
    if name not in checksums:
        raise changed(folder, name, f"{CHECKSUMS_NAME} does not list it")
    if not path.is_file():
        raise changed(folder, name, "it is missing")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != checksums[name]:
        raise changed(folder, name, f"its SHA-256 is {found[:12]}… and {checksums[name][:12]}… was expected")
    return data


def _parse_manifest(folder: Path, data: bytes) -> Manifest:
    if len(data) > _LARGEST_MANIFEST:
        raise changed(folder, MANIFEST_NAME, f"it has {len(data)} bytes")
    try:
        raw = from_json(data)
    except ValueError as error:
        raise changed(folder, MANIFEST_NAME, "it is not JSON") from error
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
        raise changed(folder, MANIFEST_NAME, f"{where}: {first['msg']}") from error


def _check_names(folder: Path, manifest: Manifest, checksums: dict[str, str]) -> None:
    named = {entry.name for entry in manifest.files}
    listed = set(checksums) - {MANIFEST_NAME}
    for name in sorted(named ^ listed):
        raise changed(folder, name, f"only one of {MANIFEST_NAME} and {CHECKSUMS_NAME} lists it")
    needed = {name for model in manifest.models for name in (model.onnx_file, model.joblib_file)}
    needed |= set(manifest.analysis) | ({manifest.model_card} if manifest.model_card else set())
    for name in sorted(needed - named):
        raise changed(folder, name, "the manifest uses it and does not list it among its files")
    present = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(present - named - {MANIFEST_NAME, CHECKSUMS_NAME}):
        raise changed(folder, name, "it does not belong to the export")


def _check_runtime(folder: Path) -> None:
    found = metadata.version("onnxruntime")
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_RUNTIME:
        wanted = ".".join(str(part) for part in OLDEST_RUNTIME)
        raise BundleError(
            f"The export {folder} needs onnxruntime {wanted} or newer and {found} is installed. Upgrade onnxruntime."
        )


def changed(folder: Path, name: str, why: str) -> BundleError:
    """Return the refusal of an export because of one of its files."""
    return BundleError(
        f"The export {folder} is refused because of {name}: {why}. It was damaged or changed after it was made; "
        "export again (`sqf run --full`), or copy it again from where it came."
    )
