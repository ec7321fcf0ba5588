"""`sqf run`: from the published files to models and result tables."""

import atexit
import gc
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqf_pipeline.commands.command_support import (
    console,
    load_settings,
    open_warehouse,
    quieten,
    source_option,
    years_given,
)
from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import locked
from sqf_pipeline.registry.year_and_month_words import year_words
from sqf_pipeline.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Future

    import sqlalchemy as sa

    from sqf_pipeline.ingest.source_decision import SourceDecision
    from sqf_pipeline.orchestration.resources import Warehouse
    from sqf_pipeline.orchestration.year_rules import Work
    from sqf_pipeline.orchestration.years_ahead import YearsAhead


@click.command("run")
@click.option("--year", "years", type=int, multiple=True, help="Test year; repeat for several. [default: 2020]")
@source_option("Where the yearly files come from. [default: SQF_SOURCE, else auto]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the yearly files. [default: SQF_DATA_DIR]")
@click.option(
    "--train",
    callback=years_given,
    help="Years that the one test year is trained on, such as 2014,2015. [default: the three before it]",
)
@click.option("--stops-only", is_flag=True, help="Load the stops of --years and fit no model.")
@click.option(
    "--years", "stops_of", callback=years_given, help="With --stops-only: such as 2014-2016, or 2003-2005,2014."
)
@click.option(
    "--full",
    "everything",
    is_flag=True,
    help="Evaluate at every tier, with intervals, and publish too: about four minutes more on two free cores.",
)
@click.option("--excerpt", is_flag=True, default=None, help="The files are excerpts, and everything says so.")
@click.option(
    "--allow-partial",
    is_flag=True,
    default=None,
    help="Use years with missing months for models, and say so everywhere.",
)
def command(
    years: tuple[int, ...],
    train: tuple[int, ...],
    stops_only: bool,
    stops_of: tuple[int, ...],
    everything: bool,
    **given: Any,
) -> None:
    """Make every asset of the test years, from the published files to the result tables.

    The three years before each test year are read too, or those of --train. With the source `auto`, local files are
    used if they are there, else NYPD's; if neither is available, synthetic stops with a clear notice.
    """
    quieten()
    from sqf_pipeline.orchestration.instance import instance_folder
    from sqf_pipeline.orchestration.year_rules import (
        STUDY_TEST_YEAR,
        require_test_year,
        require_training_years,
        require_years,
    )

    if stops_only != bool(stops_of) or (stops_only and (years or train or everything)):
        raise click.UsageError(
            "--stops-only and --years go together: `--stops-only --years 2014-2016` loads the stops of these years and "
            "fits no model. Test years of models are named by --year."
        )
    tested = [] if stops_only else sorted(set(years or (STUDY_TEST_YEAR,)))
    if train and len(tested) > 1:
        raise click.UsageError("--train names the training years of one test year: give --year once.")
    for year in tested:
        require_test_year(year)
    require_years(stops_of)
    if train:
        require_training_years(train, tested[0])
    settings = load_settings(**given)
    busy = f"Another `sqf run` is working in {settings.home}. Wait until it ends, or set SQF_HOME to another folder."
    # two would write results of different files side by side
    with locked(instance_folder(settings.home) / "run.lock", seconds=0, otherwise=SqfError(busy)):
        _run(tested, settings, train, stops_of, everything=everything)


def _study_left_out(years: list[int]) -> str:
    """Return why the study's models, which are all that a plain run fits, cannot be fitted on some years, or ''."""
    from sqf_pipeline.modelling.experiments import plain_experiments, within_forms
    from sqf_pipeline.registry.forms.published_forms import forms_of_years

    return within_forms(plain_experiments(), forms_of_years(years))[1]


