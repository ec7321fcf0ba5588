"""The model card: what the models are, may be used for, and how well they predict.

References
----------
Mitchell et al. (2019), Model cards for model reporting, FAT*.
"""

from collections import defaultdict
from typing import Any

import pandas as pd

from sqf_pipeline.display import count, filled_template, listed, markdown_to_html, number, share
from sqf_pipeline.evaluation.model_selection import tried_for_one_place
from sqf_pipeline.registry.metric_definitions import Place, metrics_in
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, families
from sqf_pipeline.reporting import model_card_tables as card
from sqf_pipeline.reporting.treatment_tables import (
    concentration_table,
    recall_table,
    treatment_summary,
    treatment_years,
)
from sqf_pipeline.year_checks.completeness import coverage_note


def render_model_card(*, test_year: int, source: str, **tables: pd.DataFrame) -> tuple[str, str]:
    """Return the card as Markdown and as a whole HTML page, functions of the arguments alone (no time, no chance).

    `tables` are the result tables of the test year by name, as the warehouse holds them; what a lacking one would show
    is left out. Raises ValueError when there is no model.
    """
    current = defaultdict(pd.DataFrame, tables)
    if current["models"].empty:
        raise ValueError(f"a model card needs models, found none of test year {test_year}")
    markdown = filled_template(__package__, "model_card.md.j2", **_context(test_year, source, current))
    return markdown, _html(markdown, f"Model card: what followed police stops, test year {test_year}")


def _context(test_year: int, source: str, tables: card.Tables) -> dict[str, Any]:
    models = card.ordered_models(tables["models"])
    shown = families(dict.fromkeys(str(name) for name in models["outcome"]))
    training = sorted({int(year) for years in models["training_years"] for year in str(years).split(",")})
    files, statuses = tables["source_files"], tables["drift"]["status"].value_counts()
    decisions = tables["decision_and_hit_rates"]
    drift = tables["drift"][tables["drift"]["status"] != "ok"].sort_values(["status", "column_name", "measure"])
    compared = tables["study_2021_comparison"]
    rows = files.loc[files["year"] == test_year, "rows"]
    return {
        "test_year": test_year,
        "synthetic": source == "sample",
        "source": source,
        "data_note": coverage_note(files) if "coverage" in files else "",
        "training_years": ", ".join(map(str, training)),
        "forms": _forms(models),
        "training_rows": count(models["training_rows"].max()),
        "test_rows": count(rows.iloc[0] if len(rows) else None),
        "finding": finding(tables),
        "summary": card.summary(tables),
        "skill": [sentence for names in shown.values() for sentence in _skill(tables, names)],
        "families": list(shown),
        "source_files": card.card_table("source_files", files.sort_values("year")),
        "cleaning": card.cleaning(tables["data_quality"]),
        "tiers": card.tiers(tables),
        "gap_marks": card.gap_marks(tables["gap_marks"]),
        "ranking": {
            name: card.metrics(tables, group, [*_names("ranking"), *card.curve_recalls(tables, group)])
            for name, group in shown.items()
        },
        "probabilities": {name: card.metrics(tables, group, _names("probabilities")) for name, group in shown.items()},
        "concentration": concentration_table(models, tables["metric_intervals"], tables["risk_concentration"]),
        "at_recall": recall_table(models, tables["precision_at_recall"]),
        "outcome_counts": card.card_table("outcome_counts", tables["outcome_counts"]),
        "differences": card.differences(tables["metric_differences"]),
        "main_models": [
            _main_model(tables, row)
            for row in models[models["model"].isin(tables["subgroup_metrics"]["model"])].itertuples()
        ],
        "treatment": treatment_summary(decisions),
        "treatment_years": treatment_years(decisions),
        "drift": card.card_table("drift", drift),
        "drift_counts": {status: int(statuses.get(status, 0)) for status in ("ok", "warn", "fail")},
        "study_2021": card.card_table("study_2021", compared.assign(note=compared["note"].fillna(""))),
        "tried": card.card_table("tried", tried_for_one_place(models)),
        "fits": card.fits(models),
        "versions": card.versions(models),
        "level": _level(tables["metric_intervals"]),
    }


