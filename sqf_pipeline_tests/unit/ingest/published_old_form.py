"""Small made-up stops in the old form (2003 to 2016), as its files write them; no row of a published file."""

import csv
import io

import pandas as pd

from sqf_pipeline.ingest.made_columns import with_made_columns
from sqf_pipeline.registry.forms.published_forms import OLD_FORM, forms, normalise_name

FIELDS = [field for field in forms()[OLD_FORM].fields if field.published_names]
NAMES_OF_2014 = [field.published_names[0] for field in FIELDS if "2006" not in field.note]
FLAGS = [name for name in NAMES_OF_2014 if name[:3] in {"pf_", "ac_", "rf_", "cs_", "sb_"}]
FLAGS += ["pistol", "riflshot", "asltweap", "knifcuti", "machgun", "othrweap"]

ONE_STOP = {
    "pct": "14", "datestop": "3052014", "timestop": "1904", "recstat": "1", "inout": "O", "trhsloc": "P",
    "perobs": "2.00", "crimsusp": "FEL", "perstop": "10", "typeofid": "P", "compyear": "0", "comppct": "0",
    **dict.fromkeys(["explnstp", "offunif", "frisked"], "Y"),
    **dict.fromkeys(["othpers", "arstmade", "sumissue", "searched", "contrabn", "adtlrept", "radio", *FLAGS], "N"),
    "repcmd": "14", "revcmd": "14", "sex": "M", "race": "W", "dob": "12311900", "age": "25", "ht_feet": "5",
    "ht_inch": "8", "weight": "160", "haircolr": "BK", "eyecolor": "BR", "build": "M", "addrtyp": "L",
    "addrnum": "1", "stname": "MADE UP STREET", "stinter": "MADE UP STREET", "crossst": "INVENTED AVENUE",
    "city": "MANHATTAN", "addrpct": "14", "sector": "A", "xcoord": " 988000", "ycoord": "0212000", "dettypCM": "CM",
    "lineCM": "1", "detailCM": "85", "cs_descr": "Y", "rf_vcrim": "Y",
}  # fmt: skip
"""What is not named is one space, which is how the old form writes nothing."""


def old_stops(*changes: dict[str, str], year: int = 2014) -> pd.DataFrame:
    """Return one made-up stop per dictionary of changes under the names of 2014, with serial numbers from 1."""
    usual = ONE_STOP | {"year": str(year), "datestop": f"305{year}"}
    rows = [
        {name: (usual | {"ser_num": str(number)} | change).get(name, " ") for name in NAMES_OF_2014}
        for number, change in enumerate(changes or ({},), start=1)
    ]
    return pd.DataFrame(rows, dtype=str)


def raw_old_stops(*changes: dict[str, str], year: int = 2014) -> pd.DataFrame:
    """Return the same stops as text under our names, as the reader gives them."""
    form = forms()[OLD_FORM]
    fields = old_stops(*changes, year=year).rename(columns=lambda name: form.by_published_name[normalise_name(name)])
    kept = [name for name in fields if form.by_column[name].use != "left out"]
    return with_made_columns(fields[kept], form).assign(form=OLD_FORM)


def as_csv(stops: pd.DataFrame, end: str = "\r\n", *, quoted: bool = False) -> str:
    """Return stops as the text of a CSV file."""
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    stops.to_csv(text, index=False, lineterminator=end, quoting=quoting)
    return text.getvalue()
