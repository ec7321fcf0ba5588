"""Models by name: how each is made, and on which encoding of stops it is fitted.

A model takes a frame of registry columns: its first step is the encoder, its last the classifier. The blend hands
the frame through to members that have encoders of their own, and takes the weighted mean of their probabilities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.feature_sets import FeatureSet
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES

if TYPE_CHECKING:
    from sqf_pipeline.modelling.encoder import Encoding

Codes = Literal["one_hot", "drop", "number"]

TUNED_FOREST: Mapping[str, Any] = {
    "n_estimators": 100, "min_samples_leaf": 4, "max_features": 0.2, "random_state": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of model."""

    classifier: str  # its class, which is imported when one is made: not every command needs scikit-learn
    encoding: "Encoding"  # of its stops, see `encoder`
    description: str  # what it is, in a few words for people
    codes: Codes = "drop"  # what becomes of codes (precinct, commands)
    mark_missing: bool = True  # whether missing numbers get a column of their own
    parallel: bool = False  # whether the classifier takes `n_jobs`
    settings: Mapping[str, Any] = field(default_factory=dict)  # unless an experiment says otherwise

    def make(self, **settings: Any) -> Any:
        """Return an unfitted classifier with these settings."""
        module, _, name = self.classifier.rpartition(".")
        return getattr(import_module(module), name)(**settings)


_FOREST = "sklearn.ensemble.RandomForestClassifier"

KINDS: Mapping[str, Kind] = {
    "random_forest": Kind(
        _FOREST, "one_hot", "Forest with the study's settings: scikit-learn's defaults, grown to purity.",
        mark_missing=False, parallel=True, settings={"random_state": 1},
    ),
    "tuned_forest": Kind(
        _FOREST, "one_hot", "Forest whose leaf size and features a split were chosen on the last training year.",
        parallel=True, settings=TUNED_FOREST,
    ),
    "weighted_forest": Kind(
        _FOREST, "one_hot", "Tuned forest in which a positive counts as much as all negatives share.",
        parallel=True, settings={**TUNED_FOREST, "class_weight": "balanced_subsample"},
    ),
    "balanced_forest": Kind(
        "imblearn.ensemble.BalancedRandomForestClassifier", "one_hot",
        "Forest of which each tree sees as many negatives as positives.", parallel=True,
        settings={
            "n_estimators": 200, "min_samples_leaf": 3, "max_features": "sqrt", "sampling_strategy": "all",
            "replacement": True, "bootstrap": False, "random_state": 1,
        },
    ),
    "boosting": Kind(
        "sklearn.ensemble.HistGradientBoostingClassifier", "native",
        "Histogram gradient boosting with native categories.",
        settings={
            "learning_rate": 0.06, "max_iter": 150, "max_leaf_nodes": 15, "min_samples_leaf": 30,
            "l2_regularization": 1.0, "max_features": 0.3, "random_state": 1,
        },
    ),
    "forest_and_boosting": Kind(
        "sklearn.ensemble.VotingClassifier", "native",
        "Weighted mean of the tuned forest's and two boostings' probabilities.",
    ),
    "logistic_regression": Kind(
        "sklearn.linear_model.LogisticRegression", "scaled", "Logistic regression on scaled columns.",
        settings={"C": 0.1, "max_iter": 300},
    ),
    "constant": Kind(
        "sklearn.dummy.DummyClassifier", "one_hot", "The share of positives in training, for every stop.",
    ),
}  # fmt: skip


BLEND = "forest_and_boosting"
SLOW_BOOSTING: Mapping[str, Any] = {"learning_rate": 0.04, "max_iter": 300}
"""Boosting for a common outcome: more and smaller steps, better on the last training year."""

BLENDED: Mapping[str, tuple[tuple[str, float, Mapping[str, Any]], ...]] = {
    "common": (
        ("tuned_forest", 1.0, {}),
        ("boosting", 2.0, SLOW_BOOSTING),
        ("boosting", 2.0, {**SLOW_BOOSTING, "max_features": 0.2, "random_state": 2}),
    ),
    "rare": (
        ("tuned_forest", 1.0, {}),
        ("boosting", 2.0, {}),
        ("boosting", 2.0, {"learning_rate": 0.05, "max_leaf_nodes": 8}),
    ),
}
"""Members of the blend of a common or rare outcome: kinds, weights, and settings laid over theirs."""


def blended(outcome: str) -> tuple[tuple[str, float, Mapping[str, Any]], ...]:
    """Return the members of an outcome's blend, see `BLENDED`."""
    return BLENDED["common" if OUTCOME_ENTRIES[outcome].common else "rare"]


def kind(name: str) -> Kind:
    """Return a kind of model; raises SqfError naming those that there are."""
    if name not in KINDS:
        raise SqfError(f"There is no kind of model {name!r}. The kinds are: {', '.join(KINDS)}.")
    return KINDS[name]


