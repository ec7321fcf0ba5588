"""What every asset says of itself, said once: owners, groups, kinds and tags; and how small tables are shown."""

from collections.abc import Iterable
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.display import Cell, plain_value
from sqf_pipeline.registry.declared_tables import declared_tables

OWNERS = ("team:data",)
ROWS_SHOWN = 50

FRAMES = "frames"
STOPS_REFERENCES = "stops_references"
TABLES = "tables"
FRAMES_AND_TABLES = "frames_and_tables"
ENCODERS = "encoders"
FITTED = "fitted_models"
REPORTS = "reports"

_KINDS = {
    FRAMES: {"pandas", "parquet"},
    STOPS_REFERENCES: {"pandas", "parquet"},
    TABLES: {"pandas", "postgres"},
    FRAMES_AND_TABLES: {"pandas", "parquet", "postgres"},
    ENCODERS: {"scikitlearn"},
    FITTED: {"scikitlearn"},
    REPORTS: {"matplotlib", "markdown"},
}


def described(group: str, kept_in: str = "", *, table: str = "", personal: bool = False, kind: str = "") -> Any:
    """Return the arguments that an asset shares with its group; that of a table is described as the table is.

    `group` is that of the UI, the name of the module; `kept_in` the key of the IO manager, empty for an asset that
    writes its files, of a `kind`, by itself; `table` the table that it is kept as, empty for one that is described by
    itself. A `personal` asset has a row for every stop, which is to be handled with more care than figures.
    """
    return {
        **({"description": declared_tables()[table]["comment"]} if table else {}),
        **({"io_manager_key": kept_in} if kept_in else {}),
        "group_name": group,
        "owners": list(OWNERS),
        "kinds": _KINDS.get(kept_in, {kind}),
        "tags": {"grain": "stop" if personal else "summary"},
    }


def same_columns(upstream: str, names: Iterable[str]) -> dg.TableColumnLineage:
    """Return the lineage of columns that each come from the column of the same name."""
    return dg.TableColumnLineage(
        {name: [dg.TableColumnDep(asset_key=dg.AssetKey(upstream), column_name=name)] for name in names}
    )


def as_table(frame: pd.DataFrame, rows: int = ROWS_SHOWN) -> dg.MetadataValue[Any]:
    """Return a small frame of figures as a table of the UI, to six digits; never used for rows of stops."""

    def plain(value: Any) -> Cell:
        found = plain_value(value)
        return float(f"{found:.6g}") if isinstance(found, float) else found

    shown = frame.head(rows)
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({str(key): plain(value) for key, value in record.items()})
            for record in shown.astype("object").to_dict("records")
        ],
        schema=dg.TableSchema([dg.TableColumn(str(name), str(dtype)) for name, dtype in shown.dtypes.items()]),
    )
