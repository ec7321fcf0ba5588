"""How each published figure is computed again: counts and shares of stops, rows of result tables, refitted models.

Every function takes the evidence, the years it is computed on and its argument, and returns a number in the unit of
the claim, or None when what it needs is not there.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.modelling.estimators import encoder_for
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.registry.outcomes import happened
from sqf_pipeline.registry.stop_rules import rule_holds

if TYPE_CHECKING:
    from sqf_pipeline.published_figures.claims import Evidence

Years = tuple[int, ...]
Mask = NDArray[np.bool_]
_SEED = 1
_FOLDS = {"weapon": 10, "arrest": 5}
_WITH_REST = ("frisked", "searched", "summons_issued")
_DESCRIBED = (
    "suspect_age", "suspect_height_inches", "suspect_weight_pounds", "suspect_build", "suspect_eye_color",
    "suspect_hair_color", "stop_duration_minutes",
)  # fmt: skip


def count(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return how many stops satisfy the rule `argument`."""
    return float(sum(rule_holds(evidence.stops[year], argument).sum() for year in years))


def share(evidence: "Evidence", years: Years, argument: str) -> float | None:
    """Return the per cent of stops that satisfy `rule` among those that satisfy `of`; `argument` is `rule / of`."""
    rule, of = (part.strip() for part in argument.split("/", maxsplit=1))
    stops = evidence.of(years)
    among = rule_holds(stops, of)
    return 100.0 * float(rule_holds(stops, rule)[among].mean()) if among.any() else None


def table(evidence: "Evidence", years: Years, argument: str) -> float | None:
    """Return one number of a result table of the test year; `argument` is `table: rule of its row: column`.

    Shares of 0 to 1 that a claim states in per cent end with `%`.
    """
    del years
    name, rule, column = (part.strip() for part in argument.split(":"))
    rows = evidence.tables.get(name)
    if rows is None or rows.empty:
        return None
    found = rows[rule_holds(rows, rule)]
    value: Any = found[column.rstrip("%")].iloc[0] if len(found) == 1 else pd.NA
    return None if pd.isna(value) else float(value) * (100 if column.endswith("%") else 1)


def complete_over_incomplete(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return how many times as often `argument` holds among stops whose person is described in full as among others."""
    stops = evidence.of(years)
    complete, held = _complete(stops), rule_holds(stops, argument)
    return float(held[complete].mean() / held[~complete].mean())


def accuracy_oversampled_before_split(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return the accuracy over ten folds of frisked or searched stops, weapons doubled up before they are split."""
    numbers, weapon = _frisked_or_searched(evidence.of(years))
    rows = _balanced(np.arange(len(weapon)), weapon)
    return _cross_validated(numbers[rows], weapon[rows], argument, oversample=False)


def accuracy_oversampled_within_folds(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return the balanced accuracy over ten folds when only the training folds are oversampled."""
    numbers, weapon = _frisked_or_searched(evidence.of(years))
    return _cross_validated(numbers, weapon, argument, oversample=True)


def accuracy_of_complete_cases(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return a forest's accuracy for arrests over five folds of complete stops, on `white` or `not white` persons."""
    if years not in evidence.complete_cases:  # two claims are of the same forests
        evidence.complete_cases[years] = _complete_cases(evidence.of(years))
    right, white = evidence.complete_cases[years]
    return float(right[white if argument == "white" else ~white].mean())


def _complete_cases(stops: pd.DataFrame) -> tuple[Mask, Mask]:
    """Return whether a forest that did not see it said right of each complete stop, and whether the person is white."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    stops = stops[_complete(stops) & stops["arrested"].notna().to_numpy()].reset_index(drop=True)
    arrested = rule_holds(stops, "arrested")
    folds = StratifiedKFold(_FOLDS["arrest"], shuffle=True, random_state=_SEED)
    said = cross_val_predict(_forest(), _encoded(stops, _WITH_REST), arrested, cv=folds)
    return said == arrested, rule_holds(stops, "suspect_race == 'WHITE'")


def accuracy_of_random_split(evidence: "Evidence", years: Years, argument: str) -> float:
    """Return a forest's accuracy for arrests on a random fifth of the stops, trained on the others."""
    from sklearn.model_selection import train_test_split

    del argument
    stops = evidence.of(years).dropna(subset=["arrested"])
    arrested = rule_holds(stops, "arrested")
    fit, test = train_test_split(np.arange(len(stops)), test_size=0.2, random_state=_SEED)
    return _accuracy(_encoded(stops, _WITH_REST), arrested, fit, test)


def accuracy_of_later_year(evidence: "Evidence", years: Years, argument: str) -> float | None:
    """Return the same forest's accuracy on the years, trained on the training years of the test year."""
    del argument
    if not set(evidence.training_years) <= set(evidence.stops):
        return None
    stops = evidence.of((*evidence.training_years, *years)).dropna(subset=["arrested"])
    late = stops["year"].isin(list(years)).to_numpy()
    return _accuracy(
        _encoded(stops, _WITH_REST), rule_holds(stops, "arrested"), np.flatnonzero(~late), np.flatnonzero(late)
    )


FIGURES: Mapping[str, Callable[["Evidence", Years, str], float | None]] = {
    figure.__name__: figure
    for figure in (
        count, share, table, complete_over_incomplete, accuracy_oversampled_before_split,
        accuracy_oversampled_within_folds, accuracy_of_complete_cases, accuracy_of_random_split, accuracy_of_later_year,
    )
}  # fmt: skip


def _complete(stops: pd.DataFrame) -> Mask:
    return stops[list(_DESCRIBED)].notna().all(axis=1).to_numpy()


def _frisked_or_searched(stops: pd.DataFrame) -> tuple[NDArray[Any], Mask]:
    among = stops[rule_holds(stops, "frisked | searched")].reset_index(drop=True)
    return _encoded(among), happened(among, "weapon").fillna(value=False).to_numpy(dtype=bool)


def _encoded(stops: pd.DataFrame, more: tuple[str, ...] = ()) -> NDArray[Any]:
    """Return the columns known at the stop, and `more` yes-or-no columns, as numbers."""
    features = feature_set("at_stop")
    encoder = encoder_for("random_forest", features, features.columns)
    numbers = np.asarray(encoder.fit_transform(stops))
    return np.column_stack([numbers, *(rule_holds(stops, name) for name in more)])


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=_SEED, n_jobs=-1)


def _accuracy(numbers: NDArray[Any], label: Mask, fit: NDArray[np.int_], test: NDArray[np.int_]) -> float:
    said = _forest().fit(numbers[fit], label[fit]).predict(numbers[test])
    return float((said == label[test]).mean())


def _balanced(rows: NDArray[np.int_], label: Mask) -> NDArray[np.int_]:
    """Return rows with those of the rarer class drawn again until both classes are as many."""
    yes, no = rows[label[rows]], rows[~label[rows]]
    few, many = sorted((yes, no), key=len)
    again = np.random.default_rng(_SEED).choice(few, len(many) - len(few))
    return np.concatenate([rows, again])


def _cross_validated(numbers: NDArray[Any], label: Mask, kind: str, *, oversample: bool) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    models = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "decision_tree": DecisionTreeClassifier(random_state=_SEED),
    }
    said = np.empty(len(label), dtype=bool)
    for fit, test in StratifiedKFold(_FOLDS["weapon"], shuffle=True, random_state=_SEED).split(numbers, label):
        rows = _balanced(fit, label) if oversample else fit
        said[test] = models[kind].fit(numbers[rows], label[rows]).predict(numbers[test])
    return float(balanced_accuracy_score(label, said))
