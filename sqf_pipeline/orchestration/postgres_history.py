"""Dagster's history in PostgreSQL, on connections that stay open: the storage that deploy/dagster.yaml names."""

from functools import cache
from typing import Any

import sqlalchemy as sa
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config


class PostgresHistory(DagsterPostgresStorage):
    """Dagster's storage, except that a process keeps its connections.

    Dagster's own connects anew for every event, some twice. A password check is slow on purpose, and a connection is
    a process of the server: together they took more time than what was written.
    """

    def __init__(self, postgres_url: str, **given: Any) -> None:
        super().__init__(postgres_url, **given)
        storages: tuple[Any, ...] = (self.run_storage, self.event_log_storage, self.schedule_storage)
        for storage in storages:
            storage._engine = _engine_of(postgres_url)  # noqa: SLF001 - none of the three takes an engine as an argument

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "PostgresHistory":
        """Make the storage that `dagster.yaml` describes."""
        return cls(pg_url_from_config(config_value), inst_data=inst_data)


@cache
def _engine_of(url: str) -> sa.Engine:
    """Return the process's engine: one for all storages and instances, so that no connections add up.

    A connection is tried before it is used: the server may have been started anew. As with Dagster's own, nobody waits
    for one: the webserver may ask from more threads than the five that are kept.
    """
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, max_overflow=-1)
