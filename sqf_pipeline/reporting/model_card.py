"""The model card: what the models are, may be used for, and how well they predict.

References
----------
Mitchell et al. (2019), Model cards for model reporting, FAT*.
"""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sqf_pipeline.display import DisplayTable, count, display_table, listed, number, share
from sqf_pipeline.evaluation.model_selection import tried_for_one_place
from sqf_pipeline.modelling.feature_sets import feature_sets
from sqf_pipeline.registry.metric_definitions import Place, metrics_in
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, families
from sqf_pipeline.reporting import model_card_tables as tables
from sqf_pipeline.reporting import weapon_tables
from sqf_pipeline.reporting.markdown import render
from sqf_pipeline.reporting.treatment_tables import treatment_summary, treatment_years
from sqf_pipeline.year_checks.completeness import coverage_note


@dataclass(frozen=True)
class ModelCardInputs:
    """Result tables of one test year, as the warehouse holds them.

    Attributes
    ----------
    test_year
        Year that the models are tested on.
    source
        `local`, `nypd` or `sample`.
    models, metric_intervals, threshold_metrics, calibration_bins, subgroup_metrics, feature_importances, drift,
    study_2021_comparison, source_files, data_quality, metric_differences, gap_marks, outcome_counts,
    risk_concentration, precision_at_recall, outcome_test_rates, outcome_test_contrasts, decision_and_hit_rates,
    risk_adjusted, veil_of_darkness, threshold_test
        Tables of those names. Rows of other test years are left out, but for `metric_intervals`, whose other years
        become the table over years.
    main_models
        Models shown in full; those those with metrics by group of people if empty.
    """

    test_year: int
    source: str
    models: pd.DataFrame
    metric_intervals: pd.DataFrame
    threshold_metrics: pd.DataFrame
    calibration_bins: pd.DataFrame
    subgroup_metrics: pd.DataFrame
    feature_importances: pd.DataFrame
    drift: pd.DataFrame
    study_2021_comparison: pd.DataFrame
    source_files: pd.DataFrame
    data_quality: pd.DataFrame
    metric_differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    gap_marks: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcome_counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    risk_concentration: pd.DataFrame = field(default_factory=pd.DataFrame)
    precision_at_recall: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcome_test_rates: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcome_test_contrasts: pd.DataFrame = field(default_factory=pd.DataFrame)
    decision_and_hit_rates: pd.DataFrame = field(default_factory=pd.DataFrame)
    risk_adjusted: pd.DataFrame = field(default_factory=pd.DataFrame)
    veil_of_darkness: pd.DataFrame = field(default_factory=pd.DataFrame)
    threshold_test: pd.DataFrame = field(default_factory=pd.DataFrame)
    main_models: tuple[str, ...] = ()

    def of_test_year(self) -> "ModelCardInputs":
        """Return the same inputs with rows of this test year alone."""
        kept = {
            name: value[value["test_year"] == self.test_year]
            if isinstance(value, pd.DataFrame) and "test_year" in value.columns
            else value
            for name, value in vars(self).items()
        }
        return ModelCardInputs(**kept)


def render_model_card(inputs: ModelCardInputs) -> tuple[str, str]:
    """Return the card as Markdown and as a whole HTML page, functions of the inputs alone (no time, no chance).

    Raises
    ------
    ValueError
        When there is no model of the test year.
    """
    current = inputs.of_test_year()
    if current.models.empty:
        raise ValueError(f"a model card needs models, found none of test year {inputs.test_year}")
    markdown = render("model_card.md.j2", **_context(current, inputs.metric_intervals))
    return markdown, _html(markdown, f"Model card: what followed police stops, test year {inputs.test_year}")


