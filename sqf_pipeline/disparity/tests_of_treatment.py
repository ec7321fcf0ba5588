"""The tests by name, and which tables each gives: what an asset, a command or a notebook calls.

Each takes clean stops of one window of years (one year or several) and returns long tables, a row's `years` naming
the window. A test that a form cannot answer leaves out the acts, hits and populations that it does not record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqf_pipeline.disparity.decision_and_hit_rates import decision_and_hit_rates
from sqf_pipeline.disparity.outcome_test import outcome_test_contrasts, outcome_test_rates
from sqf_pipeline.disparity.risk_adjusted import risk_adjusted
from sqf_pipeline.disparity.risk_adjusted_sensitivity import risk_adjusted_sensitivity
from sqf_pipeline.disparity.threshold_test import threshold_test
from sqf_pipeline.disparity.veil_of_darkness import veil_of_darkness

if TYPE_CHECKING:
    import pandas as pd

TableMaker = Callable[[Any], "pd.DataFrame"]


@dataclass(frozen=True)
class TreatmentTable:
    """A table of this folder.

    Attributes
    ----------
    make
        Clean stops, or what `of_risk` says, to the table.
    of_risk
        Whether it is made from `compared_stops`, whose risk is learnt once for all such tables.
    """

    make: TableMaker
    of_risk: bool = False


TREATMENT_TABLES: Mapping[str, TreatmentTable] = {
    "outcome_test_rates": TreatmentTable(outcome_test_rates),
    "outcome_test_contrasts": TreatmentTable(outcome_test_contrasts),
    "decision_and_hit_rates": TreatmentTable(decision_and_hit_rates),
    "risk_adjusted": TreatmentTable(risk_adjusted, of_risk=True),
    "risk_adjusted_sensitivity": TreatmentTable(risk_adjusted_sensitivity, of_risk=True),
    "veil_of_darkness": TreatmentTable(veil_of_darkness),
    "threshold_test": TreatmentTable(threshold_test),
}
"""Table name to what makes it, in the order in which they are read."""
