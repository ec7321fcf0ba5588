"""Forests are the same wherever they are fitted; engines that cannot promise that are refused."""

import hashlib
import json
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling import compute_backend
from sqf_pipeline.modelling.compute_backend import compute_engine, installed_versions
from sqf_pipeline_tests.waiting import PATIENCE

REPOSITORY = Path(__file__).parents[3]


def first_matching_line(path, pattern: str, process: subprocess.Popen) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = re.search(pattern, path.read_text())
        if found:
            return found.group(1)
        assert process.poll() is None, path.read_text()
        time.sleep(0.05)
    pytest.fail(f"no line like {pattern}: {path.read_text()}")


@pytest.fixture(scope="module")
def dask_address(tmp_path_factory) -> Iterator[str]:
    """Start a scheduler and two worker processes, and end them afterwards."""
    pytest.importorskip("distributed", reason="the package distributed is not installed (extra `dask`)")
    folder = tmp_path_factory.mktemp("dask")
    started: list[subprocess.Popen] = []

    def start(name: str, *arguments: str) -> subprocess.Popen:
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                stdout=log, stderr=subprocess.STDOUT, cwd=folder,
            )  # fmt: skip
        started.append(process)
        return process

    try:
        scheduler = start("scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = first_matching_line(folder / "scheduler.log", r"Scheduler at:\s+(tcp://\S+)", scheduler)
        for number in (1, 2):
            start(
                f"worker{number}", "dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                "--host", "127.0.0.1", "--local-directory", str(folder),
            )  # fmt: skip
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:  # a worker whose scheduler went first, on a machine at its limit
                process.kill()
                process.wait()


def stops(rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    features = random.normal(size=(rows, 12))
    return features, (features[:, 0] + random.normal(size=rows) > 0.5).astype(np.int8)


def fitted_forest() -> RandomForestClassifier:
    features, outcome = stops()
    return RandomForestClassifier(n_estimators=24, random_state=1, n_jobs=2).fit(features, outcome)


def trees_of(forest: RandomForestClassifier) -> list[str]:
    """Return a digest of every tree: shape, thresholds, values."""
    return [hashlib.sha256(pickle.dumps(tree.tree_.__getstate__())).hexdigest() for tree in forest.estimators_]


@pytest.mark.slow
def test_a_forest_of_two_dask_processes_is_the_same_to_the_last_bit(dask_address):
    distributed = pytest.importorskip("distributed")
    here = fitted_forest()
    with distributed.Client(dask_address, set_as_default=False) as watcher:
        watcher.wait_for_workers(2, timeout=PATIENCE)
        with compute_engine("dask", dask_address):
            there = fitted_forest()
        done = watcher.run(lambda dask_worker: dask_worker.state.executed_count)
    assert trees_of(there) == trees_of(here)
    assert np.array_equal(there.predict_proba(stops()[0]), here.predict_proba(stops()[0]))
    assert len(done) == 2
    assert all(count > 0 for count in done.values()), "both workers grew trees"


@pytest.mark.slow
def test_the_engine_is_left_when_the_context_ends(dask_address):
    before = joblib.parallel.get_active_backend()[0]
    with compute_engine("dask", dask_address):
        assert type(joblib.parallel.get_active_backend()[0]).__name__ == "DaskDistributedBackend"
    assert type(joblib.parallel.get_active_backend()[0]) is type(before)


def test_local_changes_nothing():
    before = joblib.parallel.get_active_backend()
    with compute_engine("local"):
        assert type(joblib.parallel.get_active_backend()[0]) is type(before[0])


@pytest.mark.slow
def test_a_worker_with_another_release_is_refused(dask_address, monkeypatch):
    def refused(found):
        monkeypatch.undo()
        changed = {worker: {**versions, "numpy": "1.0"} for worker, versions in found.items()}
        compute_backend._refuse_other_versions(changed)

    monkeypatch.setattr(compute_backend, "_refuse_other_versions", refused)

    with pytest.raises(SqfError, match=r"numpy 1\.0 instead of") as told, compute_engine("dask", dask_address):
        pytest.fail("not reached")
    assert "constraints.txt" in str(told.value)


def test_the_same_releases_are_accepted():
    compute_backend._refuse_other_versions({"worker": installed_versions()})


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_missing_address_is_told(engine):
    with pytest.raises(SqfError, match="SQF_COMPUTE_ADDRESS is empty"), compute_engine(engine):
        pytest.fail("not reached")


def test_a_cluster_that_is_not_there_is_told(monkeypatch, unused_port):
    pytest.importorskip("distributed", reason="the package distributed is not installed (extra `dask`)")
    monkeypatch.setattr(compute_backend, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(SqfError, match="No Dask scheduler at"),
        compute_engine("dask", f"tcp://127.0.0.1:{unused_port}"),
    ):
        pytest.fail("not reached")


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SqfError, match=r"\.\[ray\]"), compute_engine("ray", "127.0.0.1:6379"):
        pytest.fail("not reached")


@pytest.mark.slow
def test_a_forest_on_ray_is_the_same_to_the_last_bit():
    ray = pytest.importorskip("ray", reason="the package ray is not installed (extra `ray`)")
    here = fitted_forest()
    context = ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    address = context.address_info["gcs_address"]
    script = "\n".join(
        (
            "import json",
            "from sqf_pipeline.modelling.compute_backend import compute_engine",
            f"from {__name__} import fitted_forest, trees_of",
            f"with compute_engine('ray', {address!r}):",
            "    forest = fitted_forest()",
            "print(json.dumps(trees_of(forest)))",
        )
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=False, timeout=PATIENCE, cwd=REPOSITORY
        )
    finally:
        ray.shutdown()
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == trees_of(here)
