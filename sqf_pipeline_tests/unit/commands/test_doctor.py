"""`sqf doctor`: one screen; what is wrong is said with what to do, and by the exit code."""

import socket
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sqf_pipeline.cli import main
from sqf_pipeline.commands import doctor
from sqf_pipeline_tests.service_process import free_port

SUBJECTS = {"sqf", "Python", "packages", "versions", "extras", "home", "files", "database", "export", "port"}


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what depends on the machine: which ports are taken, and which versions are installed."""
    monkeypatch.setattr(doctor, "PORTS", {"ui": free_port(), "serve": free_port()})
    pinned = dict(
        line.split("==")
        for line in (Path(doctor.__file__).parents[2] / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    by_name = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    monkeypatch.setattr(doctor, "_version", lambda name: by_name.get(name.lower().replace("_", "-")))


def told(tmp_path: Path, **environment: str) -> Result:
    settings = {"SQF_HOME": str(tmp_path / "home"), "SQF_DATA_DIR": str(tmp_path / "data"), "SQF_SOURCE": "auto"}
    return CliRunner().invoke(main, ["doctor"], env={**settings, **environment})


def faults(result: Result) -> dict[str, str]:
    """Return the lines that say what to do, by the subject of the line before."""
    lines = result.output.splitlines()
    return {one.split()[1]: after.strip() for one, after in pairwise(lines) if one.startswith("!!")}


def test_a_sound_machine_is_one_screen_of_ok_and_nothing_is_made(tmp_path):
    result = told(tmp_path)
    assert result.exit_code == 0, result.output
    assert {line.split()[1] for line in result.output.splitlines() if line[:2] in {"ok", "!!"}} == SUBJECTS
    assert len(result.output.splitlines()) <= 24
    assert "Everything is in place" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "subject", "to_do"),
    [
        ({"SQF_JOBS": "many"}, "settings", "SQF_JOBS is 'many'"),
        ({"SQF_SOURCE": "local"}, "files", "SQF_DATA_DIR"),
        ({"SQF_DATABASE_URL": "postgresql://sqf@127.0.0.1:1/sqf"}, "database", "127.0.0.1"),
        ({"SQF_DATABASE_URL": "mysql://sqf@127.0.0.1/sqf"}, "database", "postgresql"),
        ({"SQF_EXPORT_DIR": "/no/such/export"}, "export", "SQF_EXPORT_DIR"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(tmp_path, environment, subject, to_do):
    result = told(tmp_path, **environment)
    assert result.exit_code == 1, result.output
    assert set(faults(result)) == {subject}
    assert to_do in result.output
    assert "1 thing needs attention" in result.output
    assert "Traceback" not in result.output


def test_a_taken_port_is_named(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", {"ui": port})
        result = told(tmp_path)
    assert result.exit_code == 1
    assert f"{port} is taken" in result.output
    assert "sqf ui --port" in faults(result)["port"]


def test_a_missing_package_and_another_version_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "pandas" else "999.0")
    result = told(tmp_path)
    assert result.exit_code == 1
    assert "pandas<4,>=3.0, found none" in result.output
    assert " 999.0, not " in result.output
    assert "more" in result.output
    assert "make setup" in faults(result)["packages"]
    assert "--constraint" in faults(result)["versions"]
