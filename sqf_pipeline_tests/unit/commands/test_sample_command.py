"""`sqf sample` writes the years it is asked for, under names that say that they are synthetic."""

from pathlib import Path

from click.testing import CliRunner

from sqf_pipeline.cli import main


def test_years_of_both_forms_are_written(tmp_path: Path) -> None:
    asked = ["--years", "2014-2015", "--year", "2018", "--rows", "200", "--folder", str(tmp_path)]
    done = CliRunner().invoke(main, ["sample", *asked])
    assert done.exit_code == 0, done.output
    names = ["sqf-2014-sample.zip", "sqf-2015-sample.csv", "sqf-2018-sample.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [Path(line).name for line in done.output.split()] == names


def test_years_that_cannot_be_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["sample", "--years", "2002", "--rows", "200", "--folder", str(tmp_path)])
    assert done.exit_code != 0
    assert "2003" in done.output
    assert not list(tmp_path.iterdir())
