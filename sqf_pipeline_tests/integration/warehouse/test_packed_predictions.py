"""Predictions are read as a row a stop and model, whatever they are packed into, and by whom they were written."""

import secrets

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.admin import grant_reader, reader_url
from sqf_pipeline.warehouse.tables import ensure_schema
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline.warehouse.writer import read_table, replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

YEAR, TEST_YEAR, MODELS, STOPS = {"year": 2020}, {"test_year": 2020}, ("a-forest", "B-boosting", "c"), 12
SHOWN = "SELECT * FROM sqf.predictions ORDER BY test_year, model, year, stop_id"


def asked(engine: sa.Engine, statement: str) -> list[tuple]:
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def rows_of(frame: pd.DataFrame) -> set[tuple]:
    plain = frame.astype(object).where(frame.notna(), None)
    return set(plain[[name for name in frame if name != "recorded_at"]].itertuples(index=False, name=None))


@pytest.fixture
def table(engine: sa.Engine, warehouse: sa.MetaData) -> sa.Table:
    """Return the table of predictions of a database with twelve stops of 2020 and three models of two test years."""
    tables = {name: warehouse.tables[f"sqf.{name}"] for name in ("source_files", "stops", "models")}
    replace_partition(engine, tables["source_files"], frames.source_files(warehouse), YEAR)
    replace_partition(engine, tables["stops"], frames.stops(STOPS), YEAR)
    for year in (2020, 2021):
        replace_partition(engine, tables["models"], frames.models(warehouse, MODELS, year), {"test_year": year})
    return warehouse.tables["sqf.predictions"]


def predicted(table: sa.Table, names: tuple[str, ...] = MODELS, year: int = 2020) -> pd.DataFrame:
    return frames.predictions(table.metadata, frames.stops(STOPS), names, year)


class TestReading:
    def test_the_view_has_the_names_types_and_comments_of_the_declared_columns(self, engine, table):
        found = asked(
            engine,
            "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute "
            "WHERE attrelid = 'sqf.predictions'::regclass AND attnum > 0 ORDER BY attnum",
        )
        types = ["smallint", "text", "smallint", "text", "double", "double", "boolean", "text", "timestamp"]
        assert [row[0] for row in found] == [column.name for column in table.columns]
        assert [row[1].split()[0] for row in found] == types
        assert [row[2] for row in found] == [column.comment for column in table.columns]
        assert asked(engine, "SELECT obj_description('sqf.predictions'::regclass)") == [(table.comment,)]

    def test_it_takes_less_than_the_headers_of_rows_of_their_own_would(self, engine, table):
        names = tuple(f"model-{number:02}" for number in range(50))
        models, stops = (table.metadata.tables[f"sqf.{name}"] for name in ("models", "stops"))
        replace_partition(engine, models, frames.models(table.metadata, names), TEST_YEAR)
        replace_partition(engine, stops, frames.stops(400), YEAR)
        replace_partition(engine, table, frames.predictions(table.metadata, frames.stops(400), names), TEST_YEAR)
        size = (
            "SELECT sum(pg_total_relation_size('sqf.predictions_' || part)) FROM (VALUES ('models'), ('stops')) p(part)"
        )
        [(packed,)] = asked(engine, size)
        assert len(asked(engine, SHOWN)) == 50 * 400
        # header and pointer of a row in PostgreSQL, before any value
        assert packed / (50 * 400) < 28

    def test_a_reader_reads_the_view_and_writes_nothing(self, engine, table, database_url):
        replace_partition(engine, table, predicted(table), TEST_YEAR)
        name = f"reader_{secrets.token_hex(4)}"
        password = grant_reader(engine, ("sqf",), name)
        frames.into_old_table(engine, table.metadata)
        ensure_schema(engine, "sqf")
        reader = create_engine(reader_url(database_url, name, password))
        assert len(asked(reader, SHOWN)) == len(MODELS) * STOPS
        for part in ("predictions", "predictions_models", "predictions_stops"):
            with pytest.raises(sa.exc.DBAPIError):
                asked(reader, f"DELETE FROM sqf.{part}")
        reader.dispose()
        asked(engine, f"DROP OWNED BY {name}; DROP ROLE {name}")


