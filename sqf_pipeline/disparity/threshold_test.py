"""The threshold test: the risk from which each group is frisked, told only where the data identify it.

Needs the optional extra `threshold` (the sampler nutpie). Numbers pass four gates: chains that agree (R-hat below
1.02), 400 effective draws, two priors of the separation that lead to one verdict, and weekdays in the place of races
that do not differ. Otherwise the verdict is `not_identified`: the counts fit several thresholds, and choosing one would
be choosing the answer. Its finds are more spread than its model's, persons of one encounter sharing them.

References
----------
Simoiu, Corbett-Davies and Goel (2017); Pierson, Corbett-Davies and Goel (2018), see `threshold_posterior`.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.disparity.acts_and_hits import (
    FEWEST_ACTS,
    REFERENCE,
    entry_named,
    group_codes,
    group_names,
    years_label,
)
from sqf_pipeline.disparity.posterior_draws import Difference, Posterior, summarise
from sqf_pipeline.disparity.risk_adjusted import RISK_ACT, enough_finds
from sqf_pipeline.disparity.threshold_posterior import INFORMED, LEARNED, Cells, Floats, Prior, log_posterior, start
from sqf_pipeline.evaluation.bootstrap import SEED
from sqf_pipeline.registry.declared_tables import result_frame

Sampler = Callable[[Cells, Prior], Floats]
"""Cells and prior to draws of shape (chains, draws, parameters)."""
Verdict = Literal[Difference, "not_identified", "not_run"]

GROUPS = ("black", "hispanic", REFERENCE)
PRIORS: Mapping[str, Prior] = {"learned": LEARNED, "informed": INFORMED}
CHAINS, TUNE, DRAWS = 4, 1500, 1500
INSTALL = "The sampler is not installed: pip install 'sqf-pipeline[threshold]', then run again."


def threshold_test(stops: pd.DataFrame, *, sample: Sampler | None = None) -> pd.DataFrame:
    """Return the table `threshold_test` of the stops as one window of years.

    Weapon, firearm and knife each have their rows. Empty where the form does not record frisks or finds, or a group has
    too few. `sample` draws from the posterior; nutpie by default. Without that extra every verdict is `not_run` and
    `reason` says how to install it.
    """
    act = entry_named("act", RISK_ACT)
    rows: list[dict[str, Any]] = []
    if not act.is_recorded(stops):
        return result_frame("threshold_test", rows)
    frisked, codes = act.holds(stops), group_codes(stops)
    numbers = [group_names().index(name) for name in GROUPS]
    member = np.stack([codes == number for number in numbers])
    if (member & frisked).sum(axis=1).min() < FEWEST_ACTS:
        return result_frame("threshold_test", rows)
    weekday = stops["stop_date"].dt.day_of_week.to_numpy(dtype=float, na_value=np.nan)
    days = np.stack([weekday <= 2, (weekday == 3) | (weekday == 4), weekday >= 5])
    if sample is None and find_spec("nutpie") is not None:
        sample = sample_with_nutpie
    same = {"years": years_label(stops), "population": "all", "act": RISK_ACT, "reference": REFERENCE}
    for hit in enough_finds(stops, frisked):
        key: dict[str, Any] = same | {"hit": hit}
        if sample is None:
            pairs = product(PRIORS, GROUPS)
            rows += [{**key, "prior": p, "race": r, "verdict": "not_run", "reason": INSTALL} for p, r in pairs]
            continue
        happened = entry_named("hit", hit).holds(stops)
        cells = count_cells(stops, member, frisked, happened)
        placebo = count_cells(stops, days & member.any(axis=0), frisked, happened)
        rows += _rows(key, *fit_and_judge(cells, placebo, sample))
    return result_frame("threshold_test", rows)


def count_cells(
    stops: pd.DataFrame, member: NDArray[np.bool_], acted: NDArray[np.bool_], found: NDArray[np.bool_]
) -> Cells:
    """Return the counts by precinct and group; `member` says who is in each group, shape (groups, stops)."""
    precinct = stops.groupby("precinct", dropna=True, sort=True).ngroup().to_numpy(dtype=np.intp, na_value=-1)
    size = int(precinct.max(initial=-1)) + 1

    def counted(rows: NDArray[np.bool_]) -> Floats:
        columns = [np.bincount(precinct[mine & rows & (precinct >= 0)], minlength=size) for mine in member]
        return np.column_stack(columns).astype(np.float64)

    return Cells(counted(np.ones(len(stops), dtype=bool)), counted(acted), counted(acted & found))


def fit_and_judge(
    cells: Cells, placebo: Cells, sample: Sampler
) -> tuple[dict[str, Posterior], float | None, list[str]]:
    """Return the fits by prior, the largest placebo difference, and which gates were not passed, in words.

    What comes after a gate that is not passed is not fitted.
    """
    fits: dict[str, Posterior] = {}
    for name, prior in PRIORS.items():
        fits[name] = summarise(sample(cells, prior), cells)
        if not fits[name].mixed:
            return fits, None, [_unmixed(f"the {name} prior", fits[name])]
    groups = range(cells.stops.shape[1] - 1)
    if any(len({fit.verdict(group) for fit in fits.values()}) > 1 for group in groups):
        return fits, None, ["The answer changes with the prior."]
    weekdays = summarise(sample(placebo, LEARNED), placebo)
    differences = [weekdays.difference(group) for group in range(placebo.stops.shape[1] - 1)]
    largest = max((middle for middle, _, _ in differences), key=abs)
    if not weekdays.mixed:
        return fits, largest, [_unmixed("the weekdays", weekdays)]
    if any(low > 0 or high < 0 for _, low, high in differences):
        return fits, largest, ["Weekdays in the place of races differ as well."]
    return fits, largest, []


def _unmixed(which: str, fit: Posterior) -> str:
    return f"Chains of {which} do not agree: R-hat {fit.r_hat:.2f}, {fit.effective_draws:.0f} effective draws."


def _rows(
    key: dict[str, Any], fits: dict[str, Posterior], largest: float | None, failed: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of a hit; figures of thresholds only where no gate failed."""
    rows = []
    for prior, fit in fits.items():
        for group, race in enumerate(GROUPS):
            figures: dict[str, Any] = {}
            verdict: Verdict = "not_identified"
            if not failed:
                drawn = fit.thresholds[:, group]
                low, high = np.quantile(drawn, [0.025, 0.975])
                figures = {"threshold": float(drawn.mean()), "low": float(low), "high": float(high)}
                verdict = fit.verdict(group)
            if figures and race != REFERENCE:
                names = ("difference", "difference_low", "difference_high")
                below = float((drawn < fit.thresholds[:, -1]).mean())
                figures |= dict(zip(names, fit.difference(group), strict=True)) | {"share_below": below}
            trust = {name: value for name, value in vars(fit).items() if name != "thresholds"}
            judged = {"placebo_largest": largest, "verdict": verdict, "reason": " ".join(failed)}
            rows.append({**key, "prior": prior, "race": race, **figures, **trust, **judged})
    return rows


def sample_with_nutpie(cells: Cells, prior: Prior) -> Floats:
    """Return draws by the No-U-Turn sampler of nutpie with its low-rank mass matrix, the same for the same cells."""
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    model = from_pyfunc(
        cells.size,
        lambda: lambda point: log_posterior(point, cells, prior),
        lambda *_: lambda point: {"point": point},
        [np.dtype(np.float64)],
        [(cells.size,)],
        ["point"],
        make_initial_point_fn=lambda seed: start(cells, seed),
    )
    trace = nutpie.sample(
        model, draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, seed=SEED, save_warmup=False, progress_bar=False,
        low_rank_modified_mass_matrix=True,
    )  # fmt: skip
    return np.asarray(trace.posterior["point"], dtype=np.float64)
