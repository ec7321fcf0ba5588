"""Our service against an empty route and the 2021 study's design, in one run on one machine; ours under a long load.

    python -m benchmarks.serving_speed EXPORT_DIR [--minutes 10]

What belongs here: which services are compared, on what, and the report in Markdown. What does not: the clients
(`serving_load`), the study's design (`serving_study_design`), and the empty route (`serving_empty_route`).

All get the same requests, the study's twelve arrest fields, and answer `["0"]` or `["1"]`; all run on waitress with
as many threads. The study's forest is scikit-learn's default one, as the study's was, fitted on invented stops of the
same number as its training years hold (the speed of a forest lies in its size, not in what it learnt). Short rounds
of the three alternate, and a ratio is the median of those of neighbouring rounds, so that a change in the machine's
mood meets all.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.serving_load import Load, request_bytes, run_load
from sqf_pipeline_tests.service_process import Running, free_port, running, waitress_command

ROUNDS = 16
SECONDS = 0.5
TRAINING_STOPS = 36_096
"""Stops of 2017 to 2019."""
PATH = "/api/generate_arrest_prediction"


def invent_requests(count: int, seed: int = 1) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return bodies in the study's fields, and the same as numbers of shape (count, 12)."""
    rng = np.random.default_rng(seed)
    flags = {
        name: rng.integers(0, 2, count)
        for name in (
            "SEARCHED_FLAG", "WEAPON_FOUND_FLAG", "FRISKED_FLAG", "OFFICER_EXPLAINED_STOP_FLAG",
            "OFFICER_IN_UNIFORM_FLAG", "SUMMONS_ISSUED_FLAG",
        )
    }  # fmt: skip
    columns = {
        "SEARCHED_FLAG": flags["SEARCHED_FLAG"],
        "WEAPON_FOUND_FLAG": flags["WEAPON_FOUND_FLAG"],
        "SUSPECT_REPORTED_AGE": rng.integers(12, 80, count),
        "STOP_DURATION_MINUTES": rng.integers(1, 60, count),
        "MONTH": rng.integers(1, 13, count),
        "DAY": rng.integers(1, 8, count),
        "OBSERVED_DURATION_MINUTES": rng.integers(0, 30, count),
        "FRISKED_FLAG": flags["FRISKED_FLAG"],
        "YEAR": rng.integers(2017, 2020, count),
        "OFFICER_EXPLAINED_STOP_FLAG": flags["OFFICER_EXPLAINED_STOP_FLAG"],
        "OFFICER_IN_UNIFORM_FLAG": flags["OFFICER_IN_UNIFORM_FLAG"],
        "SUMMONS_ISSUED_FLAG": flags["SUMMONS_ISSUED_FLAG"],
    }
    numbers = np.column_stack(list(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in numbers.tolist()], numbers


def fit_study_forest(path: Path) -> None:
    """Fit and store a forest with scikit-learn's defaults on as many stops as the study had."""
    import joblib
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    from sqf_pipeline.registry.outcomes import STUDY_FIELDS

    _, numbers = invent_requests(TRAINING_STOPS)
    rng = np.random.default_rng(2)
    odds = -1.5 + 2.0 * numbers[:, 0] + 1.5 * numbers[:, 1] - 0.02 * numbers[:, 2]
    frame = pd.DataFrame(numbers, columns=list(STUDY_FIELDS["arrest"].values()))
    target = (rng.random(len(frame)) < 1 / (1 + np.exp(-odds))).astype(int)
    joblib.dump(RandomForestClassifier(random_state=1).fit(frame, target), path)


def processor_seconds(service: Running) -> float:
    """Return the processor time that a service has taken since it was started."""
    import psutil

    times = psutil.Process(service.process.pid).cpu_times()
    return float(times.user + times.system)


def compare(
    services: Mapping[str, Running], sent: list[bytes], clients: int
) -> tuple[dict[str, list[Load]], dict[str, float]]:
    """Return the loads of each service by its name, from rounds that alternate, and its processor seconds."""
    for service in services.values():
        run_load(service.port, sent, clients=clients, seconds=1.0)
    before = {name: processor_seconds(service) for name, service in services.items()}
    found: dict[str, list[Load]] = {name: [] for name in services}
    for _ in range(ROUNDS):
        for name, service in services.items():
            found[name].append(run_load(service.port, sent, clients=clients, seconds=SECONDS))
    return found, {name: processor_seconds(service) - before[name] for name, service in services.items()}


def _join(loads: list[Load]) -> Load:
    return Load(
        np.concatenate([load.seconds for load in loads]), sum(load.wall for load in loads),
        sum(load.failures for load in loads),
    )  # fmt: skip


def report_comparison(clients: int, found: dict[str, list[Load]], spent: dict[str, float]) -> list[str]:
    """Return the comparison as lines of Markdown; `spent` is the processor time of each service, in seconds."""
    lines = []
    ours = found["ours"]
    for name, loads in found.items():
        load = _join(loads)
        ratios = [mine.per_second / other.per_second for mine, other in zip(ours, loads, strict=True)]
        lines.append(
            f"| {clients} | {name} | {load.per_second:,.0f} | {load.percentile(50):.2f} | {load.percentile(99):.2f} | "
            f"{spent[name] / len(load.seconds) * 1e6:,.0f} | {load.failures} | {np.median(ratios):.2f} |"
        )
    return lines


def long_load(port: int, process: Any, sent: list[bytes], minutes: float) -> list[str]:
    """Load one service for some minutes and return a line of Markdown a part: requests, failures, memory."""
    lines = ["| minute | requests/s | p99 ms | failures | memory MB |", "| ---: | ---: | ---: | ---: | ---: |"]
    part = max(minutes * 60 / 10, 1.0)
    for number in range(10):
        load = run_load(port, sent, clients=4, seconds=part)
        memory = process.memory_info().rss / 1e6
        lines.append(
            f"| {(number + 1) * part / 60:.1f} | {load.per_second:,.0f} | {load.percentile(99):.1f} | "
            f"{load.failures} | {memory:.0f} |"
        )
    return lines


@click.command()
@click.argument("export_dir", type=click.Path(exists=True, path_type=Path))
@click.option("--minutes", default=0.0, help="Minutes of long load on our service, after the comparison.")
def main(export_dir: Path, minutes: float) -> None:
    """Compare the services on this machine and print the report."""
    import psutil

    bodies, _ = invent_requests(400, seed=3)
    sent = [request_bytes(PATH, json.dumps(body).encode()) for body in bodies]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        model = Path(folder) / "forest.joblib"
        fit_study_forest(model)
        ports = [free_port() for _ in range(3)]
        module = [sys.executable, "-m"]
        commands = {
            "ours": waitress_command(export_dir, ports[0]),
            "an empty route": [*module, "benchmarks.serving_empty_route", str(ports[1])],
            "the study's design": [*module, "benchmarks.serving_study_design", str(model), str(ports[2])],
        }
        services = {
            name: stack.enter_context(running(command, port, Path(folder) / f"{port}.log"))
            for port, (name, command) in zip(ports, commands.items(), strict=True)
        }
        ours = services["ours"]
        process = psutil.Process(ours.process.pid)
        print(f"Start: {ours.seconds:.2f} s ({processor_seconds(ours):.2f} s of processor time), "
              f"{process.memory_info().rss / 1e6:.0f} MB of memory.\n")  # fmt: skip
        print("| clients | service | requests/s | median ms | p99 ms | processor us a request | failures | ours is |")
        print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for clients in (1, 8):
            found, spent = compare(services, sent, clients)
            print("\n".join(report_comparison(clients, found, spent)), flush=True)
        if minutes:
            print(f"\nLong load, four clients, ended {time.strftime('%Y-%m-%d')}:\n")
            print("\n".join(long_load(ours.port, process, sent, minutes)))


if __name__ == "__main__":
    main()
