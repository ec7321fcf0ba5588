"""What the manifest says of a fitted model, after its two forms have answered the whole test year alike."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.export.encoding_tables import encoding_of
from sqf_pipeline.export.field_specs import describe_field
from sqf_pipeline.export.reliability import reliability_table
from sqf_pipeline.modelling.drawn_descriptions import Descriptions, is_cut
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.service.drawn_fields import DrawnFields
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import LARGEST_DIFFERENCE, FieldSpec, Measure, MeasuredThreshold, ModelEntry, Probe
from sqf_pipeline.service.predictor import Predictor


def describe_model(
    model: FittedModel,
    onnx_bytes: bytes,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    results: Mapping[str, pd.DataFrame],
) -> ModelEntry:
    """Return a model's entry in the manifest.

    Stops are clean; those whose outcome is unknown are left out here. Of the result tables `metric_intervals` and
    `threshold_metrics` are used where they are there. Raises SqfError when a probability of the two forms differs by
    more than 1e-5 on a test stop, the encoder is none of ours, or the default threshold is not among the thresholds.
    """
    thresholds = _thresholds(model, results)
    if model.default_threshold not in thresholds:
        raise SqfError(
            f"The default threshold {model.default_threshold!r} of {model.name} is not among its thresholds: "
            f"{', '.join(sorted(thresholds))}."
        )
    training = training_stops[training_stops[model.target].notna()]
    test = test_stops[test_stops[model.target].notna()]
    places = {entry.name: place for place, entry in enumerate(load_columns())}
    ordered = sorted(model.columns, key=lambda name: places[name])  # when, why, who, where: as people describe it
    fields = tuple(describe_field(name, training[name]) for name in ordered)
    probabilities = model.predict_probability(test)
    actual = test[model.target].to_numpy(dtype=bool)
    probes = _invent_stops(fields)
    wanted = model.predict_probability(frame_of_fields(probes, fields)).tolist()
    descriptions = getattr(model.pipeline, "descriptions_", None)
    entry = ModelEntry(
        name=model.name, outcome=model.outcome, tier=model.feature_set.tier,
        estimator=type(model.pipeline[-1]).__name__, tried=model.tried, fields=fields,
        encoding=encoding_of(model.pipeline[0]),
        drawn=_drawn_fields(descriptions) if descriptions is not None else None, calibration=model.calibrator,
        thresholds=thresholds, default_threshold=model.default_threshold, training_share=model.training_share,
        training_rows=len(training), test_rows=len(test), measures=_measures(model.name, results),
        reliability=reliability_table(probabilities, actual, stop_clusters(test)),
        probes=tuple(Probe(stop=stop, probability=found) for stop, found in zip(probes, wanted, strict=True)),
        onnx_file=f"models/{model.name.lower()}.onnx", joblib_file=f"models/{model.name.lower()}.joblib",
        largest_difference=0.0,
    )  # fmt: skip
    served = Predictor(entry, onnx_bytes).probabilities(stops_of_frame(test, fields))
    return entry.model_copy(update={"largest_difference": _difference(model.name, served, probabilities)})


def _difference(name: str, served: np.ndarray, offline: np.ndarray) -> float:
    """Return the largest difference of two forms' probabilities; raises SqfError when it is too large."""
    difference = float(np.max(np.abs(served - offline)))
    if not difference <= LARGEST_DIFFERENCE:
        raise SqfError(
            f"The fast form of {name} differs from the pipeline by {difference:.3g} on the test year (at most "
            f"{LARGEST_DIFFERENCE:g} is allowed, on {len(served):,} stops), so nothing was exported. Compare "
            "export/encoding_tables.py with modelling/encoder.py."
        )
    return difference


def _drawn_fields(descriptions: Descriptions) -> DrawnFields:
    if not descriptions.columns:
        return DrawnFields(fields=(), descriptions=((),), stops=(1,), empty=descriptions.empty)
    return DrawnFields(
        fields=descriptions.columns,
        cut_to_tens=tuple(name for name in descriptions.columns if is_cut(name)),
        descriptions=tuple(zip(*(descriptions.distinct[name].tolist() for name in descriptions.columns), strict=True)),
        stops=tuple(descriptions.stops.tolist()),
        empty=descriptions.empty,
    )


def stops_of_frame(frame: pd.DataFrame, fields: Sequence[FieldSpec]) -> list[dict[str, Value]]:
    """Return the rows of a frame as dictionaries of plain values, as a client would send them; a gap becomes None."""
    columns: dict[str, list[Value]] = {}
    for spec in fields:
        values = frame[spec.name].astype("object")
        columns[spec.name] = values.where(values.notna(), None).tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def frame_of_fields(stops: Sequence[Mapping[str, Value]], fields: Sequence[FieldSpec]) -> pd.DataFrame:
    """Return stops given as dictionaries as a frame with the registry's dtypes; None becomes missing."""
    return pd.DataFrame(
        {spec.name: pd.array([stop[spec.name] for stop in stops], dtype=DTYPES[spec.kind]) for spec in fields}
    )


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
        {spec.name: spec.default if spec.kind != "code" else _code(spec.default) for spec in fields},
        {spec.name: None for spec in fields},
        {spec.name: end(spec, low=True) for spec in fields},
        {spec.name: end(spec, low=False) for spec in fields},
    ]


def _code(value: Value) -> Value:
    return None if value is None else int(value)


def _rows_of(name: str, model: str, results: Mapping[str, pd.DataFrame]) -> list[dict[Hashable, Any]]:
    frame = results.get(name)
    return [] if frame is None else frame[frame["model"] == model].to_dict("records")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) and np.isfinite(value) else None


def _thresholds(model: FittedModel, results: Mapping[str, pd.DataFrame]) -> dict[str, MeasuredThreshold]:
    """Return the thresholds that can be reached, with their precision and recall on the test year."""
    measured = {row["aim"]: row for row in _rows_of("threshold_metrics", model.name, results)}
    return {
        name: MeasuredThreshold(
            value=threshold.value,
            aim=threshold.aim.rstrip("."),
            precision=_number(measured.get(name, {}).get("precision")),
            recall=_number(measured.get(name, {}).get("recall")),
        )
        for name, threshold in model.thresholds.items()
        if 0 <= threshold.value <= 1
    }


def _measures(name: str, results: Mapping[str, pd.DataFrame]) -> dict[str, Measure]:
    return {
        str(row["metric"]): Measure(estimate=estimate, low=_number(row["low"]), high=_number(row["high"]))
        for row in _rows_of("metric_intervals", name, results)
        if (estimate := _number(row["estimate"])) is not None
    }
