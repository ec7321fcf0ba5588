"""Bringing a database in line: again, at once, with what is missing, and refusing what would lose rows."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.schema import apply_metadata
from sqf_pipeline.warehouse.tables import ensure_schema, stored_metadata
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames


def run(engine: sa.Engine, statement: str) -> list[tuple]:
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def fill(engine: sa.Engine, metadata: sa.MetaData) -> int:
    replace_partition(engine, metadata.tables["sqf.source_files"], frames.source_files(metadata), {"year": 2020})
    return replace_partition(engine, metadata.tables["sqf.stops"], frames.stops(), {"year": 2020})


def test_second_time_changes_nothing(engine, warehouse):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2].split()[0]))
    ensure_schema(engine, "sqf")
    assert statements
    assert {"CREATE", "ALTER", "DROP", "COMMENT"}.isdisjoint(statements)


def test_both_schemas_live_side_by_side(engine, warehouse):
    ensure_schema(engine, "sqf_sample")
    fill(engine, warehouse)
    assert run(engine, "SELECT count(*) FROM sqf.outcomes_by_year") == [(1,)]
    assert run(engine, "SELECT count(*) FROM sqf_sample.outcomes_by_year") == [(0,)]


def test_many_at_once_on_an_empty_database(database_url):
    engines = [create_engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(lambda one: ensure_schema(one, "sqf"), engines))
    found = run(engines[0], "SELECT count(*) FROM pg_tables WHERE schemaname = 'sqf'")
    assert found == [(len(stored_metadata("sqf").tables),)]
    for one in engines:
        one.dispose()


def test_new_nullable_column_is_added_and_rows_stay(engine, warehouse):
    rows = fill(engine, warehouse)
    run(engine, "ALTER TABLE sqf.stops DROP COLUMN demeanor")
    ensure_schema(engine, "sqf")
    assert run(engine, "SELECT count(*), count(demeanor) FROM sqf.stops") == [(rows, 0)]
    comment = "SELECT col_description('sqf.stops'::regclass, attnum) FROM pg_attribute WHERE attname = 'demeanor'"
    assert run(engine, comment) == [(warehouse.tables["sqf.stops"].c.demeanor.comment,)]
    with pytest.raises(sa.exc.IntegrityError, match="stops_demeanor_filled"):
        run(engine, "UPDATE sqf.stops SET demeanor = ''")


def test_ids_of_an_older_version_become_text_and_rows_stay(engine, warehouse):
    rows = fill(engine, warehouse)
    for table in ("models", "predictions"):
        made = frames.models(warehouse) if table == "models" else frames.predictions(warehouse, frames.stops())
        replace_partition(engine, warehouse.tables[f"sqf.{table}"], made, {"test_year": 2020})
    before = run(
        engine, "SELECT s.stop_id, p.model FROM sqf.predictions p JOIN sqf.stops s USING (year, stop_id) ORDER BY 1, 2"
    )
    frames.into_old_table(engine, warehouse)
    run(engine, "ALTER TABLE sqf.predictions DROP CONSTRAINT predictions_stops_fkey")
    run(engine, "ALTER TABLE sqf.stops DROP CONSTRAINT stops_stop_id_digits")
    for table in ("stops", "predictions"):
        run(engine, f"ALTER TABLE sqf.{table} ALTER COLUMN stop_id TYPE bigint USING stop_id::bigint")
    run(engine, "ALTER TABLE sqf.stops ADD CONSTRAINT stops_stop_id_range CHECK (stop_id >= 1)")
    run(
        engine,
        "ALTER TABLE sqf.predictions ADD CONSTRAINT predictions_stops_fkey FOREIGN KEY (year, stop_id) "
        "REFERENCES sqf.stops DEFERRABLE INITIALLY DEFERRED",
    )
    ensure_schema(engine, "sqf")
    ensure_schema(engine, "sqf")
    after = run(
        engine, "SELECT s.stop_id, p.model FROM sqf.predictions p JOIN sqf.stops s USING (year, stop_id) ORDER BY 1, 2"
    )
    assert after == before
    assert len({stop for stop, _ in after}) == rows
    kinds = "SELECT table_name, data_type FROM information_schema.columns WHERE column_name = 'stop_id' ORDER BY 1"
    assert run(engine, kinds) == [(name, "text") for name in ("predictions", "predictions_stops", "stops")]
    with pytest.raises(sa.exc.IntegrityError, match="stops_stop_id_digits"):
        run(engine, "UPDATE sqf.stops SET stop_id = '007' WHERE stop_id = '7'")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE sqf.stops ALTER COLUMN suspect_age TYPE bigint", "suspect_age is bigint, declared integer"),
        ("ALTER TABLE sqf.models ALTER COLUMN outcome DROP NOT NULL", "outcome is text, declared text not null"),
        ("ALTER TABLE sqf.stops ADD COLUMN shoe_size int", "shoe_size is no longer declared"),
        ("ALTER TABLE sqf.models DROP COLUMN estimator CASCADE", "estimator is new and may not be null"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_advice(engine, warehouse, statement, said):
    rows = fill(engine, warehouse)
    run(engine, statement)
    with pytest.raises(SqfError, match=f"{said}.*DROP TABLE sqf"):
        ensure_schema(engine, "sqf")
    assert run(engine, "SELECT count(*) FROM sqf.stops") == [(rows,)]


def changed_range(high: int) -> sa.MetaData:
    metadata = stored_metadata("sqf")
    table = metadata.tables["sqf.stops"]
    old = next(one for one in table.constraints if one.name == "stops_suspect_age_range")
    table.constraints.remove(old)
    table.append_constraint(sa.CheckConstraint(f"suspect_age <= {high}", name="stops_suspect_age_range"))
    return metadata


def test_changed_range_of_the_registry_is_taken_over(engine, warehouse):
    fill(engine, warehouse)
    run(engine, "UPDATE sqf.stops SET suspect_age = 50")
    apply_metadata(engine, changed_range(60))
    with pytest.raises(sa.exc.IntegrityError, match="stops_suspect_age_range"):
        run(engine, "UPDATE sqf.stops SET suspect_age = 61")
    ensure_schema(engine, "sqf")
    run(engine, "UPDATE sqf.stops SET suspect_age = 61")


def test_changed_range_that_rows_break_is_refused(engine, warehouse):
    fill(engine, warehouse)
    run(engine, "UPDATE sqf.stops SET suspect_age = 50")
    with pytest.raises(SqfError, match=r"break the rule stops_suspect_age_range.*make its years again"):
        apply_metadata(engine, changed_range(40))
    run(engine, "UPDATE sqf.stops SET suspect_age = 41")


def test_rule_that_was_taken_away_goes_and_a_stranger_s_stays(engine, warehouse):
    metadata = stored_metadata("sqf")
    table = metadata.tables["sqf.data_quality"]
    table.constraints.remove(next(one for one in table.constraints if one.name == "data_quality_rows_range"))
    run(engine, "ALTER TABLE sqf.data_quality ADD CONSTRAINT of_somebody_s CHECK (rows < 1000000)")
    apply_metadata(engine, metadata)
    query = "SELECT conname FROM pg_constraint WHERE conrelid = 'sqf.data_quality'::regclass AND contype = 'c'"
    assert run(engine, query) == [("of_somebody_s",)]


def test_lost_views_and_indexes_come_back(engine, warehouse):
    run(engine, "DROP VIEW sqf.latest_metrics; DROP INDEX sqf.stops_borough_idx")
    ensure_schema(engine, "sqf")
    assert run(engine, "SELECT count(*) FROM sqf.latest_metrics") == [(0,)]
    assert run(engine, "SELECT count(*) FROM pg_indexes WHERE indexname = 'stops_borough_idx'") == [(1,)]


def test_view_of_another_version_is_replaced(engine, warehouse):
    run(engine, "DROP VIEW sqf.outcomes_by_year; CREATE VIEW sqf.outcomes_by_year AS SELECT 1 AS something_else")
    run(engine, "COMMENT ON SCHEMA sqf IS 'of another version'")
    ensure_schema(engine, "sqf")
    assert run(engine, "SELECT year, stops FROM sqf.outcomes_by_year") == []


def test_view_that_others_stand_on_is_left_with_advice(engine, warehouse):
    run(engine, "DROP VIEW sqf.outcomes_by_year; CREATE VIEW sqf.outcomes_by_year AS SELECT 1 AS something_else")
    run(engine, "CREATE VIEW public.of_somebody_s AS SELECT * FROM sqf.outcomes_by_year")
    run(engine, "COMMENT ON SCHEMA sqf IS 'of another version'")
    with pytest.raises(SqfError, match=r"other objects depend on it.*Take away what depends"):
        ensure_schema(engine, "sqf")


def test_user_who_may_not_create_is_told_what_to_ask_for(engine, database_url):
    run(engine, "DROP ROLE IF EXISTS test_powerless; CREATE ROLE test_powerless LOGIN PASSWORD 'powerless'")
    url = sa.engine.make_url(database_url).set(username="test_powerless", password="powerless")
    other = create_engine(url.render_as_string(hide_password=False))
    try:
        with pytest.raises(SqfError, match="CREATE SCHEMA sqf AUTHORIZATION"):
            ensure_schema(other, "sqf")
    finally:
        other.dispose()
        run(engine, "DROP ROLE test_powerless")
