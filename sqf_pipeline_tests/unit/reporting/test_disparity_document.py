"""The documents on equal treatment: no weapon without firearm and knife, no verdict without its gate."""

import re
import runpy
from pathlib import Path

import pandas as pd

REPOSITORY = Path(__file__).parents[3]
DOCUMENT = REPOSITORY / "docs" / "disparity.md"


def tables() -> list[list[str]]:
    """Return the tables of the document, each as its lines."""
    blocks = re.split(r"\n\s*\n", DOCUMENT.read_text(encoding="utf-8"))
    return [block.strip().splitlines() for block in blocks if block.strip().startswith("|")]


def test_every_table_with_a_figure_of_weapons_has_firearm_and_knife_as_often():
    counted = 0
    for lines in tables():
        found = {kind: sum(kind in line for line in lines[2:]) for kind in ("any weapon", "firearm", "knife")}
        assert len(set(found.values())) == 1, lines[0]
        counted += bool(found["knife"])
    assert counted == 5


def test_every_verdict_in_the_document_is_borne_by_the_intervals_beside_it():
    lines = next(lines for lines in tables() if "verdict" in lines[0])
    lower, acts = 0, {}
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for place in (2, 5):
            acts[place] = cells[place] or acts[place]
            if cells[place + 2] == "lower bar":
                lower += 1
                ends = [re.findall("[\u2212+]?[0-9]+[.][0-9]+", cell)[-2:] for cell in (acts[place], cells[place + 1])]
                assert not any(end.startswith("\u2212") for end in ends[0])
                assert all(end.startswith("\u2212") for end in ends[1])
    assert lower == 7


def test_the_document_of_claims_says_what_its_rows_say():
    rows = pd.DataFrame(
        {
            "publication": ["A report", "A paper", "A paper"], "definition": ["stops", "share | odd", "risk"],
            "years": ["2014", "2009-2012", ""], "published": [45787.0, 3.5, 0.83], "ours": [45787.0, 25.666, None],
            "our_years": ["2014", "2020", None], "reason": ["", "Missing.", None],
            "status": ["reproduced", "not decidable here", "not decidable here"],
        }
    )  # fmt: skip
    page = runpy.run_path(str(REPOSITORY / "tools" / "published_figures_page.py"))
    text = page["published_figures_document"](rows, "2014")
    assert "| stops | 2014 | 45,787 | 45,787 | reproduced | \u2013 |" in text
    assert "25.666 (on 2020)" in text
    assert "share \\| odd" in text
    assert "| not decidable here | 2 |" in text
    assert text.count("## ") == 2
