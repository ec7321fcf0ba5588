"""No test waits for a short time of its own: with other work on the machine it would fail where nothing is wrong."""

import ast
from pathlib import Path

import pytest

import sqf_pipeline_tests
from sqf_pipeline_tests import waiting

TESTS = Path(sqf_pipeline_tests.__file__).parent
WAITS = {
    "communicate",
    "wait",
    "result",
    "join",
    "run",
    "get",
    "post",
    "urlopen",
    "HTTPConnection",
    "set_default_timeout",
}
LEAST = 120
A_LOOK = 1
"""Seconds up to which a test only looks whether something is still under way."""
CALLS = ("it.communicate(timeout={})", "it.wait({})", "get(url, timeout={})", "urlopen(url, timeout={})")


def short_waits(text: str) -> list[str]:
    """Return the calls that wait for another process, a browser or a server, for less than two minutes."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in WAITS:
            continue
        limits = [keyword.value for keyword in node.keywords if keyword.arg in {"timeout", "seconds"}]
        if name in {"wait", "join", "set_default_timeout"}:
            limits += node.args
        values = [limit.value for limit in limits if isinstance(limit, ast.Constant)]
        if any(isinstance(value, int | float) and A_LOOK < value < LEAST for value in values):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_no_wait_is_short():
    found = {path.relative_to(TESTS).as_posix(): short_waits(path.read_text("utf-8")) for path in TESTS.rglob("*.py")}
    assert {name: waits for name, waits in found.items() if waits} == {}


@pytest.mark.parametrize(
    "call", ["it.communicate(timeout={})", "it.wait({})", "get(url, timeout={})", "urlopen(url, timeout={})"]
)
def test_a_short_wait_would_be_seen(call):
    assert short_waits(call.format(20))
    assert not short_waits(call.format("PATIENCE"))
    assert not short_waits(call.format(300))


def test_patience_is_long():
    assert waiting.PATIENCE >= LEAST
