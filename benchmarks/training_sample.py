"""What fitting on a sample costs: `python -m benchmarks.training_sample --train 2004,2005 --year 2006 --home HOME`.

What belongs here: models fitted on all training stops of years that `benchmarks.all_years` has stored
and on samples of them, and measured on the test year. Results stand in `docs/growth_by_sample.csv`.
"""

import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.measuring import machine, now

FIELDS = ("model", "training_years", "test_year", "stops", "share", "cpu_seconds", "megabytes", "roc_auc",
          "average_precision", "measured", "machine")  # fmt: skip
MODELS = ("arrest-at_stop-boosting", "arrest-at_stop-tuned_forest", "arrest-at_stop-logistic_regression")


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="SQF_HOME with the stops of the years.")
@click.option("--train", required=True, help="Training years, such as 2004,2005.")
@click.option("--year", type=int, required=True, help="Test year.")
@click.option("--model", "models", multiple=True, default=MODELS, show_default=True)
@click.option("--share", "shares", type=float, multiple=True, default=(1.0, 0.25, 0.05), show_default=True)
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(*, home: Path, train: str, year: int, models: Sequence[str], shares: Sequence[float], docs: Path) -> None:
    """Fit on all training stops and on samples, each in a process of its own, so that its peak memory is its own."""
    from multiprocessing import get_context

    rows = []
    for model in models:
        for share in shares:
            with get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(fit, (home, train, year, model, share)))
            click.echo(" ".join(rows[-1].values()))
    with (docs / "growth_by_sample.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def fit(home: Path, train: str, year: int, name: str, share: float) -> dict[str, str]:
    """Fit one model, calibrated on the last training year, and return a row of the table."""
    import resource

    import pandas as pd
    from sklearn.metrics import average_precision_score, roc_auc_score

    from sqf_pipeline.modelling.experiments import tier_experiments, within_forms
    from sqf_pipeline.modelling.fitting import fit_experiment
    from sqf_pipeline.registry.forms.published_forms import forms_of_years
    from sqf_pipeline.registry.outcomes import happened

    def stops(wanted: int) -> "pd.DataFrame":
        (path,) = home.glob(f"storage/*/stops/{wanted}.parquet")
        return pd.read_parquet(path)

    years = [int(one) for one in train.split(",")]
    training = (
        pd.concat([stops(one) for one in years], ignore_index=True).sample(frac=share, random_state=1).sort_index()
    )
    kept, _ = within_forms(tier_experiments(), forms_of_years([*years, year]))
    (experiment,) = (one for one in kept if one.name == name)
    began = time.process_time()
    model = fit_experiment(experiment, training)
    used = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    test = stops(year)
    actual = happened(test, experiment.outcome)
    test, known = test[actual.notna()], actual.dropna().astype(bool)
    probability = model.predict_probability(test)
    return {
        "model": experiment.name, "training_years": train, "test_year": str(year), "stops": str(len(training)),
        "share": f"{share:g}", "cpu_seconds": f"{used:.1f}",
        "megabytes": f"{peak:.0f}",
        "roc_auc": f"{roc_auc_score(known, probability):.4f}",
        "average_precision": f"{average_precision_score(known, probability):.4f}",
        "measured": now(), "machine": machine(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
