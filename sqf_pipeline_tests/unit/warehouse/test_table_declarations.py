"""What the CSV of tables repeats from the code agrees with it."""

from typing import get_args

from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.registry.columns import Kind
from sqf_pipeline.warehouse.tables import PARTITION, SQL_TYPES, build_metadata
from sqf_pipeline.year_checks.completeness import COVERAGES

TABLES = {table.name: table for table in build_metadata("sqf").sorted_tables}


def test_every_metric_has_a_column_of_its_own():
    assert set(METRICS) <= set(TABLES["model_metrics"].columns.keys())


def test_every_coverage_of_a_year_can_be_stored():
    listed = ", ".join(f"'{coverage}'" for coverage in COVERAGES)
    for name in ("source_files", "models"):
        rules = {str(rule.name): str(getattr(rule, "sqltext", "")) for rule in TABLES[name].constraints}
        assert rules[f"{name}_coverage_known"] == f"coverage IN ({listed})"


def test_every_kind_of_the_registry_has_a_type():
    assert set(get_args(Kind)) <= set(SQL_TYPES)


def test_every_table_is_replaced_by_a_year_of_its_key_and_says_when_a_row_was_written():
    for table in TABLES.values():
        assert table.info[PARTITION] in {"year", "test_year"}
        assert table.info[PARTITION] == next(iter(table.primary_key.columns)).name
        assert list(table.columns)[-1].name == "recorded_at"
