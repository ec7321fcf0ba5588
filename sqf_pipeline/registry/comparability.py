"""Which columns mean the same in several forms, so that years of them may be put together."""

from collections.abc import Iterable

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.forms.published_forms import forms

COMPARABLE = frozenset({"same", "close"})
"""What the registry says of a column that may be used across forms."""


def shared_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that stops of all these forms have and that mean the same in them, in the registry's order.

    A computed column counts as had by every form. A column whose value becomes known later in one of the forms than
    the registry says is left out: there it would give the outcome away (`search_basis_other` of the old form).

    Parameters
    ----------
    names
        Forms as the column `form` of stops has them; one form alone has every column of its own.

    Raises
    ------
    KeyError
        When there is no form of that name.
    """
    chosen = [forms()[name] for name in dict.fromkeys(names)]
    published = frozenset().union(*(form.columns for form in forms().values()))
    shared = []
    for entry in load_columns():
        had = entry.name not in published or all(entry.name in form.columns for form in chosen)
        late = any(form.by_column[entry.name].known for form in chosen if entry.name in form.by_column)
        if had and not late and (len(chosen) == 1 or entry.comparable in COMPARABLE):
            shared.append(entry.name)
    return tuple(shared)
