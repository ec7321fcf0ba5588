"""`sqf run`: from the published files to models and result tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqf_pipeline.commands.command_support import console, load_settings, open_warehouse, quieten
from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import locked
from sqf_pipeline.settings import Settings, Source

if TYPE_CHECKING:
    from sqf_pipeline.ingest.source_decision import SourceDecision


@click.command("run")
@click.option("--year", "years", type=int, multiple=True, help="Test year; repeat for several. [default: 2020]")
@click.option(
    "--source",
    type=click.Choice(["local", "nypd", "sample", "auto"]),
    help="Where the yearly files come from. [default: SQF_SOURCE, else auto]",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the yearly files. [default: SQF_DATA_DIR]")
@click.option(
    "--full",
    "everything",
    is_flag=True,
    help="Evaluate at every tier, with intervals, and publish too: five to ten minutes more on two free cores.",
)
@click.option("--excerpt", is_flag=True, default=None, help="The files are excerpts, and everything says so.")
@click.option(
    "--allow-partial",
    is_flag=True,
    default=None,
    help="Use years with missing months for models, and say so everywhere.",
)
def command(years: tuple[int, ...], everything: bool, **given: Any) -> None:
    """Make every asset of the test years, from the published files to the result tables.

    The three years before each test year are read too. With the source `auto`, local files are used if they are
    there, else NYPD's; if neither is available, synthetic stops with a clear notice.
    """
    quieten()
    from sqf_pipeline.orchestration.partitions import FIRST_TEST_YEAR, require_test_year

    tested = sorted(set(years or (FIRST_TEST_YEAR,)))
    for year in tested:
        require_test_year(year)
    settings = load_settings(**given)
    with _alone(settings.home):
        _run(tested, settings, everything=everything)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home folder for one `sqf run` at a time: two would write results of different files side by side."""
    from sqf_pipeline.orchestration.instance import instance_folder

    busy = f"Another `sqf run` is working in {home}. Wait until it ends, or set SQF_HOME to another folder."
    with locked(instance_folder(home) / "run.lock", seconds=0, otherwise=SqfError(busy)):
        yield


def _run(tested: list[int], settings: Settings, *, everything: bool) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sqf_pipeline.commands.progress import RunDisplay
    from sqf_pipeline.commands.report import print_report
    from sqf_pipeline.definitions import build_defs
    from sqf_pipeline.ingest.source_decision import resolve_source
    from sqf_pipeline.orchestration.instance import open_instance
    from sqf_pipeline.orchestration.resources import SOURCE_TAG
    from sqf_pipeline.orchestration.running import run_work, steps_of, work_for

    out = console()
    work = work_for(tested, everything=everything)
    decision = resolve_source(
        settings.source,
        settings.data_dir,
        sorted({item.year for item in work}),
        allow_sample=True,
        url_template=settings.nypd_url,
    )
    source: Source = "sample" if decision.is_fallback else settings.source
    if decision.is_fallback:
        from rich.panel import Panel

        out.print(Panel(decision.reason, title="Synthetic stops", border_style="bold yellow"))
    else:
        out.print(f"Source: {_told(decision)}. {decision.reason}")
    warehouse = open_warehouse(settings, source)
    definitions = build_defs(settings, source=source, warehouse=warehouse)
    with (
        ThreadPoolExecutor(1) as aside,
        open_instance(settings.home) as instance,
        RunDisplay(out, steps_of(definitions, work)) as display,
    ):
        # the server needs a second or two to start, in which the first file is read
        opening = aside.submit(lambda: warehouse.engine)
        for item in work:
            if opening.done():
                opening.result()
            run_work(definitions, instance, item, display.show, tags={SOURCE_TAG: source})
        seconds = display.seconds
    print_report(out, settings, source, warehouse, years=tested, seconds=seconds)
    warehouse.close()


def _told(decision: "SourceDecision") -> str:
    """Return the source of every year in few words: `local` when all are, else `local 2017, 2018; nypd 2019`."""
    years: dict[str, list[str]] = {}
    for year, source in decision.by_year.items():
        years.setdefault(source, []).append(str(year))
    if len(years) == 1:
        return next(iter(years))
    return "; ".join(f"{source} {', '.join(of_source)}" for source, of_source in years.items())
