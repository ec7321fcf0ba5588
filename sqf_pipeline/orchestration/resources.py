"""What assets use besides their inputs: the warehouse, the location of the published files, the engine for fitting."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Literal, get_args

from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import ResolvedSource, Settings, Source, schema_for_source

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

    from sqf_pipeline.ingest.source import PublishedFile
    from sqf_pipeline.orchestration.years_ahead import ReadYear, YearsAhead

SOURCE_TAG = "sqf/source"  # tag of a run that says where its files come from, whatever the setting

OBTAINED_TAG = "sqf/obtained_from"  # tag of a run that read a yearly file: where that file came from in the end


@dataclass(frozen=True)
class PublishedFiles:
    """The place of the yearly files, as the settings name it.

    The source `auto` ends at NYPD's site here and never at the sample, as nobody may be watching. It is decided year by
    year (`ingest.source.source_of_year`), alike for the command, the UI and the schedule.
    """

    settings: Settings
    ahead: "YearsAhead | None" = None

    def origin(self, year: int) -> ResolvedSource:
        """Return the source that rows about a year carry; no request is made."""
        from sqf_pipeline.ingest.source import source_of_year

        return source_of_year(self.settings.source, self.settings.data_dir, year)

    def obtain(self, year: int, tag: str | None = None) -> "PublishedFile":
        """Return the file of a year, downloaded or made where that is needed; raises SqfError when there is none.

        `tag` is what the run says of its source, and takes the place of the setting: a run that was started because
        NYPD published asks NYPD. Synthetic and published stops have schemas of their own, so that no tag leads from
        one to the other.
        """
        from sqf_pipeline.ingest.source import obtain_file

        settings = self.settings
        source = next((name for name in get_args(Source) if name == (tag or settings.source)), None)
        if source is None or schema_for_source(source) != schema_for_source(settings.source):
            raise SqfError(
                f"The run's tag {SOURCE_TAG} is {tag!r}, which does not fit SQF_SOURCE={settings.source}: expected "
                f"{'sample' if settings.source == 'sample' else 'local, nypd or auto'}. Launch it without the tag, or "
                "under another SQF_SOURCE."
            )
        return obtain_file(
            source,
            year,
            data_dir=settings.data_dir,
            addresses=settings.addresses,
            sample_dir=settings.home / "sample",
            sample_seed=settings.sample_seed,
            sample_rows=settings.sample_rows,
        )

    def read_ahead(self, file: "PublishedFile") -> "ReadYear | None":
        """Return what another process made of a file; None where none did, and the file is to be read here."""
        return self.ahead.take(file.year, file.sha256) if self.ahead else None


@dataclass(frozen=True)
class Compute:
    """Where forests are fitted, and on how many cores; neither changes a model."""

    name: Literal["local", "dask", "ray"]
    address: str | None
    n_jobs: int

    @property
    def processes(self) -> int:
        """How many independent fits run side by side here; on a cluster, the trees of one forest do."""
        from joblib import effective_n_jobs

        return int(effective_n_jobs(self.n_jobs)) if self.name == "local" else 1

    def engine(self) -> AbstractContextManager[None]:
        """Fit on the engine as long as the context lasts."""
        from sqf_pipeline.modelling.compute_backend import compute_engine

        return compute_engine(self.name, self.address)


class Warehouse:
    """The PostgreSQL database of the settings' source, which has a schema of its own; opened when it is first used.

    Without a URL in the settings it is the embedded server's, which keeps its data in the home folder.
    """

    def __init__(self, settings: Settings) -> None:
        self.schema = schema_for_source(settings.source)
        self._settings = settings
        self._opening = Lock()
        self._engine: sa.Engine | None = None

    @property
    def engine(self) -> "sa.Engine":
        """Return a connected engine whose schema is there; starts the embedded server when it is needed.

        Raises SqfError when the server cannot be reached or refuses.
        """
        from sqf_pipeline.warehouse.embedded_server import ensure_running
        from sqf_pipeline.warehouse.tables import ensure_schema
        from sqf_pipeline.warehouse.url import create_engine

        with self._opening:
            if self._engine is None:
                given = self._settings.database_url
                url = given.get_secret_value() if given else ensure_running(self._settings.home.resolve() / "postgres")
                engine = create_engine(url)
                ensure_schema(engine, self.schema)
                self._engine = engine
            return self._engine

    @cached_property
    def metadata(self) -> "sa.MetaData":
        """Return the declared tables of the schema."""
        from sqf_pipeline.warehouse.tables import build_metadata

        return build_metadata(self.schema)

    def table(self, name: str) -> "sa.Table":
        """Return a declared table; raises KeyError when there is none of that name."""
        return self.metadata.tables[f"{self.schema}.{name}"]

    def outcomes_by_year(self) -> "pd.DataFrame":
        """Return the view of that name, every year that is loaded, with the form of its file in a column `form`."""
        import pandas as pd

        from sqf_pipeline.registry.forms.published_forms import forms_of_years

        counted = pd.read_sql_table("outcomes_by_year", self.engine, schema=self.schema)
        return counted.assign(form=[forms_of_years([year])[0] for year in counted["year"]])

    def close(self) -> None:
        """Close the connections; the embedded server runs on for other processes."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None
