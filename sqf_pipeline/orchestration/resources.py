"""What assets are given besides their inputs: the warehouse, the place of the published files, the engine for fits.

What belongs here: reading the settings once and turning them into objects with a lifetime. What does not: what is
done with them. They are plain objects rather than Dagster configuration, so that no password is shown in the UI.
"""

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import ResolvedSource, Settings, schema_for_source

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa


class Warehouse:
    """The PostgreSQL database of one source, opened when it is first used.

    Parameters
    ----------
    database_url
        URL of an external server; None for the embedded one.
    directory
        Where the embedded server keeps its data.
    schema
        PostgreSQL schema of the source.
    """

    def __init__(self, database_url: str | None, directory: Path, schema: str) -> None:
        self.database_url = database_url
        self.directory = directory
        self.schema = schema
        self._opening = Lock()
        self._engine: sa.Engine | None = None

    @classmethod
    def from_settings(cls, settings: Settings, source: ResolvedSource) -> "Warehouse":
        """Return the warehouse of a source."""
        url = settings.database_url.get_secret_value() if settings.database_url else None
        return cls(url, settings.home.resolve() / "postgres", schema_for_source(source))

    @property
    def engine(self) -> "sa.Engine":
        """Return a connected engine whose schema is there; starts the embedded server when it is needed.

        Raises
        ------
        SqfError
            When the server cannot be reached or refuses.
        """
        with self._opening:
            if self._engine is None:
                self._engine = self._open()
            return self._engine

    def _open(self) -> "sa.Engine":
        import sqlalchemy as sa

        from sqf_pipeline.warehouse.local import ensure_running
        from sqf_pipeline.warehouse.tables import ensure_schema
        from sqf_pipeline.warehouse.url import normalise_database_url

        url = normalise_database_url(self.database_url or ensure_running(self.directory))
        engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
        try:
            with engine.connect():
                pass
        except sa.exc.OperationalError as error:
            where = engine.url.render_as_string(hide_password=True)
            raise SqfError(
                f"Cannot connect to the database {where}: {str(error.orig).strip()}\n"
                "Check SQF_DATABASE_URL and that the server runs; without SQF_DATABASE_URL an embedded server is used."
            ) from error
        ensure_schema(engine, self.schema)
        return engine

    @cached_property
    def metadata(self) -> "sa.MetaData":
        """Return the declared tables of the schema."""
        from sqf_pipeline.warehouse.tables import build_metadata

        return build_metadata(self.schema)

    def table(self, name: str) -> "sa.Table":
        """Return a declared table; raises KeyError when there is none of that name."""
        return self.metadata.tables[f"{self.schema}.{name}"]

    def read(self, table: "sa.Table", where: dict[str, object]) -> "pd.DataFrame":
        """Return the rows of a table whose columns equal the values of `where`, in the order of its key."""
        import pandas as pd
        import sqlalchemy as sa

        query = (
            sa.select(table)
            .where(*(table.c[column] == value for column, value in where.items()))
            .order_by(*table.primary_key.columns)
        )
        with self.engine.connect() as connection:
            return pd.read_sql_query(query, connection, dtype_backend="numpy_nullable")

    def close(self) -> None:
        """Close the connections; the embedded server runs on for other processes."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None


__all__ = ["Warehouse"]
