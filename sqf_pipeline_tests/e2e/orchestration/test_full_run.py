"""`sqf run --full` to its end: tables, reports and an export that answers; and a plain run afterwards."""

import shutil
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.evaluation.compared_models import MAIN_MODELS
from sqf_pipeline.modelling.experiments import imbalance_experiments, plain_experiments, tier_experiments
from sqf_pipeline.orchestration.instance import open_instance
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES
from sqf_pipeline.service.app import create_app
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse import embedded_server
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.integration.service.test_documentation import EXAMPLES, check_example
from sqf_pipeline_tests.modelling_support import small_models
from sqf_pipeline_tests.pipeline_support import Pipeline
from sqf_pipeline_tests.service_process import free_port, running, waitress_command

pytestmark = pytest.mark.timeout(3_600)  # some forty models are fitted


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Return a pipeline of synthetic stops after a full run."""
    folder = tmp_path_factory.mktemp("full")
    pipeline = Pipeline(folder / "home", folder / "raw", "sample", {"SQF_SAMPLE_ROWS": "300"})
    with small_models():
        result = pipeline.sqf("run", "--full")
        assert result.exit_code == 0, result.output
        assert "sqf serve" in result.output
        yield pipeline
    pipeline.remove()


def asked(pipeline: Pipeline, query: str) -> list[tuple]:
    engine = create_engine(embedded_server.ensure_running(pipeline.home / "postgres"))
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(query))]
    engine.dispose()
    return rows


def names_in(pipeline: Pipeline, table: str) -> set[str]:
    return {row[0] for row in asked(pipeline, f"SELECT DISTINCT model FROM sqf_sample.{table}")}


def test_every_model_is_in_every_table_that_is_about_all(full):
    names = names_in(full, "models")
    experiments = (*plain_experiments(), *tier_experiments(), *imbalance_experiments())
    assert names > {experiment.name for experiment in experiments}
    about_all = ("model_metrics", "predictions", "metric_intervals", "threshold_metrics", "calibration_bins")
    for table in (*about_all, "confusion_matrices"):
        assert names_in(full, table) == names, table
    assert names_in(full, "subgroup_metrics") == set(MAIN_MODELS)
    of_weapons = {f"{outcome}-at_stop-boosting" for outcome in ("weapon", "firearm", "knife")}
    for table in ("risk_concentration", "precision_at_recall"):
        assert names_in(full, table) == of_weapons, table
    assert asked(full, "SELECT count(*) FROM sqf_sample.predictions") == [(300 * len(names),)]
    assert {row[0] for row in asked(full, "SELECT DISTINCT source FROM sqf_sample.models")} == {"sample"}


def test_the_ui_says_what_every_column_is(full):
    asset_graph = build_defs(Settings(home=full.home, source="sample")).resolve_asset_graph()
    with open_instance(full.home) as instance:
        for key in asset_graph.materializable_asset_keys:
            if not asset_graph.get(key).kinds & {"parquet", "postgres"}:
                continue
            made = instance.get_latest_materialization_event(key).asset_materialization
            columns = made.metadata["dagster/column_schema"].value.columns
            assert [column.name for column in columns if not column.description] == [], key


def test_metrics_and_intervals_say_the_same_figures(full):
    different = asked(
        full,
        "SELECT count(*) FROM sqf_sample.model_metrics k JOIN sqf_sample.metric_intervals i USING (test_year, model) "
        "WHERE i.metric = 'roc_auc' AND i.estimate IS DISTINCT FROM k.roc_auc",
    )
    assert different == [(0,)]


def test_card_and_charts_are_files_that_say_what_they_are_of(full):
    folder = full.home / "reports" / "sqf_sample" / "2020"
    card = (folder / "model_card" / "model_card.md").read_text(encoding="utf-8")
    assert "synthetic" in card.lower()
    (auc,) = asked(
        full,
        f"SELECT estimate FROM sqf_sample.metric_intervals WHERE metric = 'roc_auc' AND model = '{MAIN_MODELS[0]}'",
    )
    assert f"{auc[0]:.3f}" in card
    charts = sorted(path.name for path in (folder / "charts").glob("*.png"))
    assert len(charts) == 20
    assert all((folder / "charts" / name).read_bytes().startswith(b"\x89PNG") for name in charts)


def test_the_export_answers(full):
    client = create_app(full.home / "exports" / "sqf_sample" / "current").test_client()
    answer = client.get("/api/v1/models")
    assert answer.status_code == 200
    assert len(answer.get_json()["models"]) == 6


def test_the_data_package_is_what_the_command_writes(full, tmp_path):
    written = full.sqf("export", "data", str(tmp_path / "package"))
    assert written.exit_code == 0, written.output
    sums = (tmp_path / "package" / "SHA256SUMS").read_bytes()
    assert (full.home / "data_package" / "sqf_sample" / "SHA256SUMS").read_bytes() == sums
    assert b"  stops/year=2020.parquet\n" in sums
    assert "SYNTHETIC" in (tmp_path / "package" / "README.md").read_text(encoding="utf-8")


def test_what_gaps_alone_tell_is_measured_and_shown(full):
    rows = asked(full, "SELECT outcome, tier, status FROM sqf_sample.gap_marks WHERE highest IS NOT NULL")
    assert {(outcome, tier) for outcome, tier, _ in rows} == {(outcome, "at_stop") for outcome in OUTCOME_ENTRIES}
    assert {status for *_, status in rows} <= {"ok", "warn"}
    card = full.home / "reports" / "sqf_sample" / "2020" / "model_card" / "model_card.md"
    assert "ROC AUC of the gaps alone" in card.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_lines_of_the_documentation_answer_from_the_pipelines_own_export(full, tmp_path):
    port = free_port()
    with running(waitress_command(full.home / "exports" / "sqf_sample", port), port, tmp_path / "log") as service:
        for command, answer in EXAMPLES:
            check_example(command, answer, service.url, tmp_path)


def test_a_plain_run_leaves_the_extended_models_and_drops_those_that_nobody_fits(full):
    before = full.fingerprints()
    engine = create_engine(embedded_server.ensure_running(full.home / "postgres"))
    with engine.begin() as connection:
        for table in ("models", "model_metrics", "metric_intervals"):
            connection.execute(
                sa.text(
                    f"INSERT INTO sqf_sample.{table} SELECT (jsonb_populate_record(NULL::sqf_sample.{table}, "
                    f"""to_jsonb(one) || '{{"model": "arrest-during-vanished"}}')).* """
                    f"FROM (SELECT * FROM sqf_sample.{table} LIMIT 1) AS one"
                )
            )
    engine.dispose()
    assert full.fingerprints() != before
    result = full.sqf("run")
    assert result.exit_code == 0, result.output
    assert full.fingerprints() == before
