"""The documents that are made from the code: `python -m sqf_pipeline.reporting.documents [--check] [FOLDER]`."""

import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sqf_pipeline.display import filled_template, markdown_code, markdown_table
from sqf_pipeline.registry.columns import KNOWN_WORDS, Column, load_columns
from sqf_pipeline.registry.forms.published_forms import Form, forms
from sqf_pipeline.registry.kinds import KINDS
from sqf_pipeline.registry.spellings import categories_by_spelling, null_spellings
from sqf_pipeline.settings import Settings

COMPUTED = frozenset({"longitude", "latitude", "form", "paper_form"})


def data_dictionary() -> str:
    """Return as Markdown every column of a stop and every spelling of its categories."""
    return filled_template(
        "sqf_pipeline.reporting",
        "data_dictionary.md.j2",
        columns=load_columns(),
        kinds=KINDS,
        known_words=KNOWN_WORDS,
        forms=list(forms().values()),
        null_spellings=sorted(null_spellings() - {""}),
        said=_spellings("*flag", whole=True),
        plausible=_plausible,
        published=_published,
        spellings=_spellings,
    )


def _published(name: str, form: Form) -> str:
    sources = [", ".join(map(markdown_code, field.published_names)) for field in form.sources(name)]
    return " + ".join(sources) or ("computed" if name in form.columns or name in COMPUTED else "")


def _plausible(column: Column) -> str:
    low, high = (None if end is None else f"{end:.10g}" for end in (column.minimum, column.maximum))
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}" if high else ""


def _spellings(name: str, *, whole: bool = False) -> dict[str, list[str]]:
    """Return the spellings of each category of a column, of itself only where it is `whole`; '' is null."""
    by_category: dict[str, list[str]] = {}
    for spelling, category in categories_by_spelling(name).items():
        written = by_category.setdefault(category, [])
        if whole or spelling != category:
            written.append(spelling)
    return by_category


SETTINGS_INTRODUCTION = """\
# Settings

Made by `make docs` from `sqf_pipeline/settings.py`; change that, not this page. Every setting is an environment
variable or a line in a file `.env` in the folder where the command runs; the environment wins. A value that cannot be
used is refused at the start, by name. Nothing needs to be set for `make run`."""


def settings_reference() -> str:
    """Return as Markdown every variable `SQF_*`."""
    prefix = str(Settings.model_config["env_prefix"])
    rows = []
    for name, field in Settings.model_fields.items():
        named = markdown_code(f"{prefix}{name}".upper())
        rows.append((named, _type_in_words(field.annotation), _default_in_words(field), field.description or ""))
    return f"{SETTINGS_INTRODUCTION}\n\n{markdown_table(('Variable', 'Value', 'Default', 'Meaning'), rows)}\n"


def _type_in_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(markdown_code(str(value)) for value in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type_in_words(part) for part in get_args(annotation) if part is not type(None))
    words = {
        "Path": "path", "str": "text", "SecretStr": "secret text", "int": "whole number", "float": "number",
        "bool": "`true` or `false`",
    }  # fmt: skip
    name = getattr(annotation, "__name__", str(annotation))
    if name not in words:
        raise ValueError(f"no words for the type {name} of a setting; add them here")
    return words[name]


def _default_in_words(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        raise ValueError("every setting has a fixed default, so that nothing needs to be set")
    return "none" if field.default is None else markdown_code(str(field.default))


DOCUMENTS: Mapping[str, Callable[[], str]] = {"data_dictionary.md": data_dictionary, "settings.md": settings_reference}


def stale_documents(folder: Path) -> list[str]:
    """Return the names of documents in `folder` that are missing or not what the code gives."""
    return [
        name
        for name, make in DOCUMENTS.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != make()
    ]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a document is not what the code gives.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"))
def main(folder: Path, *, check: bool) -> None:
    """Write the documents that are made from the code into FOLDER (docs)."""
    stale = stale_documents(folder)
    if check and stale:
        raise click.ClickException(f"Out of date in {folder}: {', '.join(stale)}. Run: make docs")
    for name in stale:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(DOCUMENTS[name](), encoding="utf-8")
        click.echo(f"Wrote {folder / name}")
    if not stale:
        click.echo(f"Up to date: {', '.join(DOCUMENTS)}")


if __name__ == "__main__":
    main()
