"""`sqf run` with years that are named: what is refused before anything begins, in one message."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sqf_pipeline.commands.run import command
from sqf_pipeline.errors import SqfError


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    monkeypatch.setenv("SQF_HOME", str(folder / "home"))
    result = CliRunner().invoke(command, [*options, "--source", "local", "--data-dir", str(folder)])
    assert result.exit_code
    assert not (folder / "home" / "postgres").exists()
    return str(result.exception) if isinstance(result.exception, SqfError) else result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stops-only"], "go together"),
        (["--years", "2014"], "go together"),
        (["--stops-only", "--years", "2014", "--year", "2020"], "go together"),
        (["--stops-only", "--years", "2014", "--full"], "go together"),
        (["--train", "2014", "--year", "2019", "--year", "2020"], "give --year once"),
        (["--stops-only", "--years", "2016-2014"], "expected years such as 2014"),
        (["--train", "soon"], "expected years such as 2014"),
        (["--stops-only", "--years", "2001,2002,2014"], "no stops of 2001, 2002"),
        (["--train", "2019-2021", "--year", "2020"], "cannot be trained on 2020, 2021"),
        (["--year", "2005"], "2005 cannot be a test year: expected one of 2006"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message, tmp_path, monkeypatch):
    assert message in told(tmp_path, monkeypatch, *options)


def test_missing_years_are_named_at_once_with_what_needs_them(tmp_path, monkeypatch):
    for year in (2015, 2017, 2020):
        (tmp_path / f"sqf-{year}.csv").write_text(f"year\n{year}\n")
    assert "has no file of 2014, 2016, which the test year 2017 needs" in told(tmp_path, monkeypatch, "--year", "2017")
    assert "name other training years (--train)" in told(tmp_path, monkeypatch, "--year", "2017")
    assert "no file of 2014, which the test year 2020 needs" in told(
        tmp_path, monkeypatch, "--train", "2014,2015", "--year", "2020"
    )
    assert "no file of 2003, 2004, 2014." in told(
        tmp_path, monkeypatch, "--stops-only", "--years", "2003-2004,2014-2015"
    )