def _forms(models: pd.DataFrame) -> str:
    """Return what is to be said of years whose files have different forms, or ''."""
    if "forms" not in models or not models["forms"].astype("string").str.contains(",").any():
        return ""
    used = models.drop_duplicates("feature_set").set_index("feature_set")["columns"]
    sets = "; ".join(f"{name} ({text.count(',') + 1}): {text}" for name, text in sorted(used.items()))
    return (
        "These years have files of different forms: to 2016 the old one (OLD), since 2017 the one in use (NEW). The "
        "models use the columns alone that mean the same, or nearly the same, in both; what the models say of the test "
        "year may come of the change of form as well as of policing (docs/which_years_may_be_compared.md). Columns "
        f"used: {sets}."
    )


def _main_model(tables: card.Tables, model: Any) -> dict[str, Any]:
    """Return what is shown in full of a model, a row of `models`: of those with metrics by group of people."""

    def own(name: str) -> pd.DataFrame:
        return tables[name][tables[name]["model"] == model.model]

    return {
        "name": model.model,
        "outcome": model.outcome,
        "thresholds": card.thresholds(own("threshold_metrics")),
        "calibration": card.calibration(own("calibration_bins")),
        "subgroups": card.subgroups(own("subgroup_metrics")),
        "importances": card.importances(own("feature_importances")),
    }


def _level(intervals: pd.DataFrame) -> str:
    levels = intervals["level"].dropna().unique() if "level" in intervals else []
    return share(levels[0], 0) if len(levels) else "95 %"


def _names(place: Place) -> list[str]:
    return [metric.name for metric in metrics_in(place)]


def finding(tables: card.Tables) -> str:
    """Return in one sentence what the tables say first of all, or '' where no model of the two moments was chosen."""
    values, chosen = card.estimates(tables["metric_intervals"]), card.chosen_models(tables["models"])

    def areas(columns: str) -> str:
        found = {
            outcome: values[model, "roc_auc"][0]
            for (outcome, of_columns), model in chosen.items()
            if of_columns == columns and (outcome, "during") in chosen and (model, "roc_auc") in values
        }
        return " and ".join(f"{number(area, 2)} for {OUTCOME_WORDS[name]['plural']}" for name, area in found.items())

    at_stop, during = areas("at_stop"), areas("during")
    if not at_stop or not during:
        return ""
    return (
        f"What follows a stop is predicted with a ROC AUC of {at_stop} from what is known when it begins (0.5 is "
        f"chance, 1 is perfect), and of {during} from what officers write down during it, much of which follows from "
        "the outcome itself."
    )


def _skill(tables: card.Tables, outcomes: list[str]) -> list[str]:
    """Say how many models of some outcomes predict better than a constant, with an interval that leaves 0 out."""
    values, models = card.estimates(tables["metric_intervals"]), tables["models"]
    names = models.loc[models["outcome"].isin(outcomes), "model"]
    lows = [values[str(name), "brier_skill"][1] for name in names if (str(name), "brier_skill") in values]
    known = [float(low) for low in lows if not pd.isna(low)]
    if not known:
        return []
    return [
        f"Of {len(known)} models of {listed(outcomes)}, {sum(low > 0 for low in known)} predict better than always "
        "giving the training share (interval of the Brier skill above 0)."
    ]


def _html(markdown: str, title: str) -> str:
    """Return a whole page; HTML in the Markdown is shown as text, never obeyed."""
    from importlib import resources

    from markupsafe import Markup

    # A wide table scrolls by itself, and by keyboard.
    frame = '<div class="scroll" role="region" tabindex="0" aria-label="Table {}">\n<table>'
    body = markdown_to_html(markdown, opening=frame, closing="</table>\n</div>")
    style = resources.files(__package__).joinpath("templates", "model_card.css").read_text("utf-8")
    told = {"title": title, "style": Markup(style), "body": Markup(body)}  # noqa: S704  rendered with html off
    return filled_template(__package__, "model_card.html.j2", **told)