class TestWriting:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_what_is_shown_is_what_was_written_whichever_stops_each_model_has(self, engine, table, data):
        kept = data.draw(st.lists(st.booleans(), min_size=3 * STOPS, max_size=3 * STOPS))
        shares = st.floats(0, 1, allow_subnormal=True)
        scores = data.draw(st.lists(shares | st.sampled_from([1 / 3, 5e-324, 1.0]), min_size=36, max_size=36))
        known = data.draw(st.lists(st.sampled_from([True, False, None]), min_size=36, max_size=36))
        frame = predicted(table).assign(
            score=scores, probability=scores[::-1], actual=pd.array(known, dtype="boolean")
        )[kept]
        assert replace_partition(engine, table, frame, TEST_YEAR) == sum(kept)
        assert rows_of(read_table(engine, table)) == rows_of(frame)

    def test_another_test_year_stays_as_it_is(self, engine, table):
        for year in (2020, 2021):
            replace_partition(engine, table, predicted(table, year=year), {"test_year": year})
        before = asked(engine, "SELECT * FROM sqf.predictions WHERE test_year = 2021 ORDER BY model, stop_id")
        replace_partition(engine, table, predicted(table, ("c",)).iloc[:5], TEST_YEAR)
        assert asked(engine, "SELECT * FROM sqf.predictions WHERE test_year = 2021 ORDER BY model, stop_id") == before
        assert len(before) == len(MODELS) * STOPS
        assert replace_partition(engine, table, predicted(table).iloc[:0], TEST_YEAR) == 0
        assert asked(engine, "SELECT DISTINCT test_year FROM sqf.predictions") == [(2021,)]

    def test_models_of_another_writer_stay_with_the_time_they_were_written_at(self, engine, table):
        replace_partition(engine, table, predicted(table), TEST_YEAR)
        others = "SELECT * FROM sqf.predictions WHERE model <> 'a-forest' ORDER BY model, stop_id"
        before, mine = asked(engine, others), table.c.model.not_in(["B-boosting", "c"])
        assert replace_partition(engine, table, predicted(table, ("a-forest",)).iloc[::-2], TEST_YEAR, only=mine) == 6
        assert asked(engine, others) == before
        assert asked(engine, "SELECT count(*) FROM sqf.predictions WHERE model = 'a-forest'") == [(6,)]
        with pytest.raises(SqfError, match=r"predictions_models_pkey.*Nothing was changed"):
            replace_partition(engine, table, predicted(table, ("c",)), TEST_YEAR, only=mine)
        assert asked(engine, others) == before

    @pytest.mark.parametrize(
        ("column", "value", "match"),
        [
            ("probability", 1.5, "predictions_probability_range, probability >= 0 AND probability <= 1"),
            ("probability", -1e-9, "predictions_probability_range"),
            ("probability", float("nan"), "probability is null in 1 of 36"),
            ("score", None, "score is null in 1 of 36"),
            ("score", "high", "score must be double"),
            ("stop_id", "99", r"predictions_stops_fkey, predictions \(year, stop_id\) must be in sqf.stops"),
            ("stop_id", "2", "1 rows repeat a key"),
            ("model", "unheard-of", r"predictions_models_fkey, predictions \(test_year, model\) must be in sqf.models"),
            ("model", None, "model is null"),
            ("source", "hearsay", "predictions_source_known"),
            ("test_year", 2021, "test_year is not 2020 in 1 of 36"),
            ("actual", "maybe", "actual must be bool"),
        ],
    )
    def test_what_does_not_fit_changes_nothing(self, engine, table, column, value, match):
        replace_partition(engine, table, predicted(table), TEST_YEAR)
        before, frame = asked(engine, SHOWN), predicted(table)
        frame[column] = frame[column].astype(object).where(np.arange(len(frame)) != 0, value)
        if column in {"source", "model"} and value:  # of all rows of the model
            frame.loc[frame["model"].isin([MODELS[0], value]), column] = value
        with pytest.raises(SqfError, match=match) as caught:
            replace_partition(engine, table, frame, TEST_YEAR)
        assert "Nothing was changed" in str(caught.value)
        assert asked(engine, SHOWN) == before


class TestUpgrade:
    def test_rows_rights_and_times_of_an_old_table_are_kept(self, engine, table):
        for year in (2020, 2021):
            replace_partition(engine, table, predicted(table, year=year), {"test_year": year})
        asked(engine, "UPDATE sqf.predictions_models SET recorded_at = '2024-05-06 07:08:09Z' WHERE model = 'c'")
        frames.into_old_table(engine, table.metadata)
        name = f"reader_{secrets.token_hex(4)}"
        asked(engine, f'CREATE ROLE "{name}"; GRANT SELECT ON sqf.predictions TO "{name}"')
        before = asked(engine, SHOWN)
        ensure_schema(engine, "sqf")
        ensure_schema(engine, "sqf")
        assert asked(engine, SHOWN) == before
        assert len(before) == 2 * len(MODELS) * STOPS
        assert asked(engine, "SELECT relkind FROM pg_class WHERE oid = 'sqf.predictions'::regclass") == [("v",)]
        rights = f"SELECT has_table_privilege('{name}', 'sqf.predictions', 'SELECT')"
        assert asked(engine, rights) == [(True,)]
        asked(engine, f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')
        replace_partition(engine, table, predicted(table), TEST_YEAR)

    @pytest.mark.parametrize(
        ("made", "match"),
        [
            ("CREATE VIEW public.theirs AS SELECT * FROM sqf.predictions", "other objects depend on it"),
            ("ALTER TABLE sqf.predictions DROP COLUMN actual", "column p.actual does not exist"),
        ],
    )
    def test_an_old_table_that_cannot_be_packed_stays_with_advice(self, engine, table, made, match):
        replace_partition(engine, table, predicted(table), TEST_YEAR)
        frames.into_old_table(engine, table.metadata)
        asked(engine, made)
        before = asked(engine, SHOWN)
        with pytest.raises(SqfError, match=f"schema sqf cannot be replaced: .*{match}.*Take away what depends on them"):
            ensure_schema(engine, "sqf")
        assert asked(engine, SHOWN) == before
        asked(engine, "DROP TABLE sqf.predictions CASCADE")
        ensure_schema(engine, "sqf")
        assert asked(engine, SHOWN) == []

    def test_rights_of_the_parts_and_lost_keys_come_back(self, engine, table):
        replace_partition(engine, table, predicted(table), TEST_YEAR)
        asked(engine, "ALTER TABLE sqf.predictions_stops DROP CONSTRAINT predictions_stops_fkey")
        asked(engine, "DROP VIEW sqf.predictions")
        ensure_schema(engine, "sqf")
        assert len(asked(engine, SHOWN)) == len(MODELS) * STOPS
        with pytest.raises(sa.exc.IntegrityError, match="predictions_stops_fkey"):
            asked(engine, "DELETE FROM sqf.stops WHERE stop_id = '3'")
