"""Every path that the documents give as the answer to "where is that" exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = re.compile(r"`((?:sqf_pipeline/)?[a-z_0-9]+(?:/[a-z_0-9.]+)+)`")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_places_that_a_page_names_are_there(page):
    named = PATHS.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) >= 9
    missing = [name for name in named if not any((base / name).exists() for base in (ROOT, ROOT / "sqf_pipeline"))]
    assert missing == []
