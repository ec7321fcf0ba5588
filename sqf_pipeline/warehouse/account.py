"""Who runs the embedded server, and what that account can reach.

What belongs here: PostgreSQL refuses to run as root, so root runs it as another account; the choice of that account
and of a place which it can reach. What does not: the server's life (`local`) and its programs (`programs`).

Permissions of anything that this module did not create are never changed. A folder of which a parent is closed to
the account (a home under /root, say) is therefore not opened: the cluster goes to a place outside, and the folder
keeps a note of where that is.
"""

import hashlib
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqf_pipeline.errors import SqfError

# An administrator may create an account for the server; `nobody` is there on every Linux and macOS.
ACCOUNT_NAMES = ("sqf", "nobody")
OUTSIDE_NAME = "sqf-pipeline"
SHELL = "/bin/sh"


@dataclass(frozen=True)
class Account:
    """The account that runs the server; for everyone but root it is the caller's own."""

    name: str
    uid: int
    gid: int
    own: bool

    def run_arguments(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program as this account."""
        arguments: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL}
        if not self.own:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": ()}
        return arguments

    def can(self, *command: str) -> bool:
        """Return whether this account can run `command` with success."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed programs
                command, capture_output=True, check=False, env=clean_environment(), **self.run_arguments()
            )
        except OSError:
            return False
        return done.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Return whether this account can enter `folder` and everything above it."""
        return self.own or self.can(SHELL, "-c", 'test -x "$0"', str(folder))

    def give(self, path: Path) -> None:
        """Make this account the owner of something that we have just created."""
        if not self.own:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def clean_environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs: no PG* variables, no locale of the caller's."""
    return {"PATH": os.defpath, "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def account_for(data: Path | None) -> Account:
    """Return the account that runs the server on the data folder `data`, or that is to own a new one (None).

    Raises
    ------
    SqfError
        When the cluster belongs to somebody else, or root finds no account to run it as.
    """
    owner = data.stat() if data is not None else None
    me = os.geteuid()
    if me != 0:
        if owner is not None and owner.st_uid != me:
            msg = (
                f"The embedded database in {data} belongs to account {_name(owner.st_uid)}, not to {_name(me)}. "
                "Run sqf as before (as root, if that was so), or use a folder of your own by SQF_HOME."
            )
            raise SqfError(msg)
        return Account(_name(me), me, os.getegid(), own=True)
    if owner is not None:
        if owner.st_uid == 0:
            msg = (
                f"The embedded database in {data} belongs to root, and PostgreSQL does not run as root. "
                f"Give the folder to another account, for instance: chown -R {ACCOUNT_NAMES[-1]} '{data}'"
            )
            raise SqfError(msg)
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid, own=False)
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, own=False)
    msg = (
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNT_NAMES)} exists. "
        "Create one (useradd --system sqf), run sqf as another user, or set SQF_DATABASE_URL to a server."
    )
    raise SqfError(msg)


def choose_cluster(directory: Path, account: Account) -> Path:
    """Create a folder for a cluster, which `account` can pass through, and return it.

    The folder is the caller's; only the data folder in it will be the account's. It lies in `directory` when the
    account can reach that, else under /var/lib (or /var/tmp, or the folder for temporary files, when /var/lib
    cannot be written).

    Raises
    ------
    SqfError
        When no place can be reached by the account.
    """
    if account.can_enter(directory):
        cluster = directory / "cluster"
        make_folder(cluster, 0o700 if account.own else 0o711)
        return cluster
    tried = []
    for base in outside_bases():
        root = base / OUTSIDE_NAME
        if not _own_folder(root) or not account.can_enter(root):
            tried.append(str(root))
            continue
        cluster = Path(tempfile.mkdtemp(prefix=f"{_mark(directory)}-", dir=root))
        (cluster / "belongs-to").write_text(f"{directory}\n", encoding="utf-8")
        cluster.chmod(0o711)
        return cluster
    msg = (
        f"The account {account.name}, as which root runs the embedded database, can reach neither {directory} nor "
        f"any of {', '.join(tried)}. Set SQF_HOME to a folder that every account can enter, or SQF_DATABASE_URL."
    )
    raise SqfError(msg)


def make_folder(folder: Path, mode: int) -> None:
    """Create a folder with exactly this mode, whatever the umask; one that is there already stays as it is."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(mode)


def clusters_left_outside(directory: Path) -> list[Path]:
    """Return clusters outside that were made for `directory`, whether or not it still knows them."""
    found = (path for base in outside_bases() for path in (base / OUTSIDE_NAME).glob(f"{_mark(directory)}-*"))
    return sorted(path for path in found if path.is_dir())


def outside_bases() -> Sequence[Path]:
    """Return the folders under which a cluster may be put when its home is closed to the account."""
    return tuple(dict.fromkeys((Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))))  # noqa: S108


def _own_folder(folder: Path) -> bool:
    """Create a folder of root's that others can only pass through; refuse one that somebody else prepared."""
    try:
        make_folder(folder, 0o711)
        found = folder.lstat()
    except OSError:
        return False
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
        return False
    return not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _mark(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"


__all__ = [
    "Account",
    "account_for",
    "choose_cluster",
    "clean_environment",
    "clusters_left_outside",
    "make_folder",
]
