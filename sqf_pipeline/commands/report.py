"""`sqf report`: what the tables hold."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqf_pipeline.commands.command_support import console, load_settings, open_warehouse, source_option, terminal_table
from sqf_pipeline.display import count, display_table, listed, metric_text
from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.metric_definitions import metrics_in
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, STUDY_OUTCOMES, families, model_order
from sqf_pipeline.registry.year_and_month_words import year_words
from sqf_pipeline.settings import Settings, schema_for_source

if TYPE_CHECKING:
    import sqlalchemy as sa
    from rich.console import Console
    from rich.table import Table

    from sqf_pipeline.orchestration.resources import Warehouse

RULES_SHOWN = 8


@click.command("report")
@click.option("--year", "years", type=int, multiple=True, help="Test year; repeat for several. [default: all]")
@source_option("Whose results: the sample's stand apart from the others'. [default: SQF_SOURCE]")
def command(years: tuple[int, ...], source: str | None) -> None:
    """Show what the tables hold: rows, outcomes, and metrics of the models."""
    settings = load_settings(source=source)
    with closing(open_warehouse(settings)) as warehouse:
        print_report(console(), settings, warehouse, years=years)


def print_report(
    out: "Console",
    settings: Settings,
    warehouse: "Warehouse",
    *,
    years: Sequence[int] | None,
    seconds: float | None = None,
) -> None:
    """Print the report of test years (all when it is empty; of the stops alone when it is None), and the places."""
    with warehouse.engine.connect() as connection:
        _rows(connection, "SELECT set_config('search_path', :schema, true)", schema=warehouse.schema)
        test_years = [] if years is None else _test_years(connection, warehouse.schema, years)
        out.print()
        _print_notes(out, connection)
        out.print(_stops(connection))
        out.print(_cleaning(connection))
        for test_year in test_years:
            for table in _models(connection, test_year):
                out.print(table)
    out.print(_places(settings, seconds), soft_wrap=True)


def _test_years(connection: "sa.Connection", schema: str, asked: Sequence[int]) -> list[int]:
    """Return the test years asked for, each of which is there, or all there are; raises SqfError otherwise."""
    there = [row["test_year"] for row in _rows(connection, "SELECT DISTINCT test_year FROM models ORDER BY 1")]
    absent = sorted(set(asked) - set(there))
    if absent:
        others = f"those of {year_words(there)}" if there else "none of any year"
        raise SqfError(
            f"There are no results of {year_words(absent)} in schema {schema}; there are {others}. "
            f"`sqf run --year {absent[0]}` makes them; the sample's stand apart (--source sample)."
        )
    if not there and not _rows(connection, "SELECT year FROM outcomes_by_year LIMIT 1"):
        raise SqfError(
            f"There are no results in schema {schema} yet. `sqf run` makes them; the sample's stand apart "
            "(--source sample)."
        )
    return sorted(set(asked)) or there


def _rows(connection: "sa.Connection", query: str, **values: object) -> "list[sa.RowMapping]":
    import sqlalchemy as sa

    return list(connection.execute(sa.text(query), values).mappings())


def _print_notes(out: "Console", connection: "sa.Connection") -> None:
    """Say first of all which years are partial, excerpts, or were loaded anew from other bytes."""
    import pandas as pd
    from rich.panel import Panel

    from sqf_pipeline.year_checks.completeness import coverage_note

    files = pd.DataFrame(_rows(connection, "SELECT year, coverage, months FROM source_files ORDER BY year"))
    if len(files) and (note := coverage_note(files)):
        out.print(Panel(note, title="Not whole years", border_style="bold yellow"))
    revised = _rows(
        connection,
        "SELECT r.year, f.file_name, r.former_sha256, r.former_fetched_at FROM revisions r "
        "JOIN source_files f USING (year, sha256) WHERE r.change = 'rows' ORDER BY r.year, r.recorded_at",
    )
    for row in revised:
        out.print(
            f"[yellow]! {row['year']} was revised:[/yellow] {row['file_name']} took the place of a file of "
            f"{row['former_fetched_at']:%Y-%m-%d} (SHA-256 {row['former_sha256'][:12]}...); see table revisions."
        )


def _stops(connection: "sa.Connection") -> "Table":
    found = _rows(
        connection,
        "SELECT o.*, f.coverage, f.file_name || ' (' || f.source || ')' AS file FROM outcomes_by_year o "
        "LEFT JOIN source_files f USING (year) ORDER BY year",
    )
    outcomes = [
        column
        for name in STUDY_OUTCOMES
        for plural in [OUTCOME_WORDS[name]["plural"]]
        for column in ((plural, plural, "count"), (f"{name}_share", "share", "percent"))
    ]
    columns = [
        ("year", "year", "plain"), ("stops", "stops", "count"), *outcomes, ("coverage", "coverage"), ("file", "file"),
    ]  # fmt: skip
    return terminal_table(display_table(found, columns, "Stops"))


def _cleaning(connection: "sa.Connection") -> "Table":
    import pandas as pd

    counted = pd.DataFrame(
        _rows(connection, "SELECT year::text, rule, rows FROM data_quality"), columns=["year", "rule", "rows"]
    )
    by_rule = counted.pivot_table("rows", "rule", "year", aggfunc="sum", fill_value=0)
    ranked = sorted(by_rule.index, key=lambda rule: (-by_rule.loc[rule].sum(), rule))
    shown = display_table(
        by_rule.loc[ranked[:RULES_SHOWN]].reset_index().to_dict("records"),
        [("rule", "rule"), *((year, year, "count") for year in by_rule)],
        "Cells that cleaning changed, by rule",
    )
    return terminal_table(
        shown, f"all {len(ranked)} rules are in table data_quality" if len(ranked) > RULES_SHOWN else None
    )


def _models(connection: "sa.Connection", test_year: int) -> "Iterator[Table]":
    """Yield a table for outcomes that are shown together: metrics on the test year, what is known first first."""
    found = _rows(
        connection,
        "SELECT m.outcome, m.feature_set, k.* FROM model_metrics k "
        "JOIN models m USING (test_year, model) WHERE k.test_year = :year",
        year=test_year,
    )
    found.sort(key=lambda row: model_order(row["outcome"], row["feature_set"], row["model"]))
    metrics = metrics_in("report")
    for outcomes in families(dict.fromkeys(row["outcome"] for row in found)).values():
        shown = [row for row in found if row["outcome"] in outcomes]
        first = {outcome: next(row for row in shown if row["outcome"] == outcome) for outcome in outcomes}
        positives = listed([count(row["test_positives"]) for row in first.values()])
        tested = count(shown[0]["test_rows"])
        title = f"Models of {listed(outcomes)}: {positives} of {tested} test stops of {test_year}"
        prefix = f"{outcomes[0]}-" if len(outcomes) == 1 else ""
        records = [
            {"model": str(row["model"]).removeprefix(prefix).replace("-", " ")}
            | {metric.name: metric_text(metric.name, row[metric.name]) for metric in metrics}
            for row in shown
        ]
        columns = [("model", "model"), *((metric.name, metric.short) for metric in metrics)]
        yield terminal_table(display_table(records, columns, title))


def _places(settings: Settings, seconds: float | None) -> str:
    from sqf_pipeline.service.bundle import CURRENT_NAME

    home = settings.home.resolve()
    database = "SQF_DATABASE_URL" if settings.database_url else "embedded PostgreSQL; `sqf db shell`, `sqf db url`"
    lines = [
        f"Tables  schema {schema_for_source(settings.source)} ({database})",
        f"Models  {_shown(settings.folder('storage'))}",
        f"Logs    {_shown(home / 'dagster')} and {_shown(home / 'postgres')}",
        "UI      sqf ui   (or make ui)",
        f"Card    {_shown(settings.folder('reports'))}, service: sqf serve"
        if (settings.folder("exports") / CURRENT_NAME).exists()
        else "Next    sqf run --full   every tier with intervals, groups, drift, card, and the export for sqf serve",
    ]
    if seconds is not None:
        lines.insert(0, f"Done in {seconds:.1f} s.")
    return "\n".join(lines)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
