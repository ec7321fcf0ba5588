"""Run `sqf` as it is, and write what of its processor time went into fits: resampling, and whatever has a `fit`.

    python -m benchmarks.fits_clock FILE run --year 2020

A fit on several cores, and fits side by side in threads, are counted by the processor time of their process while any
goes on: of this one, and of the one that measures the study ahead.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from sqf_pipeline.cli import main
from sqf_pipeline.commands import run


class FitsClock:
    """The processor time of this process while at least one fit goes on, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._under_way, self._began = 0, 0.0
        self._turn = Lock()

    def timed(self, owner: Any, name: str) -> None:
        """Count in the calls of a function or method."""
        called: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            self._count(1)
            try:
                return called(*args, **options)
            finally:
                self._count(-1)

        setattr(owner, name, counted)

    def _count(self, more: int) -> None:
        with self._turn:
            if self._under_way == 0:
                self._began = time.process_time()
            self._under_way += more
            if self._under_way == 0:
                self.seconds += time.process_time() - self._began


def watch_fits(clock: FitsClock) -> None:
    """Time the fits of a plain run: the study's forests, resampled ones, and those of its own way."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    from sqf_pipeline.modelling.shared_fits import FitStep

    clock.timed(FitStep, "_fit_anew")
    clock.timed(RandomForestClassifier, "fit")
    clock.timed(LogisticRegression, "fit")


def _watched(materialise: Callable[..., float], clock: FitsClock, aside: Path) -> Callable[..., float]:
    def materialise_and_watch(*args: Any, **options: Any) -> float:
        from sqf_pipeline.orchestration import study_ahead

        watch_fits(clock)
        study_ahead._measure_or_leave = partial(_measured_aside, study_ahead._measure_or_leave, aside)  # noqa: SLF001
        return materialise(*args, **options)

    return materialise_and_watch


def _measured_aside(measure: Callable[..., Any], aside: Path, *args: Any) -> Any:
    """Measure the study in the process that it is handed to, and leave there the time of its fits."""
    clock = FitsClock()
    watch_fits(clock)
    measured = measure(*args)
    aside.write_text(str(clock.seconds), encoding="utf-8")
    return measured


if __name__ == "__main__":
    target, fits = Path(sys.argv.pop(1)).resolve(), FitsClock()
    beside = target.with_name(f"{target.name}-aside")
    beside.write_text("0", encoding="utf-8")
    run._materialise = _watched(run._materialise, fits, beside)  # noqa: SLF001 - what comes before it is light, and stays so
    try:
        main()
    finally:
        target.write_text(str(fits.seconds + float(beside.read_text(encoding="utf-8"))), encoding="utf-8")
