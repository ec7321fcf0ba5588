"""The account that runs the embedded server, as PostgreSQL refuses root, and a folder which that account can reach."""

import hashlib
import os
import pwd
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqf_pipeline.errors import SqfError

# An administrator may create an account for the server; `nobody` is there on every Linux and macOS.
ACCOUNT_NAMES = ("sqf", "nobody")
# Where a cluster is put when its home is closed to the account; the first that can be used.
BASES = dict.fromkeys((Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir())))  # noqa: S108 - not predictable
ROOTS_OUTSIDE = tuple(base / "sqf-pipeline" for base in BASES)


@dataclass(frozen=True)
class Account:
    """The account that runs the server; for everyone but root it is the caller's own."""

    name: str
    uid: int
    gid: int
    own: bool

    def run_arguments(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program as this account."""
        identity = {} if self.own else {"user": self.uid, "group": self.gid, "extra_groups": ()}
        return {"cwd": "/", "stdin": subprocess.DEVNULL, **identity}

    def can(self, condition: str, path: Path) -> bool:
        """Return whether a condition of the shell on `path`, its $0, holds for this account; True for the caller's."""
        asked = {"args": ["/bin/sh", "-c", condition, str(path)], "env": {"PATH": os.defpath}, **self.run_arguments()}
        return self.own or subprocess.run(**asked, capture_output=True, check=False).returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Return whether this account can enter `folder` and everything above it."""
        return self.can('test -x "$0"', folder)

    def give(self, path: Path) -> None:
        """Make this account the owner of something that we have just created."""
        if not self.own:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(data: Path | None) -> Account:
    """Return the account that runs the server on the folder `data`, or is to own a new one (None).

    Raises SqfError when the folder belongs to somebody else, or root finds no account to run the server as.
    """
    owner, me = data.stat() if data is not None else None, os.geteuid()
    if owner is not None and (owner.st_uid == 0 or me not in (0, owner.st_uid)):
        raise SqfError(
            f"The embedded database in {data} belongs to account {_name(owner.st_uid)}, not to {_name(me)}, and "
            "PostgreSQL does not run as root. Run sqf as before, use a folder of your own by SQF_HOME, or give the "
            f"data to another account, for instance: chown -R {ACCOUNT_NAMES[-1]} '{data}'"
        )
    if me != 0:
        return Account(_name(me), me, os.getegid(), own=True)
    if owner is not None:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid, own=False)
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, own=False)
    raise SqfError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNT_NAMES)} exists. "
        "Create one (useradd --system sqf), run sqf as another user, or set SQF_DATABASE_URL to a server."
    )


def choose_cluster(directory: Path, account: Account) -> Path:
    """Create a folder for a cluster, which `account` can pass through, and return it.

    It is the caller's; only the data folder in it will be the account's. It lies in `directory` when the account can
    reach that. Permissions of folders that were there are never changed: when one above is closed to the account
    (a home under /root, say), the cluster goes outside, with a note of where it belongs. Raises SqfError when that
    cannot be reached either.
    """
    if account.can_enter(directory):
        make_folder(directory / "cluster", 0o700 if account.own else 0o711)
        return directory / "cluster"
    root = next((root for root in ROOTS_OUTSIDE if _is_ours(root) and account.can_enter(root)), None)
    if root is None:
        raise SqfError(
            f"The account {account.name}, as which root runs the embedded database, can reach neither {directory} nor "
            f"any of {', '.join(map(str, ROOTS_OUTSIDE))}. Set SQF_HOME to a folder that every account can enter, or "
            "SQF_DATABASE_URL."
        )
    cluster = Path(tempfile.mkdtemp(prefix=f"{_mark(directory)}-", dir=root))
    (cluster / "belongs-to").write_text(f"{directory}\n", encoding="utf-8")
    cluster.chmod(0o711)
    return cluster


def clusters_outside(directory: Path) -> list[Path]:
    """Return clusters outside that were made for `directory`, whether or not it still knows them."""
    return sorted(path for root in ROOTS_OUTSIDE for path in root.glob(f"{_mark(directory)}-*") if path.is_dir())


def make_folder(folder: Path, mode: int) -> None:
    """Create a folder with exactly this mode, whatever the umask; one that is there already stays as it is."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(mode)


def _is_ours(folder: Path) -> bool:
    """Create a folder that others can only pass through; return False for one that somebody else prepared."""
    try:
        make_folder(folder, 0o711)
        found = folder.lstat()
    except OSError:
        return False
    open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode) and not open_to_others


def _mark(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"
