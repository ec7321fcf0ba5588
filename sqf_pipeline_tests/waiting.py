"""How long a test waits for what must come: long, because other work may have the machine; nothing waits in vain."""

import time
from collections.abc import Callable

PATIENCE = 300.0
"""Seconds for anything that other processes, a browser or a database have to do; a passing test never needs them."""


def wait_until(
    condition: Callable[[], object], told: Callable[[], object] | str = "it did not come to that", every: float = 0.05
) -> None:
    """Return once a condition holds, asked `every` so many seconds; fails with what is told when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, told if isinstance(told, str) else told()
        time.sleep(every)
