"""Writing an export of fitted models: whole or not at all, and tried as the service does at its start."""

import hashlib
import io
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.analysis_tables import analysis_tables, model_titles
from sqf_pipeline.export.current_export import put_in_force
from sqf_pipeline.export.model_entries import describe_model
from sqf_pipeline.export.onnx_export import ensemble_to_onnx
from sqf_pipeline.modelling.calibrated_model import CalibratedModel
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.modelling.side_by_side import side_by_side
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.manifest import CHECKSUMS_NAME, FORMAT_VERSION, MANIFEST_NAME, FileEntry, Manifest, ModelEntry

RECORDED_PACKAGES = ("scikit-learn", "joblib", "numpy", "pandas", "onnx", "onnxruntime", "imbalanced-learn")
_COMPRESSION = 3


@dataclass(frozen=True)
class ExportContext:
    """What an export says about all its models together."""

    test_year: int
    training_years: Sequence[int]
    source: str
    data_sha256: Mapping[str, str]  # digest of each yearly file by its name
    training_stops: pd.DataFrame  # clean, with the registry's columns
    test_stops: pd.DataFrame
    results: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Frames of result tables by the warehouse's names; a table that is absent leaves its figure out."""
    model_card: str | None = None  # Markdown
    git_commit: str | None = None  # of the code, where it is known
    data_note: str = ""  # which years are partial or excerpts; empty when all are whole


def export_bundle(folder: Path, models: Sequence[FittedModel], context: ExportContext, *, threads: int = 1) -> Path:
    """Write an export, make it the current one unless that is of a later test year, and return its folder.

    The files are written under a temporary name in `folder`, loaded and tried as the service would, renamed, and only
    then do the pointers move. A failure at any step leaves the earlier export in force and nothing else behind. The
    export is the same whatever the number of threads, in which models are put into their forms and tried.

    Raises SqfError when two models share outcome and tier, the two forms of a model differ by more than 1e-5 on a test
    stop, a model cannot be exported, or the service could not load the export.
    """
    _refuse_twins(models)
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    try:
        write_files(work, models, context, threads=threads)
        create_app(work)
        digest = hashlib.sha256((work / CHECKSUMS_NAME).read_bytes()).hexdigest()[:12]
        target = folder / f"{context.test_year}-{digest}"
        if target.exists():
            shutil.rmtree(work)
            (target / MANIFEST_NAME).touch()  # the time of export is now
        else:
            work.chmod(0o755)  # mkdtemp makes it private; a service may run under another account
            work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    put_in_force(folder, target)
    return target


def _refuse_twins(models: Sequence[FittedModel]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for model in models:
        key = (model.outcome, model.feature_set.tier)
        if key in seen:
            raise SqfError(
                f"Both {seen[key]} and {model.name} predict {key[0]} at the tier {key[1]}; an export holds one of "
                "each. Choose one."
            )
        seen[key] = model.name


def write_files(work: Path, models: Sequence[FittedModel], context: ExportContext, *, threads: int = 1) -> None:
    """Write every file of an export into an empty folder, the manifest and the sums last."""
    contents: dict[str, bytes] = {}
    entries = []
    described = (partial(_entry_and_forms, model, context) for model in models)
    for entry, forms in side_by_side(described, threads, threads=True):
        contents |= forms
        entries.append(entry)
    stops = pd.concat([context.training_stops, context.test_stops], ignore_index=True)
    analysis = {
        f"analysis/{table.name}.json": table.model_dump_json().encode()
        for table in analysis_tables(stops, context.results, model_titles(models))
    }
    contents |= analysis
    if context.model_card is not None:
        contents["model_card.md"] = context.model_card.encode()
    packages = {name: metadata.version(name) for name in RECORDED_PACKAGES} | {"python": platform.python_version()}
    manifest = Manifest(
        format_version=FORMAT_VERSION, project_version=metadata.version("sqf-pipeline"),
        test_year=context.test_year, training_years=tuple(context.training_years), source=context.source,
        git_commit=context.git_commit, data_note=context.data_note, packages=packages,
        data_sha256=dict(context.data_sha256), models=tuple(entries),
        analysis=tuple(analysis), model_card="model_card.md" if context.model_card is not None else None,
        files=tuple(
            FileEntry(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in sorted(contents.items())
        ),
    )  # fmt: skip
    contents[MANIFEST_NAME] = manifest.model_dump_json(indent=1).encode()
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(contents.items())]
    contents[CHECKSUMS_NAME] = "".join(lines).encode()
    for name, data in contents.items():
        path = work / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _entry_and_forms(model: FittedModel, context: ExportContext) -> tuple[ModelEntry, dict[str, bytes]]:
    """Return what the manifest says of a model, and its two forms by the names of their files."""
    onnx_bytes = ensemble_to_onnx(model.pipeline[-1])
    entry = describe_model(model, onnx_bytes, context.training_stops, context.test_stops, context.results)
    return entry, {entry.onnx_file: onnx_bytes, entry.joblib_file: _packed(model, entry)}


def _packed(model: FittedModel, entry: ModelEntry) -> bytes:
    """Return a model for use offline: its `predict` and `predict_proba` give what the service gives."""
    import joblib

    limit = entry.thresholds[entry.default_threshold].value
    packed = io.BytesIO()
    joblib.dump(CalibratedModel(model.pipeline, model.calibrator, model.columns, limit), packed, compress=_COMPRESSION)
    return packed.getvalue()
