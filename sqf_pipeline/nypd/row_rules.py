"""Rules on whole rows: counted and told, and nothing is changed."""

import pandas as pd

WEAPON_KINDS = ("firearm_found", "knife_found", "other_weapon_found")


def row_rules(raw: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows of a year each rule found, as rows of the table `data_quality`.

    Parameters
    ----------
    raw, stops
        Stops as published and clean, row by row the same.

    Returns
    -------
    DataFrame
        year, column_name, rule, rows, description; a rule that found nothing has no row.
    """
    equal = raw.drop(columns="stop_id").duplicated().sum()
    kind = stops[list(WEAPON_KINDS)].fillna(value=False).any(axis="columns")
    unfound = (kind & (~stops["weapon_found"]).fillna(value=False)).sum()
    counted = [
        ("stop_id", "equal_but_id", equal, "Equal to an earlier row in all but the number: persons of one stop; kept."),
        ("weapon_found", "kind_without_weapon", unfound, "A kind of weapon is marked and weapon_found is N; kept."),
    ]
    year = int(stops["year"].iloc[0])
    frame = pd.DataFrame(
        [(year, name, rule, int(rows), told) for name, rule, rows, told in counted if rows],
        columns=["year", "column_name", "rule", "rows", "description"],
    )
    return frame.astype(
        {"year": "Int16", "column_name": "string", "rule": "string", "rows": "Int64", "description": "string"}
    )
