"""How a run looks while it goes on."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from sqf_pipeline.orchestration.running import Progress


class RunDisplay:
    """A progress bar where there is a terminal, and lines alone where there is none."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console = console
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=steps)
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return how long the display has been there."""
        return time.perf_counter() - self._began

    def __enter__(self) -> "RunDisplay":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def under_way(self, what: str) -> None:
        """Name what is under way outside any step."""
        self._bar.update(self._task, description=what)

    def show(self, moment: Progress) -> None:
        """Show one moment of the run."""
        named = f"{moment.year} {moment.step}"
        if moment.kind == "started":
            self.under_way(named)
            return
        if moment.kind == "note":
            self.under_way(f"{named}: {moment.text}")
            return
        if moment.kind == "warned":
            self._console.print(Text(f"! {named}  {moment.text}", style="yellow"))
            return
        mark = "[green]✓[/green]" if moment.kind == "done" else "[red]✗[/red]"
        self._console.print(f"{mark} {named:<40} {moment.seconds:6.1f} s")
        self._bar.advance(self._task)
