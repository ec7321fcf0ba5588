"""`sqf sample`: synthetic yearly files."""

from pathlib import Path

import click

from sqf_pipeline.commands.command_support import load_settings, years_given


@click.command("sample")
@click.option("--year", "single", type=int, multiple=True, help="Year from 2003 on; repeat for several.")
@click.option("--years", callback=years_given, help="Years, such as 2003-2016 or 2006,2014. [default: 2017 to 2020]")
@click.option("--rows", type=int, help="Stops in each year. [default: SQF_SAMPLE_ROWS, else as many as were published]")
@click.option("--seed", type=int, help="Seed; the same seed gives the same files. [default: SQF_SAMPLE_SEED]")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Folder to write to. [default: sample in the home folder]"
)
def command(
    single: tuple[int, ...], years: tuple[int, ...], rows: int | None, seed: int | None, folder: Path | None
) -> None:
    """Write synthetic yearly files: the layout and faults of the published ones, and no real stop."""
    from sqf_pipeline.orchestration.year_rules import STUDY_TEST_YEAR, training_years
    from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year

    settings = load_settings(sample_rows=rows, sample_seed=seed)
    for year in sorted({*single, *years}) or (*training_years(STUDY_TEST_YEAR), STUDY_TEST_YEAR):
        path = write_synthetic_year(
            folder or settings.home / "sample", year, seed=settings.sample_seed, rows=settings.sample_rows
        )
        click.echo(str(path))