def encoder_for(estimator: str, features: FeatureSet, names: Sequence[str]) -> Any:
    """Return the unfitted encoder of columns of a set, as a kind of model takes them."""
    from sqf_pipeline.modelling.encoder import make_encoder  # brings scikit-learn, which not every command needs

    chosen = kind(estimator)
    return make_encoder(
        names, chosen.encoding, bins=features.bins, codes=chosen.codes, mark_missing=chosen.mark_missing
    )


def make_model(
    estimator: str,
    features: FeatureSet,
    outcome: str,
    *,
    settings: Mapping[str, Any],
    n_jobs: int | None = None,
    encoded: bool = False,
    parts: Sequence[Any] = (),
) -> Any:
    """Return an unfitted Pipeline of encoder and classifier that takes a frame of the set's columns.

    `settings` are laid over the kind's own. With `encoded`, the Pipeline takes encoded features instead and has the
    classifier alone. `parts` are the fitted models of a blend's members, which it takes as they are. Where the set's
    gaps are not to be seen, the Pipeline draws (see `drawn_descriptions`).
    """
    from sklearn.pipeline import Pipeline

    from sqf_pipeline.modelling.drawn_descriptions import DrawingPipeline

    steps = _make_steps(estimator, features, outcome, settings, n_jobs, parts=parts)
    if encoded:
        return Pipeline(steps[-1:])
    drawn = features.drawn_for(outcome)
    return DrawingPipeline(steps, drawn=drawn) if drawn else Pipeline(steps)


def _make_steps(
    estimator: str,
    features: FeatureSet,
    outcome: str,
    settings: Mapping[str, Any],
    n_jobs: int | None,
    *,
    parts: Sequence[Any] = (),
) -> list[tuple[str, Any]]:
    from sklearn.pipeline import Pipeline

    chosen = kind(estimator)
    if estimator == BLEND:
        from sklearn.frozen import FrozenEstimator

        entries = blended(outcome)
        members = [FrozenEstimator(Pipeline(part.steps)) for part in parts] or [
            Pipeline(_make_steps(name, features, outcome, {**own, **settings}, n_jobs)) for name, _, own in entries
        ]
        named = [
            (f"{name}_{place}", member)
            for place, ((name, _, _), member) in enumerate(zip(entries, members, strict=True), 1)
        ]
        weights = [weight for _, weight, _ in entries]
        return [("encode", "passthrough"), ("classify", chosen.make(estimators=named, voting="soft", weights=weights))]
    names = features.columns_for(outcome)
    arguments: dict[str, Any] = {**chosen.settings, **settings}
    if chosen.parallel:
        arguments["n_jobs"] = n_jobs
    if chosen.encoding == "native":
        kinds = [column(name).kind for name in names]
        numbers = sum(one not in {"category", "code"} for one in kinds)
        # they follow the numbers
        arguments["categorical_features"] = list(range(numbers, numbers + kinds.count("category")))
    return [("encode", encoder_for(estimator, features, names)), ("classify", chosen.make(**arguments))]


def use_one_core(model: Any) -> None:
    """Let a fitted model answer on one core: several add up the trees' votes in the order in which they finish."""
    classifier = model[-1]
    if "n_jobs" in classifier.get_params(deep=False):
        classifier.set_params(n_jobs=1)
    for member in getattr(classifier, "estimators_", ()):
        if hasattr(member, "named_steps"):
            use_one_core(member)


def clear_padding(model: Any) -> None:
    """Set to zero what lies between the fields of a fitted forest's nodes, so that equal forests are equal bytes.

    scikit-learn leaves there whatever the memory held before, and stores it with the model. A balanced forest also
    keeps a copy of each tree beside its sampler; as no prediction asks them, they go: they doubled its file, and one of
    96 models of two full runs differed by them.
    """
    import numpy as np

    for name in ("pipelines_", "samplers_"):
        vars(model[-1]).pop(name, None)
    for grown in getattr(model[-1], "estimators_", ()):
        if hasattr(grown, "tree_"):
            state = grown.tree_.__getstate__()
            nodes = np.zeros(len(state["nodes"]), state["nodes"].dtype)
            for name in nodes.dtype.names:
                nodes[name] = state["nodes"][name]
            grown.tree_.__setstate__(state | {"nodes": nodes})
        elif hasattr(grown, "steps"):  # a member of a blend
            clear_padding(grown)


def settings_of(model: Any) -> dict[str, Any]:
    """Return the classifier's settings, those of a blend's members by their names, without the number of cores."""
    classifier = model[-1]
    members = getattr(classifier, "named_estimators_", None)
    if members is not None:
        return {name: settings_of(member) for name, member in members.items()}
    return {name: value for name, value in sorted(classifier.get_params(deep=False).items()) if name != "n_jobs"}
