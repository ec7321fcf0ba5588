"""What a form writes in its own way, before the readers of values: codes, stars for what does not fit, fractions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.cleaning.numerals import parse_number
from sqf_pipeline.cleaning.quality_log import EMPTY, UNREADABLE, Fates, QualityLog
from sqf_pipeline.registry.columns import Column
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, Form, forms, paper_forms
from sqf_pipeline.registry.spellings import normalise_text, null_spellings

_FIELDS_OF_A_WIDTH = frozenset({"integer", "code", "number", "text"})

_RULES = {
    "coded_unknown": "NYPD's code for unknown; set to missing.",
    "too_wide": "Stars, in place of a number too wide for its field; left out.",
    "empty_means": "An empty cell means {meaning} in this form.",
    "rounded": "A fraction; rounded to a whole number, a half up.",
}


@dataclass(frozen=True)
class Decoded:
    """A column in texts that every form shares, and by rule which of its rows were changed."""

    texts: pd.Series
    found: dict[str, NDArray[np.bool_]]

    def settle(self, fates: Fates) -> None:
        """Put right, in place, what became of the cells that were changed: what an empty one means was not written."""
        if "empty_means" in self.found:
            fates[self.found["empty_means"]] = EMPTY
        if "too_wide" in self.found:
            fates[self.found["too_wide"] & (self.texts == "").to_numpy(dtype=bool)] = UNREADABLE


def form_of(stops: pd.DataFrame) -> Form:
    """Return the form of a year's stops, as published or clean: as their column `form` says, else the one in use."""
    return forms()[str(stops["form"].iloc[0]) if "form" in stops and len(stops) else NEW_FORM]


def decode(texts: pd.Series, entry: Column, form: Form, log: QualityLog) -> Decoded:
    """Return a column as published with the form's codes replaced by categories, and log what was changed."""
    codes = form.codes.get(entry.name, {})
    field = form.by_column.get(entry.name)
    rounded = field is not None and field.reading == "rounded"
    stars = form.too_wide if entry.kind in _FIELDS_OF_A_WIDTH else ""
    if not (codes or rounded or stars):
        return Decoded(texts, {})
    meant: dict[str, str] = {}
    rules: dict[str, str] = {}
    for text in texts.unique():
        meant[text], rules[text] = _meaning(text, codes, stars, rounded=rounded)
    applied = texts.map(rules)
    found = {rule: (applied == rule).to_numpy(dtype=bool) for rule in _RULES if rule in set(rules.values())}
    for rule, rows in found.items():
        log.add(entry.name, rule, int(rows.sum()), _RULES[rule].format(meaning=codes.get("")))
    return Decoded(texts.map(meant).astype(str), found)


def _meaning(text: str, codes: Mapping[str, str], stars: str, *, rounded: bool) -> tuple[str, str]:
    """Return what a text means, and the rule that says so ('' for none that is counted)."""
    plain = normalise_text(text)
    if plain in null_spellings():
        return (codes[""], "empty_means") if "" in codes else (text, "")
    words = [word for word in text.split() if not stars or set(word) != set(stars)]
    if len(words) < len(text.split()):
        return " ".join(words), "too_wide"
    number = parse_number(plain)
    code = str(int(number)) if number is not None and number.is_integer() else plain
    if code in codes:
        return codes[code], "" if codes[code] else "coded_unknown"
    if rounded and number is not None and not number.is_integer():
        return str(math.floor(number + 0.5)), "rounded"
    return text, ""


def add_forms(stops: pd.DataFrame, form: Form) -> None:
    """Fill, in place, the layout of the file and the paper form of the day, or of the year where a day is missing."""
    stops["form"] = pd.Series(form.name, index=stops.index, dtype="string")
    days = stops["stop_date"].dt.strftime("%Y-%m-%d")
    year = str(stops["year"].iloc[0]) if len(stops) else ""
    first, last = _paper_form(f"{year}-01-01"), _paper_form(f"{year}-12-31")
    papers = days.map({day: _paper_form(day) for day in days.dropna().unique()}).astype("string")
    stops["paper_form"] = papers.fillna(first) if first == last else papers


def _paper_form(day: str) -> str:
    return next(name for since, name in reversed(paper_forms()) if since <= day or since == paper_forms()[0][0])
