"""Whether a year's publication is to be loaded."""

import dagster as dg
import pytest

from sqf_pipeline.ingest.publication_check import PublicationState
from sqf_pipeline.orchestration.schedules import YearHistory, decide

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
STARTED, QUEUED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.QUEUED
NOTHING = YearHistory(None, None, ())


def state(*, published: bool = True, changed: bool = True, tag: str | None = "b") -> PublicationState:
    return PublicationState(2020, "http://127.0.0.1/sqf-2020.xlsx", published, changed, tag, "what the server said")


def test_a_year_that_is_not_published_is_not_loaded() -> None:
    assert decide(state(published=False, changed=False, tag=None), NOTHING) == (None, "what the server said")


def test_a_new_publication_is_loaded_under_its_name() -> None:
    assert decide(state(), NOTHING) == ("2020:b", "what the server said")
    history = YearHistory("sha a", "sha a", (("a", SUCCESS),))
    assert decide(state(), history) == ("2020:b", "what the server said")


def test_an_unchanged_year_that_was_loaded_is_left_alone() -> None:
    history = YearHistory("sha b", "sha b", (("b", SUCCESS),))
    assert decide(state(changed=False), history) == (None, "what the server said")


@pytest.mark.parametrize("loaded", [None, "sha a"])
def test_a_file_that_is_kept_but_was_not_loaded_is_loaded(loaded: str | None) -> None:
    key, reason = decide(state(changed=False), YearHistory("sha b", loaded, ()))
    assert key == "2020:b"
    assert "kept but was not loaded" in reason


@pytest.mark.parametrize("status", [STARTED, QUEUED])
def test_a_publication_whose_run_is_under_way_waits(status: dg.DagsterRunStatus) -> None:
    key, reason = decide(state(), YearHistory("sha a", "sha a", (("b", status), ("a", SUCCESS))))
    assert key is None
    assert "is not finished" in reason


def test_a_publication_whose_run_failed_is_tried_again_under_a_key_of_its_own() -> None:
    runs = (("b", FAILURE), ("b", FAILURE), ("a", SUCCESS))
    assert decide(state(), YearHistory("sha a", "sha a", runs))[0] == "2020:b:3"


def test_a_publication_that_was_loaded_is_not_loaded_again_though_the_server_names_it_anew() -> None:
    """A server behind which several answer may give HEAD and GET different names for one file."""
    key, reason = decide(state(), YearHistory("sha b", "sha b", (("b", SUCCESS),)))
    assert key is None
    assert "was loaded from this publication already" in reason


def test_a_publication_whose_file_was_deleted_after_loading_is_not_loaded_again() -> None:
    assert decide(state(), YearHistory(None, "sha b", (("b", SUCCESS),)))[0] is None


def test_a_publication_that_was_taken_back_is_loaded_a_second_time() -> None:
    runs = (("c", SUCCESS), ("b", SUCCESS))
    assert decide(state(), YearHistory("sha c", "sha c", runs))[0] == "2020:b:2"
