"""A pipeline that has run once, shared by the tests that try to break it."""

from collections.abc import Iterator

import pytest

from sqf_pipeline_tests.modelling_support import small_models
from sqf_pipeline_tests.pipeline_support import Pipeline, write_made_up_years


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Return a pipeline whose tables hold the results of four good made-up years."""
    folder = tmp_path_factory.mktemp("loaded")
    pipeline = Pipeline(folder / "home", write_made_up_years(folder / "raw"))
    with small_models():
        result = pipeline.sqf("run")
    assert result.exit_code == 0, result.output
    yield pipeline
    pipeline.remove()
