"""Which model is called best: the one that did best on the last training year; the test year has no say."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def best_on_held_out(models: "pd.DataFrame") -> dict[tuple[str, str], str]:
    """Return the name of the best model by (outcome, feature set): least log loss on the last training year.

    Parameters
    ----------
    models
        Rows of the table `models`: outcome, feature_set, model and held_out_log_loss, which is null for a model
        that had no year held out. Of equal ones the first by name is taken. A set of columns whose one model had
        no year held out has that model; of several such, none is called best.
    """
    best = {}
    for (outcome, feature_set), part in models.groupby(["outcome", "feature_set"], sort=True):
        judged = part[part["held_out_log_loss"].notna()].sort_values(["held_out_log_loss", "model"])
        if len(judged):
            best[str(outcome), str(feature_set)] = str(judged["model"].iloc[0])
        elif len(part) == 1:
            best[str(outcome), str(feature_set)] = str(part["model"].iloc[0])
    return best
