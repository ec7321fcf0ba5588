"""Start the embedded server so that it belongs to nobody who may end before it.

What belongs here: a small script, run as a process of its own with the standard library alone, which takes the lock of
a living server, starts the server with that lock in its hands, and ends. What does not: everything else (`local`).

Two things follow from that. The server is no child of the pipeline's, so it outlives it and leaves no zombie there.
And the kernel holds the lock exactly as long as any process of the server lives, however it ends, in whatever
container it runs: whoever gets the lock knows that nothing touches the data, which no process number can tell.
"""

import fcntl
import json
import os
import subprocess
import sys
import time

STARTED = 0
LOCK_IS_HELD = 3
ATTEMPTS = 50


def main() -> int:
    """Read the order (JSON) from standard input, start the server, and print its process number."""
    order = json.load(sys.stdin)
    os.umask(0o077)
    lock = os.open(order["lock"], os.O_RDWR | os.O_CREAT, 0o600)
    if not _take(lock):
        return LOCK_IS_HELD
    for stale in order["remove"]:
        try:
            os.unlink(stale)  # noqa: PTH108 - pathlib is not needed for one call
        except FileNotFoundError:
            continue
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server = subprocess.Popen(  # noqa: S603 - the order comes from `local`
        order["command"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=order["environment"],
        pass_fds=(lock,),
        start_new_session=True,
        **order["account"],
    )
    sys.stdout.write(f"{server.pid}\n")
    return STARTED


def _take(lock: int) -> bool:
    """Take the lock; somebody who only looks whether it is held holds it for an instant."""
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["LOCK_IS_HELD", "STARTED", "main"]