def _run(
    tested: list[int], settings: Settings, train: tuple[int, ...], stops_of: tuple[int, ...], *, everything: bool
) -> None:
    """Make the runs of some years: what is known is said first, and what takes long to import or to start comes after.

    The server starts and years are read beside this process, which meanwhile imports Dagster.
    """
    from concurrent.futures import ThreadPoolExecutor

    from sqf_pipeline.ingest.source_decision import resolve_source
    from sqf_pipeline.modelling.side_by_side import end_processes
    from sqf_pipeline.orchestration.year_rules import work_for

    atexit.register(gc.freeze)  # a last look for circles among all that was imported takes half a second
    out = console()
    work = work_for(tested, everything=everything, train=train, stops_of=stops_of)
    needed = sorted({item.year for item in work})
    decision = resolve_source(
        settings.source, settings.data_dir, needed, allow_sample=True, addresses=settings.addresses
    )
    if decision.is_fallback:
        settings = settings.model_copy(update={"source": "sample"})
        from rich.panel import Panel

        out.print(Panel(decision.reason, title="Synthetic stops", border_style="bold yellow"))
    else:
        out.print(f"Source: {_told(decision)}. {decision.reason}")
    _require_files(decision, settings.data_dir, tested)
    warehouse = open_warehouse(settings)
    with ExitStack() as aside:
        aside.callback(end_processes)
        opening = aside.enter_context(ThreadPoolExecutor(1)).submit(lambda: warehouse.engine)
        ahead = aside.enter_context(closing(_read_ahead(decision, settings)))
        left_out = _study_left_out(needed) if tested and not everything else ""
        if left_out:
            out.print(f"{left_out} The models of every tier are fitted and measured instead, as with --full.")
            work = work_for(tested, everything=True, train=train)
        training = dict.fromkeys(tested, train) if train else {}
        seconds = _materialise(work, settings, warehouse=warehouse, opening=opening, ahead=ahead, training=training)

    from sqf_pipeline.commands.report import print_report

    print_report(out, settings, warehouse, years=tested or None, seconds=seconds)
    warehouse.close()


def _materialise(
    work: list["Work"],
    settings: Settings,
    *,
    warehouse: "Warehouse",
    opening: "Future[sa.Engine]",
    ahead: "YearsAhead",
    training: dict[int, tuple[int, ...]],
) -> float:
    """Make runs one after another, and return the seconds that they took."""
    from sqf_pipeline.commands.progress import RunDisplay
    from sqf_pipeline.definitions import build_defs
    from sqf_pipeline.orchestration.instance import open_instance
    from sqf_pipeline.orchestration.resources import SOURCE_TAG, PublishedFiles
    from sqf_pipeline.orchestration.running import run_work, steps_of
    from sqf_pipeline.orchestration.study_ahead import StudyAhead
    from sqf_pipeline.orchestration.year_rules import STOPS_JOB, training_years

    published_files, study = PublishedFiles(settings, ahead), StudyAhead(settings)
    definitions = build_defs(
        settings, training=training, warehouse=warehouse, published_files=published_files, study_ahead=study
    )
    with (
        open_instance(settings.home) as instance,
        RunDisplay(console(), steps_of(definitions, work)) as display,
        closing(study),
    ):
        for item in work:
            if opening.done():
                opening.result()
            if item.job != STOPS_JOB:
                study.begin(item.year, training.get(item.year) or training_years(item.year))
            run_work(definitions, instance, item, display.show, tags={SOURCE_TAG: settings.source})
        return display.seconds


def _read_ahead(decision: "SourceDecision", settings: Settings) -> "YearsAhead":
    """Let other processes begin with the years whose files are in the folder."""
    from joblib import effective_n_jobs

    from sqf_pipeline.ingest.local_files import find_year_files
    from sqf_pipeline.orchestration.years_ahead import YearsAhead

    local = sorted(year for year, source in decision.by_year.items() if source == "local")
    files = [(year, find_year_files(settings.data_dir, year).paths) for year in local]
    return YearsAhead(files, effective_n_jobs(settings.jobs) if settings.compute == "local" else 1)


def _require_files(decision: "SourceDecision", data_dir: Path, tested: list[int]) -> None:
    """Refuse to begin when a folder that was named lacks years, and name all of them at once."""
    from sqf_pipeline.ingest.local_files import MissingFileError
    from sqf_pipeline.ingest.source import missing_locally

    missing = missing_locally(data_dir, [year for year, source in decision.by_year.items() if source == "local"])
    if missing:
        needed = f", which the test year {year_words(tested)} needs" if tested else ""
        instead = ", name other training years (--train)" if set(missing) - set(tested) and tested else ""
        raise MissingFileError(
            f"{data_dir} has no file of {year_words(missing)}{needed}. Put NYPD's files there (sqf-2014-csv.zip, "
            f"sqf-2015.csv, sqf-2017.xlsx and so on){instead}, or set SQF_SOURCE=nypd to download them."
        )


def _told(decision: "SourceDecision") -> str:
    """Return the source of every year in few words: `local` when all are, else `local 2017, 2018; nypd 2019`."""
    years: dict[str, list[str]] = {}
    for year, source in decision.by_year.items():
        years.setdefault(source, []).append(str(year))
    if len(years) == 1:
        return next(iter(years))
    return "; ".join(f"{source} {', '.join(of_source)}" for source, of_source in years.items())
