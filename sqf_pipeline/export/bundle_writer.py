"""Making an export folder: whole or not at all.

What belongs here: what an exporter hands over, the agreement of the two forms of each model, and the writing of
the folder. What does not: reading and verifying it (`bundle`), and the fitting of models (`modelling`).
"""

import hashlib
import io
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.encoding_probe import describe_encoding, frame_of_fields
from sqf_pipeline.export.field_specs import describe_fields
from sqf_pipeline.export.onnx_export import ensemble_to_onnx
from sqf_pipeline.export.reliability import reliability_table
from sqf_pipeline.nypd.columns import load_columns
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.bundle import (
    CURRENT_NAME,
    BundleError,
    list_exports,
    order_of,
    resolve_folder,
)
from sqf_pipeline.service.calibration import Calibration
from sqf_pipeline.service.drawn_fields import DrawnFields
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import (
    CHECKSUMS_NAME,
    FORMAT_VERSION,
    LARGEST_DIFFERENCE,
    MANIFEST_NAME,
    FieldSpec,
    FileEntry,
    Manifest,
    Measure,
    ModelEntry,
    Outcome,
    Probe,
    Threshold,
    Tier,
)
from sqf_pipeline.service.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd
    from filelock import FileLock

    from sqf_pipeline.modelling.drawn_descriptions import Descriptions

RECORDED_PACKAGES = ("scikit-learn", "joblib", "numpy", "pandas", "onnx", "onnxruntime", "imbalanced-learn")
KEPT_SECONDS = 900
"""Time for which an export that nothing points to any more is kept."""
KEPT_FORMER = 1
"""Exports kept for good that nothing points to any more, the latest of them."""
_COMPRESSION = 3


@dataclass(frozen=True)
class ExportModel:
    """One fitted model to export.

    Attributes
    ----------
    name
        Slug of the model, unique in the export.
    outcome, tier
        What it foresees, and from which information.
    fields
        The registry columns it takes.
    pipeline
        Fitted scikit-learn Pipeline whose last step is the classifier and whose other steps turn a frame of
        `fields` into numbers; `predict_proba` gives the score of the outcome in its second column.
    calibration
        From score to probability.
    thresholds, default_threshold
        Named thresholds on the probability, and the one used when a client names none.
    training_stops
        Frame of `fields` of the training years, for categories, defaults and counts.
    training_share
        Share of positives in training, before any resampling.
    test_stops, test_actual, test_clusters
        Frame of `fields` of the test year, whether each stop had the outcome, bool, and its encounter (each stop by
        itself if None); stops whose outcome is unknown have been left out of all three.
    measures
        Measures on the test year by name.
    """

    name: str
    outcome: Outcome
    tier: Tier
    fields: Sequence[str]
    pipeline: Any
    calibration: Calibration
    thresholds: Mapping[str, Threshold]
    default_threshold: str
    training_stops: "pd.DataFrame"
    training_share: float
    test_stops: "pd.DataFrame"
    test_actual: np.ndarray
    test_clusters: np.ndarray | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportContext:
    """What an export says about all its models together.

    `data_sha256` maps the name of a yearly file to its hash; `model_card` is Markdown; `analysis` are the tables
    behind the charts and the page of the data's faults.
    """

    test_year: int
    training_years: Sequence[int]
    source: str
    data_sha256: Mapping[str, str]
    model_card: str | None = None
    analysis: Sequence[AnalysisTable] = ()
    git_commit: str | None = None
    created_at: str | None = None


