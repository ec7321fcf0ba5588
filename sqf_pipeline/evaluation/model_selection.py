"""Which model is called best: the one that did best on the last training year; the test year has no say."""

import json

import pandas as pd

_TRIED = ["model", "estimator", "columns", "log_loss", "average_precision"]


def best_on_held_out(models: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return the name of the best model by (outcome, feature set): least log loss on the last training year.

    `models` are rows of the table of that name; held_out_log_loss is null for a model that had no year held out. Of
    equal ones the first by name is taken. A set of columns whose one model had no year held out has that model; of
    several such, none is called best.
    """
    best = {}
    for (outcome, feature_set), part in models.groupby(["outcome", "feature_set"], sort=True):
        judged = part[part["held_out_log_loss"].notna()].sort_values(["held_out_log_loss", "model"])
        if len(judged):
            best[str(outcome), str(feature_set)] = str(judged["model"].iloc[0])
        elif len(part) == 1:
            best[str(outcome), str(feature_set)] = str(part["model"].iloc[0])
    return best


def tried_for_one_place(models: pd.DataFrame) -> pd.DataFrame:
    """Return what was tried for each model that was one of several kinds or sets of columns, the chosen first.

    Frame of model, estimator, columns (how many), log_loss and average_precision on the last training year, from rows
    of the table `models`, whose `tried` is JSON or read already, and null where nothing was compared.
    """
    rows = []
    for model, told in zip(models["model"], models.get("tried", [None] * len(models)), strict=True):
        tried = json.loads(told) if isinstance(told, str) else told if isinstance(told, list) else []
        if len({(one["estimator"], *one["columns"]) for one in tried}) > 1:
            rows += [one | {"model": model, "columns": len(one["columns"])} for one in tried]
    return pd.DataFrame(rows, columns=_TRIED)
