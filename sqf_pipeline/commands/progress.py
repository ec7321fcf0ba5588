"""How a run looks while it goes on."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from sqf_pipeline.orchestration.running import Progress


class RunDisplay(Bar):
    """A progress bar where there is a terminal, and lines alone where there is none."""

    def __init__(self, console: Console, steps: int) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self.add_task("starting", total=steps)
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return how long the display has been there."""
        return time.perf_counter() - self._began

    def show(self, moment: Progress) -> None:
        """Show one moment of the run."""
        named = f"{moment.year} {moment.step}"
        if moment.kind in {"started", "note"}:
            self.update(self._task, description=f"{named}: {moment.text}" if moment.text else named)
        elif moment.kind == "warned":
            self.console.print(Text(f"! {named}  {moment.text}", style="yellow"))
        else:
            mark = "[green]✓[/green]" if moment.kind == "done" else "[red]✗[/red]"
            self.console.print(f"{mark} {named:<40} {moment.seconds:6.1f} s")
            self.advance(self._task)
