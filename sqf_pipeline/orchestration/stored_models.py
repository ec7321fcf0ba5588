"""Fitted models on disk: one file each, read one at a time, as a forest grown to purity takes 100 MB."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import file_sha256, is_left, put_in_place, unfinished, writable, written_whole
from sqf_pipeline.orchestration.io_managers import NotMadeYetError, one_writer

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.modelling.fitting import FittedModel

IF_FITTED = {"sqf/if_fitted": True}  # metadata of an input that has no models as long as nobody has fitted them

_PARTS = ("model", "description")
MADE_FROM = "made_from"
"""Metadata of an output of models, and part of their list: the digest by `digest_of_all` of what they are made from."""


def digest_of_all(version: str, partition_key: str, training: "pd.DataFrame") -> str:
    """Return a digest of all that decides models: version of code, test year, training rows and releases of packages.

    Neither the number of cores nor the engine is part of it: models are the same to the last bit on all of them.
    """
    from sqf_pipeline.evaluation.result_rows import package_versions, stops_digest

    told = version, partition_key, stops_digest(training), package_versions(), platform.machine()
    return hashlib.sha256(repr(told).encode()).hexdigest()


class StoredModels:
    """The models of one asset and year; iterating reads one after another."""

    def __init__(self, folder: Path, files: dict[str, dict[str, str]]) -> None:
        self._folder = folder
        self._files = files

    @property
    def names(self) -> list[str]:
        """Return the names of the models, in the order in which they were fitted."""
        return list(self._files)

    def __iter__(self) -> "Iterator[FittedModel]":
        return (self[name] for name in self._files)

    def __getitem__(self, name: str) -> "FittedModel":
        return self._read(name, "model")

    def paths(self) -> list[Path]:
        """Return the files of the models and of their descriptions."""
        return [self._folder / parts[part] for parts in self._files.values() for part in _PARTS]

    def are_as_made_from(self, digest: str) -> bool:
        """Return whether all were made from what has this digest, and their files hold what they held then."""
        made_from = {parts.get(MADE_FROM) for parts in self._files.values()}
        try:
            return made_from == {digest} and all(_name_of_content(path) == path.name for path in self.paths())
        except FileNotFoundError:
            return False

    def described(self) -> "list[FittedModel]":
        """Return the models without their pipelines: all that was written down about them, and little memory."""
        return [self._read(name, "description") for name in self._files]

    def _read(self, name: str, part: str) -> "FittedModel":
        import joblib

        try:
            return joblib.load(self._folder / self._files[name][part])
        except FileNotFoundError:
            raise SqfError(
                f"Another run replaced the model {name} in {self._folder} while this one worked with it. Run again."
            ) from None


class FittedModelsIOManager(dg.IOManager):
    """Models of an asset in `<directory>/<asset>/`, listed by `<partition>.json`, which is written last.

    A model's file is named after the digest of its bytes and gets that name in one rename, so that two writers never
    share a file of different content; a list names files of one writer alone. Files that no list names are removed
    when they are an hour old, so that neither a reader nor another writer that is still fitting loses them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def _list_path(self, asset_key: dg.AssetKey, partition_key: str) -> Path:
        return self.directory.joinpath(*asset_key.path, f"{partition_key}.json")

    def unchanged(self, asset_key: dg.AssetKey, partition_key: str, digest: str) -> StoredModels | None:
        """Return the stored models where they were made from what has this digest and are whole, else None."""
        stored = self.stored(asset_key, partition_key)
        return stored if stored is not None and stored.are_as_made_from(digest) else None

    def handle_output(self, context: dg.OutputContext, obj: "Iterable[FittedModel] | StoredModels") -> None:
        """Write models, then the list of them, then remove what no list names any more; stored ones are left alone."""
        listed = self._list_path(context.asset_key, context.partition_key)
        if isinstance(obj, StoredModels):
            size = _size(listed.parent, {path.name for path in obj.paths()})
            self._tell(context, listed, size, [_record(model) for model in obj.described()])
            return
        files, records = {}, []
        given: Any = context.output_metadata.get(MADE_FROM)
        made_from = {MADE_FROM: given.value} if given is not None else {}
        for model in obj:
            files[model.name] = {
                "model": _write(listed.parent, context.partition_key, model),
                "description": _write(listed.parent, context.partition_key, replace(model, pipeline=None)),
            }
            records.append(_record(model))
        wanted = {name for parts in files.values() for name in parts.values()}
        with one_writer(listed, f"{context.asset_key.to_user_string()} of {context.partition_key}"):
            size = _size(listed.parent, wanted)
            with writable(listed), written_whole(listed) as temporary:
                told = {name: parts | made_from for name, parts in files.items()}
                temporary.write_text(json.dumps(told, indent=1), encoding="utf-8")
            for path in listed.parent.glob(f"{context.partition_key}-*.joblib"):
                if path.name not in wanted and is_left(path):
                    path.unlink(missing_ok=True)
        self._tell(context, listed, size, records)

    def _tell(self, context: dg.OutputContext, listed: Path, size: int, records: list[dg.TableRecord]) -> None:
        context.add_output_metadata(
            {
                "path": dg.MetadataValue.path(str(listed.resolve())),
                "size_bytes": size,
                "fitted": dg.MetadataValue.table(records) if records else "none",
            }
        )

    def load_input(self, context: dg.InputContext) -> StoredModels:
        """Return the models, none of them read yet."""
        stored = self.stored(context.asset_key, context.partition_key)
        if stored is None and IF_FITTED.items() <= context.definition_metadata.items():
            return StoredModels(self.directory, {})
        if stored is None:
            listed = self._list_path(context.asset_key, context.partition_key)
            raise NotMadeYetError(context.asset_key, context.partition_key, listed)
        return stored

    def stored(self, asset_key: dg.AssetKey, partition_key: str) -> StoredModels | None:
        """Return the models of an asset and partition; None where none were fitted, or it is no asset of models."""
        listed = self._list_path(asset_key, partition_key)
        if not listed.exists():
            return None
        return StoredModels(listed.parent, json.loads(listed.read_text(encoding="utf-8")))


