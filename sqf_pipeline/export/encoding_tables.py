"""What a fitted encoder of `modelling.encoder` does to each field, as the tables that the service encodes by."""

from typing import Any

import numpy as np

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.encoder import MISSING, OTHER_BIN, RARE, CategoryEncoder, NumberEncoder
from sqf_pipeline.service.encoding import CategoryColumns, Encoding, NumberColumn


def encoding_of(encoder: Any) -> Encoding:
    """Return the tables of a fitted encoder made by `make_encoder`, in the order of its columns.

    Raises SqfError when a part of it is no encoder of ours, such as the scaler of linear models.
    """
    numbers: list[NumberColumn] = []
    categories: list[CategoryColumns] = []
    width = 0
    for _, part, names in getattr(encoder, "transformers_", [(None, encoder, None)]):
        if names is not None and (len(names) == 0 or isinstance(part, str)):  # nothing to encode, or left out
            continue
        if isinstance(part, NumberEncoder):
            numbers += _numbers(part, width)
        elif isinstance(part, CategoryEncoder):
            categories += _categories(part, width)
        else:
            raise SqfError(
                f"The fast form needs an encoder of modelling.encoder, found {type(part).__name__}. Export a model "
                "that is fitted on such an encoder's columns."
            )
        width += len(part.get_feature_names_out())
    return Encoding(width=width, numbers=tuple(numbers), categories=tuple(categories))


def _numbers(part: NumberEncoder, column: int) -> list[NumberColumn]:
    made = [str(name) for name in part.get_feature_names_out()]
    found = []
    for name in part.feature_names_in_:
        if name in part.never_filled_:  # stays 0, whatever it holds later
            continue
        unknown = np.nan if part.keep_missing else part.medians_[name]
        found.append(
            NumberColumn(
                field=name, column=column + made.index(name), missing=unknown, marked=f"{name}={MISSING}" in made
            )
        )
    return found


def _categories(part: CategoryEncoder, column: int) -> list[CategoryColumns]:
    found = []
    for name in part.feature_names_in_:
        places = {level: place for place, level in enumerate(part.levels_[name])}
        other = places.get(RARE, -1)
        missing = places.get(MISSING, other)
        bins = (part.bins or {}).get(name)
        if bins is not None:
            other = missing = places[OTHER_BIN]
            places = {text: places[level] for text, level in bins.items()}
        kind, unseen = ("one_hot", -1.0) if part.one_hot else ("ordinal", np.nan)
        found.append(
            CategoryColumns(
                kind=kind, field=name, column=column, places=places, other=other, missing=missing, unseen=unseen
            )
        )
        column += len(part.levels_[name]) if part.one_hot else 1
    return found
