"""The graph as a committed table: an asset, check or job that comes, goes or moves is seen as a line of a diff.

`python -m sqf_pipeline_tests.unit.orchestration.test_graph_snapshot` writes the table anew.
"""

import csv
from pathlib import Path

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.settings import Settings

SNAPSHOT = Path(__file__).with_name("graph_snapshot.csv")
HEADER = ["kind", "name", "made_from", "group"]


def graph(home: Path) -> list[list[str]]:
    """Return a row for every asset (with what it is made from), check, job (with its assets), schedule and sensor."""
    definitions = build_defs(Settings(home=home, _env_file=None))
    repository = definitions.get_repository_def()
    asset_graph = repository.asset_graph
    rows = [
        [
            "asset",
            key.to_user_string(),
            " ".join(sorted(parent.to_user_string() for parent in node.parent_keys)),
            node.group_name,
        ]
        for key in asset_graph.get_all_asset_keys()
        for node in [asset_graph.get(key)]
    ]
    rows += [
        ["blocking check" if asset_graph.get(key).blocking else "check", key.name, key.asset_key.to_user_string()]
        for key in asset_graph.asset_check_keys
    ]
    rows += [
        ["job", job.name, " ".join(sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys))]
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    ]
    rows += [["schedule", each.name, each.job_name] for each in repository.schedule_defs]
    rows += [["sensor", each.name, ""] for each in repository.sensor_defs]
    return sorted(row + [""] * (len(HEADER) - len(row)) for row in rows)


def test_the_graph_is_the_one_that_was_reviewed(tmp_path):
    with SNAPSHOT.open(encoding="utf-8", newline="") as file:
        reviewed = list(csv.reader(file))[1:]
    assert graph(tmp_path) == reviewed, "if this is meant, write the snapshot anew; see the top of this module"


def test_every_asset_is_needed_or_is_read_by_people(tmp_path):
    """An asset that nothing is made from is a table that people query, or what leaves the pipeline."""
    definitions = build_defs(Settings(home=tmp_path, _env_file=None))
    asset_graph = definitions.get_repository_def().asset_graph
    for key in asset_graph.get_all_asset_keys():
        node = asset_graph.get(key)
        kept = node.assets_def.get_io_manager_key_for_asset_key(key)
        assert node.child_keys or "tables" in kept or node.group_name == "publication", key


def main() -> None:
    """Write the snapshot."""
    import tempfile

    with tempfile.TemporaryDirectory() as home, SNAPSHOT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *graph(Path(home))])


if __name__ == "__main__":
    main()
