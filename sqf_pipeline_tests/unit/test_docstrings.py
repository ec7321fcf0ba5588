"""What a docstring shows is what its function does."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import sqf_pipeline

PACKAGE = Path(sqf_pipeline.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
PURE_READERS = {
    *("parse_height", "parse_number", "parse_whole_number", "parse_year", "parse_month", "parse_weekday"),
    *("parse_flag", "parse_time", "parse_identifier", "year_in_name"),
}


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), report=False)
    assert result.attempted
    assert not result.failed


def test_every_reader_of_one_value_shows_an_example() -> None:
    found = {
        node.name: ast.get_docstring(node) or ""
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name in PURE_READERS
    }
    assert found.keys() == PURE_READERS
    assert {name for name, said in found.items() if ">>> " not in said} == set()
