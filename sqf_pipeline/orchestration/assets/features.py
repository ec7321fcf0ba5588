"""Clean stops to what models are fitted on and measured with, by test year."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import ENCODERS, FRAMES, STOPS_REFERENCES, described, same_columns
from sqf_pipeline.orchestration.checks import gate_spec, through_gate
from sqf_pipeline.orchestration.partitions import SAME_YEAR, TEST_YEARS, TRAINING_WINDOW, in_year_order, years_loaded
from sqf_pipeline.registry.forms.published_forms import forms_of_years
from sqf_pipeline.registry.outcomes import STUDY_TARGETS
from sqf_pipeline.settings import Settings

_GROUP = "features"
_KEY = ["year", "stop_id"]
_TARGETS = list(STUDY_TARGETS.values())


def _stops_asset(
    name: str, window: dg.PartitionMapping, holds_exactly: str, *, description: str
) -> dg.AssetsDefinition:
    """Return the asset of clean stops of some years, none of them partial unless somebody said that it may be."""

    @dg.asset(
        name=name,
        partitions_def=TEST_YEARS,
        ins={loaded: dg.AssetIn(partition_mapping=window) for loaded in ("stops", "source_files")},
        check_specs=[gate_spec(name, TEST_YEARS, holds_exactly)],
        description=description,
        **described(_GROUP, STOPS_REFERENCES, personal=True),
    )
    def stops_of_window(
        context: dg.AssetExecutionContext,
        stops: Any,  # by year, and the frame itself where there is one year: see `in_year_order`
        source_files: Any,
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[Any]:
        from sqf_pipeline.contracts.stop_contracts import stops_contract
        from sqf_pipeline.year_checks.completeness import partial_year_findings

        years = years_loaded(context, "stops")
        frames = in_year_order(stops, years)
        merged = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]  # one large year is not copied
        partial = partial_year_findings(pd.concat(in_year_order(source_files, years), ignore_index=True))
        yield from through_gate(
            stops_contract(years=years),
            merged,
            asset=name,
            metadata=_about(merged),
            findings=[] if settings.allow_partial else partial,
        )

    return stops_of_window


training_stops = _stops_asset(
    "training_stops",
    TRAINING_WINDOW,
    "Exactly the training years, none of them empty or partial.",
    description="Clean stops of the training years, earliest first: the three before the test year unless others were "
    "named.",
)
test_stops = _stops_asset(
    "test_stops",
    SAME_YEAR,
    "Exactly the test year, neither empty nor partial.",
    description="Clean stops of the test year, which no model sees before it is measured.",
)


@dg.asset(
    partitions_def=TEST_YEARS,
    description="How the study's columns become numbers, in its bins and in finer categories: two ColumnTransformers "
    "fitted on training stops alone.",
    **described(_GROUP, ENCODERS),
)
def feature_encoder(context: dg.AssetExecutionContext, training_stops: pd.DataFrame) -> dg.Output[Any]:
    """Fit the encoder of each set of columns that the study's forests take, the outcomes among them."""
    from sqf_pipeline.modelling.estimators import encoder_for
    from sqf_pipeline.modelling.experiments import plain_experiments, within_forms

    forms = forms_of_years([*training_stops["year"].unique(), int(context.partition_key)])
    possible, left_out = within_forms(plain_experiments(), forms)
    if left_out:
        context.log.warning("%s", left_out)
    forests = {experiment.feature_set: experiment for experiment in possible}
    encoders = {}
    for name, experiment in sorted(forests.items()):
        features = experiment.features()
        columns = sorted({*features.columns, *_TARGETS})
        encoders[name] = encoder_for(experiment.estimator, features, columns).fit(training_stops[columns])
    counts = {f"features_{name}": len(encoder.get_feature_names_out()) for name, encoder in encoders.items()}
    return dg.Output(encoders, metadata={"fitted_on_stops": len(training_stops), **counts})


def _features_asset(name: str, stops: str, *, description: str) -> dg.AssetsDefinition:
    """Return the asset of some stops as numbers, encoded by what was fitted on training stops alone."""

    @dg.asset(
        name=name,
        partitions_def=TEST_YEARS,
        ins={"encoders": dg.AssetIn("feature_encoder"), "stops": dg.AssetIn(stops)},
        check_specs=[gate_spec(name, TEST_YEARS, "Finite numbers, one row a stop, nothing that an outcome made.")],
        description=description,
        **described(_GROUP, FRAMES, personal=True),
    )
    def features(encoders: Any, stops: pd.DataFrame) -> Iterator[Any]:
        from sqf_pipeline.contracts.result_contracts import features_contract
        from sqf_pipeline.modelling.encoder import encoded_sets

        encoded = encoded_sets(encoders, stops)
        frame = pd.concat([stops[[*_KEY, *_TARGETS]], encoded], axis="columns")
        contract = features_contract(list(encoded.columns), tuple(_TARGETS), len(stops))
        yield from through_gate(contract, frame, asset=name)

    return features


training_features = _features_asset(
    "training_features",
    "training_stops",
    description="Training stops as numbers, with their key and outcomes: what the study's forests are fitted on.",
)
test_features = _features_asset(
    "test_features",
    "test_stops",
    description="Test stops as numbers, by the encoders of the training stops: what the study's forests score.",
)


def _about(stops: pd.DataFrame) -> dict[str, Any]:
    return {"dagster/column_lineage": same_columns("stops", stops.columns)} | {
        f"{name}_{answer}": int(count)
        for name in _TARGETS
        for answer, count in (
            ("yes", stops[name].sum()),
            ("no", (~stops[name]).sum()),
            ("unknown", stops[name].isna().sum()),
        )
    }
