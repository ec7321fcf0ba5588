"""The risk that an act finds something, foreseen from what is known at the stop by boosting on other encounters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import SEED
from sqf_pipeline.evaluation.metrics import Floats
from sqf_pipeline.modelling.estimators import kind
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.side_by_side import one_thread
from sqf_pipeline.registry.columns import column

Encoded = tuple[Floats, list[str], list[int]]

FOLDS = 5
RISK_FLOOR = 1e-6
"""Risks are kept this far from 0 and 1 before their log odds are taken."""


def encode_for_risk(stops: pd.DataFrame) -> Encoded:
    """Return what is known at the stop as numbers, its columns' names, and the places of the categories.

    Missing values of the person's description are drawn as for the models at the stop, so that no gap tells what came
    of it; see `drawn_descriptions`.
    """
    from sqf_pipeline.modelling.drawn_descriptions import learn_descriptions
    from sqf_pipeline.modelling.encoder import make_encoder

    features = feature_set("at_stop")
    names = [name for name in features.columns if column(name).kind != "code" and stops[name].notna().any()]
    drawn = [name for name in features.drawn_for("arrest") if name in names]
    filled = learn_descriptions(stops[names], drawn).draw(stops[names])
    encoder = make_encoder(names, "native", codes="drop")
    encoded = np.asarray(encoder.fit_transform(filled))
    found = [str(name).split("=", 1)[0] for name in encoder.get_feature_names_out()]
    return encoded, found, [place for place, name in enumerate(found) if column(name).kind == "category"]


def foreseen_risk(
    encoded: Encoded,
    clusters: NDArray[np.intp],
    known: NDArray[np.bool_],
    found: NDArray[np.bool_],
    *,
    without: Sequence[str] = (),
    repeats: int = 1,
) -> Floats:
    """Return the risk of each stop by models that saw neither it nor its encounter, float64 of shape (stops,).

    Raises ValueError when a fold's models would have stops of one outcome only.

    Parameters
    ----------
    encoded, clusters
        From `encode_for_risk`; encounter of each stop from 0.
    known, found
        Stops on which models are fitted, and whether something was found on each, shape (stops,).
    without
        Columns that the models do not see.
    repeats
        How often the encounters are dealt to folds anew; the risk is the mean.
    """
    values, names, categories = encoded
    kept = [place for place, name in enumerate(names) if name not in without]
    boosting = kind("boosting")
    settings = {**boosting.settings, "categorical_features": [kept.index(p) for p in categories if p in kept]}
    generator = np.random.default_rng(SEED)
    risk = np.zeros(len(values))
    for _ in range(repeats):
        fold = generator.permutation(int(clusters.max()) + 1)[clusters] % FOLDS
        for number in range(FOLDS):
            learn = known & (fold != number)
            if found[learn].all() or not found[learn].any():
                raise ValueError("The stops to learn risk from have one outcome only, so that no risk can be learnt.")
            with one_thread():
                model = boosting.make(**settings).fit(values[learn][:, kept], found[learn])
                risk[fold == number] += model.predict_proba(values[fold == number][:, kept])[:, 1]
    return risk / repeats
