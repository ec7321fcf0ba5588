"""Whole runs of the command as processes: undisturbed, under other hash seeds, and killed in the middle."""

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqf_pipeline_tests.pipeline_support import Pipeline
from sqf_pipeline_tests.waiting import PATIENCE


def finished(pipeline: Pipeline, **environment: str) -> str:
    """Run to the end and return what was said."""
    process = pipeline.start("run", **environment)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return said


def model_digests(pipeline: Pipeline) -> dict[str, str]:
    folder = pipeline.home / "storage"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.joblib"))
    }


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Pipeline]:
    """Return a pipeline of synthetic stops that nothing has run in yet."""
    pipeline = Pipeline(tmp_path / "home", tmp_path / "raw", "sample", {"SQF_SAMPLE_ROWS": "300"})
    yield pipeline
    pipeline.remove()


@pytest.fixture
def undisturbed(sample: Pipeline) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of tables and models of a run under hash seed 1, which had to fall back to the sample."""
    nobody = "http://127.0.0.1:9/sqf-{year}.xlsx"
    said = finished(sample, PYTHONHASHSEED="1", SQF_SOURCE="auto", SQF_NYPD_URL=nobody, NO_PROXY="127.0.0.1")
    assert "SYNTHETIC STOPS ARE USED" in " ".join(said.split())
    for shown in ("2017 raw_stops", "2020 stops", "test stops of 2020", "sqf ui", "sqf_sample"):
        assert shown in said
    return sample.fingerprints(), model_digests(sample)


def test_after_two_kills_a_run_under_another_hash_seed_equals_an_undisturbed_one(sample, undisturbed):
    """One is killed among the stops, the next, which went on from there, among the models."""
    tables, models = undisturbed
    assert set(tables) >= {"stops", "source_files", "data_quality", "models", "model_metrics", "predictions"}
    assert models
    lists = list(sample.home.glob("storage/*/*_model*/2020.json"))
    assert len(lists) == 3, "models of the same stops and code are kept; without their lists they are fitted again"
    for listed in lists:
        listed.unlink()
    for seed, last_words in (("2", "2018 raw_stops"), ("3", "2020 summons_model")):
        process = sample.start("run", PYTHONHASHSEED=seed)
        assert process.stdout is not None
        for line in process.stdout:
            if last_words in line:
                break
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL

    finished(sample, PYTHONHASHSEED="4")

    assert sample.fingerprints() == tables
    assert model_digests(sample) == models
