"""Documents made from the code say what the code says."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sqf_pipeline.display import markdown_table
from sqf_pipeline.registry.columns import KNOWN_WORDS, load_columns
from sqf_pipeline.registry.kinds import KINDS
from sqf_pipeline.registry.spellings import categories_by_spelling
from sqf_pipeline.reporting.documents import DOCUMENTS, data_dictionary, main, settings_reference, stale_documents
from sqf_pipeline.settings import Settings

REPOSITORY = Path(__file__).parents[3]


def test_the_committed_documents_are_what_the_code_gives():
    assert stale_documents(REPOSITORY / "docs") == [], "run: make docs"


def test_every_column_and_every_spelling_is_in_the_dictionary():
    text = data_dictionary()
    for column in load_columns():
        assert f"\n| `{column.name}` | `{column.kind}` |" in text
        for name in column.published_names:
            assert f"`{name}`" in text
        for spelling, category in categories_by_spelling(column.name).items():
            assert f"`{spelling}`" in text or spelling == category


def test_every_kind_and_moment_has_words():
    assert {column.kind for column in load_columns()} <= set(KINDS)
    assert {column.known for column in load_columns()} <= set(KNOWN_WORDS)


def test_every_setting_is_in_the_reference_and_says_what_it_is():
    text = settings_reference()
    for name, field in Settings.model_fields.items():
        assert f"| `SQF_{name.upper()}` |" in text
        assert field.description, f"{name} has no description"


def test_no_setting_of_this_machine_enters_the_reference(monkeypatch):
    monkeypatch.setenv("SQF_HOME", "/somewhere/else")
    monkeypatch.setenv("SQF_DATABASE_URL", "postgresql://me:secret@host/db")
    text = settings_reference()
    assert "/somewhere/else" not in text
    assert "secret@" not in text


def test_a_changed_document_is_told_and_mended(tmp_path):
    run = CliRunner().invoke
    assert run(main, ["--check", str(tmp_path)]).exit_code == 1
    assert run(main, [str(tmp_path)]).exit_code == 0
    assert run(main, ["--check", str(tmp_path)]).exit_code == 0
    (tmp_path / "settings.md").write_text("old", encoding="utf-8")
    told = run(main, ["--check", str(tmp_path)])
    assert told.exit_code == 1
    assert "settings.md" in told.output
    assert "data_dictionary.md" not in told.output
    assert (tmp_path / "settings.md").read_text(encoding="utf-8") == "old"
    run(main, [str(tmp_path)])
    assert stale_documents(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(DOCUMENTS)


def test_a_bar_or_a_line_break_does_not_break_a_table():
    assert markdown_table(("a", "b"), [("x|y", "one\ntwo")]).splitlines()[-1] == "| x\\|y | one two |"
    with pytest.raises(ValueError, match="expected 2 cells"):
        markdown_table(("a", "b"), [("x",)])
