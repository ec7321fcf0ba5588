"""Small made-up stops as text, for tests; no row of a published file."""

import pandas as pd

from sqf_pipeline.registry.columns import load_columns

ONE_STOP = {
    "stop_id": "1", "stop_date": "2018-03-05", "stop_time_seconds": "19:04:00", "year": "2018", "month": "March",
    "weekday": "Monday", "initiated_by": "Based on Radio Run", "record_status": "APP", "issuing_officer_rank": "POM",
    "issuing_officer_command": "1", "supervising_officer_rank": "SGT", "supervising_officer_command": "1",
    "location_in_out": "O", "jurisdiction": "P", "jurisdiction_description": "PSB", "observed_duration_minutes": "2",
    "suspected_crime": "ROBBERY", "stop_duration_minutes": "10", "officer_explained_stop": "Y",
    "other_person_stopped": "N", "arrested": "N", "summons_issued": "N", "officer_in_uniform": "Y", "frisked": "Y",
    "searched": "N", "other_contraband_found": "N", "weapon_found": "N", "demeanor_code": "DE", "suspect_age": "25",
    "suspect_sex": "MALE", "suspect_race": "WHITE", "suspect_height_inches": "5.80", "suspect_weight_pounds": "160",
    "suspect_build": "MED", "suspect_eye_color": "BRO", "suspect_hair_color": "BLK", "precinct": "14", "sector": "A",
    "full_address": "1 MADE UP STREET", "street_name": "MADE UP STREET", "x_feet": "988000", "y_feet": "212000",
    "patrol_borough": "PBMS", "borough": "MANHATTAN",
}  # fmt: skip


def raw_stops(*changes: dict[str, str], year: int = 2018) -> pd.DataFrame:
    """Return one made-up stop per dictionary of changes, as text under our names, numbered from 1."""
    names = [entry.name for entry in load_columns() if entry.published_names]
    rows = [
        {
            name: {**ONE_STOP, "stop_id": str(number), "year": str(year), "stop_date": f"{year}-03-05", **change}.get(
                name, "(null)"
            )
            for name in names
        }
        for number, change in enumerate(changes or ({},), start=1)
    ]
    return pd.DataFrame(rows, dtype=str)


def published_names() -> dict[str, str]:
    """Return our name to the first published name."""
    return {entry.name: entry.published_names[0] for entry in load_columns() if entry.published_names}
