"""Asking Dagster's webserver as its UI does.

What belongs here: requests to launch a job for a partition and to follow a run. What does not: what should come of it.
"""

import time
from typing import Any

import requests

from sqf_pipeline_tests.waiting import PATIENCE

LAUNCH = """
mutation Launch($selector: JobOrPipelineSelector!, $partition: String!) {
  launchRun(executionParams: {
    selector: $selector, runConfigData: {},
    executionMetadata: {tags: [{key: "dagster/partition", value: $partition}]}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
STATUS = """
query Status($run: ID!) {
  runOrError(runId: $run) { ... on Run { status startTime endTime } }
}
"""
FAILURES = """
query Failures($run: ID!) {
  runOrError(runId: $run) { ... on Run { eventConnection { events {
    __typename ... on ExecutionStepFailureEvent { stepKey error { message causes { message } } }
    ... on RunFailureEvent { error { message } }
  } } } }
}
"""
ENDED = """
{ runsOrError { ... on Runs { results { status } } } }
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


LONGEST_RUN = 5 * PATIENCE


class Webserver:
    """Dagster's webserver at an address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data that answer a query."""
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE)
        answer.raise_for_status()
        document = answer.json()
        assert "errors" not in document, document["errors"]
        return document["data"]

    def launch(self, job: str, partition: str) -> str:
        """Ask for a run of a job for a partition and return its id."""
        (found,) = self.ask(REPOSITORIES)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": found["name"],
            "repositoryLocationName": found["location"]["name"],
            "pipelineName": job,
        }
        launched = self.ask(LAUNCH, selector=selector, partition=partition)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return status, start and end of a run."""
        return self.ask(STATUS, run=run_id)["runOrError"]

    def wait(self, run_id: str) -> str:
        """Return the status in which a run ends; fails when it does not end in time."""
        deadline = time.monotonic() + LONGEST_RUN
        while (status := self.run(run_id)["status"]) not in FINISHED:
            assert time.monotonic() < deadline, f"the run is {status} after {LONGEST_RUN:.0f} seconds"
            time.sleep(1)
        return status

    def ended_runs(self) -> int:
        """Return how many runs are over."""
        return sum(run["status"] in FINISHED for run in self.ask(ENDED)["runsOrError"]["results"])

    def failures(self, run_id: str) -> list[dict[str, Any]]:
        """Return the failures of a run."""
        events = self.ask(FAILURES, run=run_id)["runOrError"]["eventConnection"]["events"]
        return [event for event in events if event["__typename"] in ("ExecutionStepFailureEvent", "RunFailureEvent")]


__all__ = ["FINISHED", "Webserver"]
