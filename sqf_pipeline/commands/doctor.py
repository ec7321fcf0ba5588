"""`sqf doctor`: on one screen, whether everything is in place, and what to do about what is not."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

from sqf_pipeline.commands.command_support import load_settings
from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import Settings

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2_000_000_000
PORTS = {"ui": 3000, "serve": 8000}
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """A line of the screen: what was looked at, what was found and, where that is a fault, what to do."""

    subject: str
    found: str
    to_do: str = ""


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Tell what is installed and reachable, where files are, and what to do about what is not right.

    Nothing is started, written or changed. The exit code is 1 when something is not right.
    """
    findings = [finding for look in (_program, _packages, _extras) for finding in look()]
    try:
        settings = load_settings()
    except SqfError as error:
        findings.append(Finding("settings", "cannot be used", str(error)))
    else:
        looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_folders, _files, _database, _exports)
        for look in looks:
            findings += look(settings)
    findings += _ports()
    for finding in findings:
        mark = click.style("!!", fg="red", bold=True) if finding.to_do else click.style("ok", fg="green")
        click.echo(f"{mark}  {finding.subject:<10} {finding.found}")
        if finding.to_do:
            click.echo("".join(f"{'':15}{line}\n" for line in finding.to_do.splitlines()), nl=False)
    faults = sum(bool(finding.to_do) for finding in findings)
    told = "1 thing needs" if faults == 1 else f"{faults} things need"
    click.echo(f"\n{told} attention, see above." if faults else "\nEverything is in place.")
    ctx.exit(1 if faults else 0)


def _program() -> Iterator[Finding]:
    yield Finding("sqf", f"{metadata.version('sqf-pipeline')}, {Path(__file__).resolve().parents[1]}")
    system = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    old = sys.version_info < LEAST_PYTHON
    yield Finding("Python", system, "Python 3.11 or later is needed: make setup PYTHON=/path/to/python3" if old else "")


def _packages() -> Iterator[Finding]:
    """Yield whether required packages are there in a fitting version, and which differ from those tested together."""
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in metadata.requires("sqf-pipeline") or []]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    versions = [(one, _version(one.name)) for one in wanted]
    unfit = [
        f"{one.name}{one.specifier}, found {found or 'none'}"
        for one, found in versions
        if found is None or not one.specifier.contains(found, prereleases=True)
    ]
    again = "Install them again: make setup; outside a checkout: pip install --force-reinstall sqf-pipeline"
    found = f"{len(wanted) - len(unfit)} of {len(wanted)} required packages fit"
    yield Finding("packages", "; ".join([found, *unfit]), again if unfit else "")
    pins = Path(__file__).resolve().parents[2] / "constraints.txt"
    if not pins.exists():
        yield Finding("versions", "no constraints.txt beside the package to compare with")
        return
    pinned = dict(line.split("==") for line in pins.read_text(encoding="utf-8").splitlines() if "==" in line)
    installed = {name: version for name in pinned if (version := _version(name)) is not None}
    other = [f"{name} {version}, not {pinned[name]}" for name, version in installed.items() if version != pinned[name]]
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        yield Finding(
            "versions", f"others than were tested: {'; '.join(other[:_SHOWN])}{more}",
            f"Install those that were: pip install --constraint {pins} --editable {pins.parent}",
        )  # fmt: skip
    else:
        yield Finding("versions", f"{len(installed)} installed packages, all as tested together (constraints.txt)")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _extras() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    told = []
    for extra in metadata.metadata("sqf-pipeline").get_all("Provides-Extra") or []:
        lines = [Requirement(line) for line in metadata.requires("sqf-pipeline") or [] if f'"{extra}"' in line]
        told.append(f"{extra} {'installed' if all(_version(one.name) for one in lines) else 'not installed'}")
    yield Finding("extras", f"{', '.join(told)}; a browser is not needed")


def _folders(settings: Settings) -> Iterator[Finding]:
    home = settings.home.resolve()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    found = f"{home}{'' if home.exists() else ' (not made yet)'}, {free / 1e9:,.0f} GB free"
    to_do = "Make room, or set SQF_HOME to a larger disk." if free < LEAST_FREE_BYTES else ""
    if not os.access(existing, os.W_OK):
        to_do = f"{existing} cannot be written: give permission, or set SQF_HOME."
    yield Finding("home", found, to_do)


def _files(settings: Settings) -> Iterator[Finding]:
    from sqf_pipeline.ingest.local_files import local_years

    folder = settings.data_dir.resolve()
    years = local_years(folder) if folder.is_dir() else []
    found = f"{folder}: {', '.join(str(year) for year in years) or 'no yearly file'} (SQF_SOURCE={settings.source})"
    missing = settings.source == "local" and not years
    to_do = "Put the yearly files there, set SQF_DATA_DIR, or download them: SQF_SOURCE=nypd."
    yield Finding("files", found, to_do if missing else "")


def _database(settings: Settings) -> Iterator[Finding]:
    from sqf_pipeline.warehouse.embedded_server import status
    from sqf_pipeline.warehouse.url import server_at

    try:
        if settings.database_url:
            version, place = server_at(settings.database_url.get_secret_value())
            yield Finding("database", f"PostgreSQL {version} at {place}")
            return
        server = status(settings.home / "postgres")
    except SqfError as error:
        yield Finding("database", "not reachable", str(error))
        return
    if sys.platform == "win32":
        yield Finding("database", "none on Windows", "Set SQF_DATABASE_URL to a PostgreSQL server, or use WSL.")
    elif server.running:
        yield Finding("database", f"embedded PostgreSQL {server.version} runs on 127.0.0.1:{server.port}")
    else:
        yield Finding("database", "embedded PostgreSQL, which starts when it is needed")


def _exports(settings: Settings) -> Iterator[Finding]:
    from sqf_pipeline.service.bundle import CURRENT_NAME, resolve_folder

    current = settings.folder("exports") / CURRENT_NAME
    named = settings.export_dir or current
    made = resolve_folder(named).name if named.exists() else ""
    if settings.export_dir and not made:
        yield Finding("export", f"none at {named}", "Correct SQF_EXPORT_DIR, or leave it out.")
    else:
        yield Finding("export", f"{made} is served" if made else "none to serve yet; `sqf run --full` makes one")


def _ports() -> Iterator[Finding]:
    from sqf_pipeline.commands.ui import require_free_port

    for name, port in PORTS.items():
        try:
            require_free_port("127.0.0.1", port)
        except SqfError:
            yield Finding(
                "port", f"{port} is taken", f"Stop what listens there, or choose another: sqf {name} --port N"
            )
        else:
            yield Finding("port", f"{port} is free for `sqf {name}`")
