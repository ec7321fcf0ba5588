"""The one shape in which data reach a chart, its table and its download."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sqf_pipeline.display import DisplayTable, TableColumn
from sqf_pipeline.service.encoding import Strict

ChartKind = Literal["line", "bar", "heat", "map", "interval", "calibration", "none"]
Section = Literal["stops", "models", "people", "study", "treatment", "faults", "form"]


class ChartSpec(Strict):
    """How a table is drawn: which columns stand on which axis.

    `y` lists the columns that can be shown, the first at once and the others by a chooser; where a table has
    columns `<y>_low` and `<y>_high` they are drawn as an interval. `group` splits into series (rows of a heat
    map), `size` is the area of a dot, and `select` names columns whose values are chosen above the chart. `breaks`
    are moments on an axis of years (2016.49 is late June 2016) at which a line is drawn, each with its name.
    """

    kind: ChartKind = "none"
    x: str = ""
    y: tuple[str, ...] = ()
    group: str = ""
    size: str = ""
    select: tuple[str, ...] = ()
    breaks: tuple[tuple[float, str], ...] = ()


class AnalysisTable(DisplayTable):
    """A table that answers a question, with its chart.

    `title` states what was found, `question` what was asked, `note` how to read it and what it leaves out.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
    section: Section
    question: str
    note: str = ""
    columns: tuple[TableColumn, ...] = Field(min_length=1)
    chart: ChartSpec = ChartSpec()
