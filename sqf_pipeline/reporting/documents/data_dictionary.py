"""The data dictionary: every column of a stop and every spelling of its categories."""

from sqf_pipeline.display import filled_template, markdown_code
from sqf_pipeline.registry.columns import KNOWN_WORDS, Column, load_columns
from sqf_pipeline.registry.forms.published_forms import Form, forms
from sqf_pipeline.registry.kinds import KINDS
from sqf_pipeline.registry.spellings import categories_by_spelling, null_spellings

COMPUTED = frozenset({"longitude", "latitude", "form", "paper_form"})


def data_dictionary() -> str:
    """Return the data dictionary as Markdown."""
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
