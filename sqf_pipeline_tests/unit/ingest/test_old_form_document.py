"""Every trap of the old form is held by a test that exists, or is answered by a reason."""

import re
from pathlib import Path

import sqf_pipeline_tests

ROOT = Path(sqf_pipeline_tests.__file__).parent
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", (ROOT.parent / "docs/old_form.md").read_text("utf-8"), flags=re.M)


def test_every_trap_has_its_test_or_its_reason():
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 48))
    tests = {
        name for path in ROOT.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    for number, _, answer in ROWS:
        named = re.findall(r"`(test_\w+)`", answer)
        assert set(named) <= tests, number
        assert named or len(answer.split()) > 5, number