def _context(inputs: ModelCardInputs, history: pd.DataFrame) -> dict[str, Any]:
    models = tables.ordered_models(inputs.models)
    shown = families(dict.fromkeys(str(name) for name in models["outcome"]))
    training = sorted({int(year) for years in models["training_years"] for year in str(years).split(",")})
    described = {name: entry.description for name, entry in feature_sets().items()}
    return {
        "test_year": inputs.test_year,
        "synthetic": inputs.source == "sample",
        "source": inputs.source,
        "data_note": coverage_note(inputs.source_files) if "coverage" in inputs.source_files else "",
        "training_years": ", ".join(map(str, training)),
        "forms": _forms(models),
        "training_rows": count(models["training_rows"].max()),
        "test_rows": count(_test_rows(inputs)),
        "finding": finding(inputs),
        "summary": tables.summary(inputs),
        "skill": [sentence for names in shown.values() for sentence in _skill(inputs, models, names)],
        "families": list(shown),
        "source_files": tables.source_files(inputs),
        "cleaning": tables.cleaning(inputs),
        "tiers": tables.tiers(inputs, described),
        "gap_marks": tables.gap_marks(inputs),
        "ranking": {
            name: tables.metrics(inputs, group, [*_names("ranking"), *tables.curve_recalls(inputs, group)])
            for name, group in shown.items()
        },
        "probabilities": {
            name: tables.metrics(inputs, group, _names("probabilities")) for name, group in shown.items()
        },
        "concentration": weapon_tables.concentration_table(models, inputs.metric_intervals, inputs.risk_concentration),
        "at_recall": weapon_tables.recall_table(models, inputs.precision_at_recall),
        "outcome_counts": weapon_tables.counts_table(inputs.outcome_counts),
        "differences": tables.differences(inputs),
        "main_models": [_main_model(inputs, name) for name in _main_models(inputs)],
        "treatment": treatment_summary(inputs.decision_and_hit_rates),
        "treatment_years": treatment_years(inputs.decision_and_hit_rates),
        "drift": tables.drift(inputs),
        "drift_counts": {status: int((inputs.drift["status"] == status).sum()) for status in ("ok", "warn", "fail")},
        "study_2021": tables.study_2021(inputs),
        "years": tables.years(history),
        "tried": _tried(models),
        "fits": tables.fits(inputs),
        "versions": tables.versions(inputs),
        "level": _level(inputs),
    }


def _tried(models: pd.DataFrame) -> DisplayTable:
    """Return what was compared for each served model, the chosen first."""
    return display_table(
        tried_for_one_place(models).to_dict("records"),
        [("model", "Served", "code"), ("estimator", "Tried", "words"), ("columns", "Columns", "count"),
         ("log_loss", "Log loss", "small"), ("average_precision", "Average precision", "decimal")],
    )  # fmt: skip


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


def _main_models(inputs: ModelCardInputs) -> list[str]:
    chosen = set(inputs.main_models or map(str, inputs.subgroup_metrics["model"].unique()))
    return [str(name) for name in tables.ordered_models(inputs.models)["model"] if name in chosen]


def _main_model(inputs: ModelCardInputs, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "outcome": str(inputs.models.set_index("model").loc[name, "outcome"]),
        "thresholds": tables.thresholds(inputs, name),
        "calibration": tables.calibration(inputs, name),
        "subgroups": tables.subgroups(inputs, name),
        "importances": tables.importances(inputs, name),
    }


def _test_rows(inputs: ModelCardInputs) -> int | None:
    rows = inputs.source_files.loc[inputs.source_files["year"] == inputs.test_year, "rows"]
    return int(rows.iloc[0]) if len(rows) else None


def _level(inputs: ModelCardInputs) -> str:
    levels = inputs.metric_intervals["level"].dropna().unique() if "level" in inputs.metric_intervals else []
    return share(levels[0], 0) if len(levels) else "95 %"


def _names(place: Place) -> list[str]:
    return [metric.name for metric in metrics_in(place)]


def finding(inputs: ModelCardInputs) -> str:
    """Return in one sentence what the tables say first of all, or '' where no model of the two moments was chosen."""
    values, chosen = tables.estimates(inputs), tables.chosen_models(inputs)

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


def _skill(inputs: ModelCardInputs, models: pd.DataFrame, outcomes: list[str]) -> list[str]:
    """Say how many models of some outcomes predict better than a constant, with an interval that leaves 0 out."""
    values = tables.estimates(inputs)
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

    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = renderer.render(markdown)
    # A wide table scrolls by itself, and by keyboard; its head cells say what they head.
    frame = '<div class="scroll" role="region" tabindex="0" aria-label="Table {}">\n<table>'
    pieces = body.replace("<th>", '<th scope="col">').replace("<th style", '<th scope="col" style').split("<table>")
    numbered = pieces[0] + "".join(
        frame.format(number) + piece.replace("</table>", "</table>\n</div>")
        for number, piece in enumerate(pieces[1:], 1)
    )
    style = resources.files("sqf_pipeline.reporting").joinpath("templates", "model_card.css").read_text("utf-8")
    loader = PackageLoader("sqf_pipeline.reporting", "templates")
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]))
    page = environment.get_template("model_card.html.j2")
    return page.render(title=title, style=Markup(style), body=Markup(numbered))  # noqa: S704  rendered with html off