def _record(model: "FittedModel") -> dg.TableRecord:
    """Return what the UI shows of a model; class counts are of training stops, before and after resampling."""
    return dg.TableRecord(
        {
            "model": model.name,
            "columns": len(model.columns),
            "with_outcome": model.class_counts_before[0],
            "without": model.class_counts_before[1],
            "with_outcome_resampled": model.class_counts_after[0],
            "without_resampled": model.class_counts_after[1],
        }
    )


def _write(folder: Path, partition_key: str, model: "FittedModel") -> str:
    """Write a model under a name that its content decides, and return the name.

    So files that an earlier list names are never changed, and the same model keeps its file.
    """
    import joblib

    part = f"{partition_key}-{model.name}{'' if model.pipeline is not None else '-description'}"
    with writable(folder), unfinished(folder / f"{part}.joblib") as temporary:
        joblib.dump(model, temporary)  # uncompressed: a forest is then written in 0.1 s rather than 1 s
        named = folder / _name_of_content(temporary, part)
        put_in_place(temporary, named)
    return named.name


def _name_of_content(path: Path, part: str | None = None) -> str:
    """Return the name that a file of a part has to have for what it holds; the part that its name says by default."""
    return f"{part or path.stem.rpartition('-')[0]}-{file_sha256(path)[:12]}.joblib"


def _size(folder: Path, names: set[str]) -> int:
    """Return the bytes of files, none of which may be gone: another writer removes what is an hour old and unlisted."""
    try:
        return sum((folder / name).stat().st_size for name in names)
    except FileNotFoundError as error:
        raise SqfError(
            f"Another run removed {error.filename} while this one was fitting for long. Run again."
        ) from None
