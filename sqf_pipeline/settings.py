"""Every setting of the pipeline, each an `SQF_*` environment variable or a line in `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Source = Literal["local", "nypd", "sample", "auto"]
ResolvedSource = Literal["local", "nypd", "sample"]

NYPD_URL = "https://www.nyc.gov/assets/nypd/downloads/{kind}/analysis_and_planning/stop-question-frisk/{file}"


def schema_for_source(source: str) -> str:
    """Return the PostgreSQL schema of a source: synthetic stops never share one with published stops."""
    return "sqf_sample" if source == "sample" else "sqf"


class Settings(BaseSettings):
    """Settings of the pipeline, its warehouse and its service."""

    model_config = SettingsConfigDict(env_prefix="SQF_", env_file=".env", extra="ignore")

    source: Source = Field(
        "auto",
        description="Where yearly files come from: `local` (the data folder), `nypd` (download into the data "
        "folder), `sample` (synthetic stops), or `auto`: year by year, the file that is in the data folder, else "
        "nypd. Only the `sqf run` command falls back to the sample, with a notice, when neither is available. A "
        "named source never falls back: name one wherever nobody is watching.",
    )
    data_dir: Path = Field(Path("data/raw"), description="Folder of the published yearly files, .csv or .xlsx.")
    home: Path = Field(
        Path(".sqf"), description="Folder for everything the pipeline writes: frames, models, database, logs."
    )
    database_url: SecretStr | None = Field(
        None, description="URL of a PostgreSQL server; without one, an embedded server in the home folder is used."
    )
    nypd_url: str = Field(
        NYPD_URL,
        description="Address of a yearly file. `{year}` stands for the year, `{file}` for NYPD's name of its file "
        "(`sqf-2014-csv.zip` and the like to 2014, `sqf-2015.csv` and `sqf-2016.csv`, `sqf-2017.xlsx` and the like "
        "since), and `{kind}` for NYPD's folder: `zip` to 2014, `excel` since.",
    )
    nypd_mirrors: str = Field(
        "",
        description="More addresses of the same form, with spaces between them, asked in their order when NYPD's has "
        "no file or does not answer. Table `source_files` says which one gave a file.",
    )
    sample_seed: int = Field(1, description="Seed of the synthetic stops; the same seed gives the same files.")
    sample_rows: int | None = Field(
        None, ge=200, description="Synthetic stops in each year; by default as many as were published."
    )
    excerpt: bool = Field(
        False,
        description="`on` says that the files are excerpts, as in teaching and tests: official totals and missing "
        "months then warn instead of refusing a year, and every table, page and export says that it is an excerpt.",
    )
    allow_partial: bool = Field(
        False, description="`on` lets years with missing months be used for training and testing; every page says so."
    )
    residents: Path | None = Field(
        None,
        description="Table of residents by precinct and group, for other years or other denominators than the census "
        "of 2020: a CSV file of the columns of `sqf_pipeline/registry/residents_2020_by_precinct.csv`.",
    )
    jobs: int = Field(-1, description="Processor cores for fitting; -1 uses all. The result is the same.")
    compute: Literal["local", "dask", "ray"] = Field(
        "local", description="Engine on which forests are fitted, through joblib; the result is the same."
    )
    compute_address: str | None = Field(None, description="Address of the Dask or Ray cluster.")

    export_dir: Path | None = Field(
        None, description="Folder of the export that the web service answers from; without it, the home folder's."
    )

    max_request_bytes: int = Field(
        1_048_576,
        ge=1024,
        description="Largest request body that the web service takes; a larger one is refused (413).",
    )
    cors_origins: str = Field(
        "",
        pattern=r"^$|^(\*|https?://[^/,\s]+)(\s*,\s*https?://[^/,\s]+)*$",
        description="Origins (`https://host:port`, separated by commas) whose pages may use the web service's "
        "interface from a browser; `*` is every one.",
    )
    url_prefix: str = Field(
        "",
        pattern=r"^$|^(/[A-Za-z0-9._~-]+)+$",
        description="Path under which the web service is reached, such as `/stops`; `SCRIPT_NAME` says it too.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="Proxies before the web service whose `X-Forwarded-*` headers (For, Proto, Host, Port, Prefix) are "
        "believed. More than there are lets anybody set them.",
    )

    schedule: bool = Field(
        False,
        description="`on` starts the schedule with the Dagster daemon: every Monday from February to July it asks "
        "whether NYPD has published something. By default the schedule is switched on in the UI.",
    )

    def folder(self, what: str) -> Path:
        """Return the folder below the home where `what` of the source is kept: the sample's stand apart."""
        return self.home.resolve() / what / schema_for_source(self.source)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where yearly files are asked for, in order: NYPD's address, then the mirrors."""
        return (self.nypd_url, *self.nypd_mirrors.split())
