"""All tables of a schema, and their coming into being."""

import sqlalchemy as sa

from sqf_pipeline.warehouse.result_tables import models_table, result_tables
from sqf_pipeline.warehouse.schema import apply_metadata, check_identifier
from sqf_pipeline.warehouse.stop_tables import (
    column_loss_table,
    data_quality_table,
    revisions_table,
    source_files_table,
    stops_table,
)


def build_metadata(schema: str) -> sa.MetaData:
    """Return the tables of a schema, with comments, keys, checks and indexes.

    Tables are found by `metadata.tables["schema.name"]`. Raises SqfError when `schema` is no plain name.
    """
    metadata = sa.MetaData(schema=check_identifier(schema, "schema"), naming_convention={"pk": "%(table_name)s_pkey"})
    source_files_table(metadata)
    stops_table(metadata)
    data_quality_table(metadata)
    column_loss_table(metadata)
    revisions_table(metadata)
    models_table(metadata)
    result_tables(metadata)
    return metadata


def ensure_schema(engine: sa.Engine, schema: str) -> None:
    """Bring the schema, its tables and its views into being, or in line with what is declared.

    Running it again, or from several processes at once, changes nothing more. New nullable columns, changed checks,
    new indexes and changed views are applied; rows stay.

    Raises
    ------
    SqfError
        When a table differs in a way that cannot be mended without losing rows.
    """
    apply_metadata(engine, build_metadata(schema))