def export_bundle(folder: Path, models: Sequence[ExportModel], context: ExportContext) -> Path:
    """Write an export, make it the current one unless that is of a later test year, and return its folder.

    The files are written under a temporary name in `folder`, verified as the service would, renamed, and only
    then do `folder/<test year>` and `folder/current` point to them. `current` moves forward only: an export of an
    earlier test year leaves it where it is; `serve_export` goes back. A failure at any step leaves the earlier export
    in force and nothing else behind.

    Raises
    ------
    SqfError
        When the two forms of a model differ by more than 1e-5 on a test stop, or a model cannot be exported.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    try:
        _write_files(work, models, context)
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
    with _pointing(folder):
        _point(folder / str(context.test_year), target.name)
        if is_forward(target, folder / CURRENT_NAME):
            _point(folder / CURRENT_NAME, target.name)
        _remove_unused(folder)
    return target


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


def _pointing(folder: Path) -> "FileLock":
    """Return the lock under which exporters compare and move pointers; it lies beside the folder."""
    from filelock import FileLock

    return FileLock(folder.with_name(f".{folder.name}.lock"))


def _write_files(work: Path, models: Sequence[ExportModel], context: ExportContext) -> None:
    import joblib

    from sqf_pipeline.modelling.calibrated_model import CalibratedModel

    contents: dict[str, bytes] = {}
    entries = []
    for model in models:
        onnx_bytes = ensemble_to_onnx(model.pipeline[-1])
        entries.append(_describe_model(model, onnx_bytes))
        packed = io.BytesIO()
        limit = model.thresholds[model.default_threshold].value
        whole = CalibratedModel(model.pipeline, model.calibration, tuple(model.fields), limit)
        joblib.dump(whole, packed, compress=_COMPRESSION)
        contents[entries[-1].onnx_file] = onnx_bytes
        contents[entries[-1].joblib_file] = packed.getvalue()
    analysis = {f"analysis/{table.name}.json": table for table in context.analysis}
    contents |= {name: table.model_dump_json().encode() for name, table in analysis.items()}
    if context.model_card is not None:
        contents["model_card.md"] = context.model_card.encode()
    manifest = Manifest(
        format_version=FORMAT_VERSION, project_version=metadata.version("sqf-pipeline"),
        test_year=context.test_year, training_years=tuple(context.training_years), source=context.source,
        created_at=context.created_at, git_commit=context.git_commit, packages=_package_versions(),
        data_sha256=dict(context.data_sha256), models=tuple(entries), analysis=tuple(analysis),
        model_card="model_card.md" if context.model_card is not None else None,
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


def _describe_model(model: ExportModel, onnx_bytes: bytes) -> ModelEntry:
    """Describe a model as the manifest holds it, and hold its two forms against each other."""
    if model.default_threshold not in model.thresholds:
        raise SqfError(
            f"The default threshold {model.default_threshold!r} of {model.name} is not among its thresholds: "
            f"{', '.join(sorted(model.thresholds))}."
        )
    places = {entry.name: place for place, entry in enumerate(load_columns())}
    ordered = sorted(model.fields, key=lambda name: places[name])  # when, why, who, where: as people tell it
    fields = describe_fields(ordered, model.training_stops)
    encode = model.pipeline[:-1].transform
    scores = _offline_scores(model, model.test_stops)
    probabilities = model.calibration.apply(scores)
    probes = _invent_stops(fields)
    wanted = model.calibration.apply(_offline_scores(model, frame_of_fields(probes, fields)))
    descriptions = getattr(model.pipeline, "descriptions_", None)
    entry = ModelEntry(
        name=model.name, outcome=model.outcome, tier=model.tier, estimator=type(model.pipeline[-1]).__name__,
        fields=fields, encoding=describe_encoding(lambda stops: encode(stops[list(model.fields)]), fields),
        drawn=_drawn_fields(descriptions) if descriptions is not None else None,
        calibration=model.calibration, thresholds=dict(model.thresholds),
        default_threshold=model.default_threshold, training_share=model.training_share,
        training_rows=len(model.training_stops), test_rows=len(model.test_stops),
        measures=dict(model.measures),
        reliability=reliability_table(probabilities, model.test_actual, model.test_clusters),
        probes=tuple(
            Probe(stop=stop, probability=probability)
            for stop, probability in zip(probes, wanted.tolist(), strict=True)
        ),
        onnx_file=f"models/{model.name.lower()}.onnx", joblib_file=f"models/{model.name.lower()}.joblib",
        largest_difference=0.0,
    )  # fmt: skip
    served = Predictor(entry, onnx_bytes).probabilities(stops_of_frame(model.test_stops, fields))
    difference = float(np.max(np.abs(served - probabilities)))
    if not difference <= LARGEST_DIFFERENCE:
        raise SqfError(
            f"The fast form of {model.name} differs from the pipeline by {difference:.3g} on the test year (at most "
            f"{LARGEST_DIFFERENCE:g} is allowed, on {len(served):,} stops), so nothing was exported. A column of "
            "the encoder may depend on more than its field."
        )
    return entry.model_copy(update={"largest_difference": difference})


def _drawn_fields(descriptions: "Descriptions") -> DrawnFields:
    from sqf_pipeline.modelling.drawn_descriptions import is_cut

    if not descriptions.columns:
        return DrawnFields(fields=(), descriptions=((),), stops=(1,), empty=descriptions.empty)
    return DrawnFields(
        fields=descriptions.columns,
        cut_to_tens=tuple(name for name in descriptions.columns if is_cut(name)),
        descriptions=tuple(zip(*(descriptions.distinct[name].tolist() for name in descriptions.columns), strict=True)),
        stops=tuple(descriptions.stops.tolist()),
        empty=descriptions.empty,
    )


def _offline_scores(model: ExportModel, stops: "pd.DataFrame") -> np.ndarray:
    return np.asarray(model.pipeline.predict_proba(stops[list(model.fields)]), dtype=np.float64)[:, 1]


def stops_of_frame(frame: "pd.DataFrame", fields: Sequence[FieldSpec]) -> list[dict[str, Value]]:
    """Return the rows of a frame as dictionaries of plain values, as a client would send them.

    A missing value becomes None.
    """
    columns: dict[str, list[Value]] = {}
    for spec in fields:
        values = frame[spec.name].astype("object")
        columns[spec.name] = values.where(values.notna(), None).tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _invent_stops(fields: Sequence[FieldSpec]) -> list[dict[str, Value]]:
    """Return a few stops that nobody made: all defaults, nothing known, and each end of what fields may hold."""

    def end(spec: FieldSpec, *, low: bool) -> Value:
        if spec.kind == "flag":
            return not low
        if spec.kind in ("number", "integer"):
            number = spec.minimum if low else spec.maximum
            return number if number is None or spec.kind == "number" else int(number)
        if not spec.categories:
            return None
        category = spec.categories[0 if low else -1].value
        return int(category) if spec.kind == "code" else category

    return [
        {spec.name: spec.default for spec in fields},
        {spec.name: None for spec in fields},
        {spec.name: end(spec, low=True) for spec in fields},
        {spec.name: end(spec, low=False) for spec in fields},
    ]


def _package_versions() -> dict[str, str]:
    import platform

    versions = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        versions[package] = metadata.version(package)
    return versions


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


__all__ = [
    "KEPT_SECONDS", "ExportContext", "ExportModel", "export_bundle", "is_forward", "serve_export", "stops_of_frame",
]  # fmt: skip
