"""What all figures share: colours, titles that state a finding, where the data come from, and the PNG."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.display import words
from sqf_pipeline.registry.year_and_month_words import year_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Okabe and Ito's colours, distinguishable with every common colour blindness; see Wong (2011), Nature Methods 8.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000",
)  # fmt: skip
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
GREY = "#595959"  # 7:1 against white
LIGHT_GREY = "#D9D9D9"
DOTTED: dict[str, Any] = {"color": GREY, "linewidth": 1, "linestyle": (0, (1, 3))}
"""How a line is drawn that others are compared with."""
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STATUS_COLOURS = {"ok": BLUE, "warn": ORANGE, "fail": VERMILION}
STATUS_MARKERS = {"ok": "o", "warn": "^", "fail": "X"}

DPI = 150
_SMALL = 0.4
_TITLE_CHARACTERS = 8.4  # an inch, of bold 13 points
_FOOTER_CHARACTERS = 15.5  # an inch, of 8 points


@dataclass(frozen=True)
class Origin:
    """Where the stops of a figure come from."""

    source: str  # `local`, `nypd` or `sample`
    years: Sequence[int]  # shown or tested on
    training_years: Sequence[int] = ()  # that the models were fitted on; empty for a figure of stops
    note: str = ""  # what must be said of the years, such as that they are excerpts; '' when they are whole

    @property
    def synthetic(self) -> bool:
        """Whether the stops are invented."""
        return self.source == "sample"

    def sentence(self, rows: int | None = None) -> str:
        """Return the source line of a figure, with the number of stops."""
        stops = "Synthetic sample, not NYPD data" if self.synthetic else "NYPD stop, question and frisk files"
        parts = [f"Source: {stops}, {year_words(sorted(set(self.years)))}"]
        if self.training_years:
            parts.append(f"models fitted on {year_words(sorted(set(self.training_years)))}")
        if rows is not None:
            parts.append(f"n = {rows:,} stops")
        return f"{'; '.join(parts)}. {self.note}".strip()


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches, whose parts make room for one another."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08, wspace=0.04, hspace=0.06)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def panel_grid(panels: int, widest: int, inches: float) -> "tuple[Figure, list[Axes]]":
    """Return a figure and so many square panels of so many inches, at most `widest` in a row."""
    wide = min(panels, widest)
    high = -(-panels // wide)
    figure = new_figure(inches * wide + 0.4, inches * high + 1.1)
    made = figure.subplots(high, wide, squeeze=False).ravel()
    for axes in made[panels:]:
        axes.set_visible(False)
    return figure, list(made[:panels])


def finish(figure: "Figure", title: str, origin: Origin, *, rows: int | None = None, note: str = "") -> "Figure":
    """Write the finding above a figure, and its source, number of stops and reading notes below."""
    width = figure.get_figwidth()
    heading = textwrap.fill(title, int(width * _TITLE_CHARACTERS))
    figure.suptitle(heading, x=0.012, ha="left", fontsize=13, fontweight="bold")
    below = f"{note} {origin.sentence(rows)}".strip()
    footer = textwrap.fill(below, int(width * _FOOTER_CHARACTERS))
    figure.supxlabel(footer, x=0.012, ha="left", fontsize=8, color=GREY)
    if origin.synthetic:
        figure.text(
            0.5, 0.5, "SYNTHETIC SAMPLE", fontsize=min(44.0, 5.5 * width), color=VERMILION, alpha=0.13,
            ha="center", va="center", rotation=25 if figure.get_figheight() > 3.5 else 8, fontweight="bold", zorder=10,
        )  # fmt: skip
    return figure


def plain(axes: "Axes", *, grid: Literal["x", "y", "both"] | None = "x") -> "Axes":
    """Remove what carries no information (two spines, tick marks) and leave a light grid along `grid`."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT_GREY)
    axes.tick_params(length=0, labelsize=9, colors="#333333")
    axes.xaxis.label.set_fontsize(9.5)
    axes.yaxis.label.set_fontsize(9.5)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color="#EBEBEB", linewidth=0.8)
    return axes


def panel_title(axes: "Axes", text: str, width: int = 60) -> None:
    """Write a panel's own title above it, to the left."""
    lines = "\n".join(textwrap.fill(line, width) for line in text.split("\n"))
    axes.set_title(lines, loc="left", fontsize=10, color="#333333")


def write_beside(axes: "Axes", text: str, place: tuple[float, float], points: float = 6, **how: Any) -> None:
    """Write a text so many points to the right of a place."""
    axes.annotate(text, place, xytext=(points, 0), textcoords="offset points", va="center", **how)


def percent_axis(axis: Any) -> None:
    """Label an axis of shares in per cent, with no more decimals than are needed."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.6g} %")


def values_and_bars(part: pd.DataFrame, *names: str) -> "tuple[Floats, list[Floats]]":
    """Return a column, and how far its interval reaches below and above it, each of shape (rows,).

    `names` are the column, and those of the interval's ends; a missing end is the value itself.
    """
    values, low, high = (part[name].to_numpy(dtype=float, na_value=np.nan) for name in names)
    return values, [np.nan_to_num(np.maximum(values - low, 0)), np.nan_to_num(np.maximum(high - values, 0))]


def model_label(name: str) -> str:
    """Return a model's slug as words: `arrest-at_stop-random_forest` is `arrest, at stop, random forest`."""
    return words(name.replace("-", ", "))


def capitalised(text: str) -> str:
    """Return a text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def figure_png(figure: "Figure") -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes (no date, no version of the software)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(DPI)
    buffer = io.BytesIO()
    # `savefig` draws a figure twice where its parts make room for one another
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def small_png(png: bytes) -> bytes:
    """Return a picture scaled down for a preview, as PNG."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        width, height = (round(side * _SMALL) for side in picture.size)
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "png")
    return buffer.getvalue()
