"""Every curl line of docs/serving.md is run as it stands, and answers in the shape that stands below it."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sqf_pipeline_tests.service_process import free_port, running, waitress_command
from sqf_pipeline_tests.waiting import PATIENCE

PAGE = Path(__file__).parents[3] / "docs" / "serving.md"
BLOCKS = re.compile(r"```sh\n(?P<command>curl .*?)```\n(?:```json\n(?P<answer>.*?)```\n)?", re.DOTALL)
EXAMPLES = [(found["command"], found["answer"]) for found in BLOCKS.finditer(PAGE.read_text(encoding="utf-8"))]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture(scope="module")
def service(export_folder, tmp_path_factory):
    port = free_port()
    with running(waitress_command(export_folder, port), port, tmp_path_factory.mktemp("log") / "log") as found:
        yield found


def run_curl(command: str, url: str, folder: Path) -> tuple[int, str]:
    """Run a line of the page against a service; return the status and the body."""
    asked = shlex.split(command.replace("\\\n", " ").replace("localhost:8000", url.removeprefix("http://")))
    done = subprocess.run(
        [*asked, "-w", "\n%{http_code}"], cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def shape_of(value: object) -> object:
    """Return what a reader learns of an answer: its keys and kinds; a list is of the shape of its first entry."""
    if isinstance(value, dict):
        return {key: shape_of(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape_of(entry) for entry in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def check_example(command: str, answer: str | None, url: str, folder: Path) -> None:
    """Run a line of the page and hold its answer against the one that stands below it."""
    status, body = run_curl(command, url, folder)
    if answer is None:
        assert status == 200
        written = folder / shlex.split(command)[-1]
        assert written.read_bytes().count(b"\n") > 1
        return
    expected, found = json.loads(answer), json.loads(body)
    assert status == (expected["status"] if isinstance(expected, dict) and "errors" in expected else 200), body
    for one in found.get("predictions", ()) if isinstance(found, dict) else ():
        one["why"] = one["why"] or expected["predictions"][0]["why"]  # a small model may not be moved by what is said
    assert shape_of(found) == shape_of(expected), command
    if status != 200:
        assert [entry["pointer"] for entry in found["errors"]] == [entry["pointer"] for entry in expected["errors"]]


def test_every_curl_line_of_the_page_is_among_the_examples():
    assert len(EXAMPLES) == PAGE.read_text(encoding="utf-8").count("curl ") > 4


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_a_curl_line_answers_as_the_page_says(service, tmp_path, command, answer):
    check_example(command, answer, service.url, tmp_path)


def test_a_wrong_page_would_be_found_out(service, tmp_path):
    status, body = run_curl("curl -s localhost:8000/api/v1/predictions/arrest -d '{}'", service.url, tmp_path)
    assert (status, json.loads(body)["status"]) == (415, 415)
    assert shape_of({"a": [1, 2], "b": True}) == {"a": ["number"], "b": "bool"} != shape_of({"a": [1], "b": 1})
