"""Replacing partitions: what fits is stored as it is, what does not changes nothing and is told without its values."""

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import psutil
import pytest
import sqlalchemy as sa

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse import writer
from sqf_pipeline.warehouse.schema import advisory_key
from sqf_pipeline.warehouse.tables import build_metadata, ensure_schema
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline.warehouse.writer import read_table, replace_partition
from sqf_pipeline_tests.integration.conftest import created
from sqf_pipeline_tests.integration.warehouse import frames
from sqf_pipeline_tests.table_fingerprints import table_fingerprint
from sqf_pipeline_tests.waiting import PATIENCE, wait_until

YEAR = {"year": 2020}
TEST_YEAR = {"test_year": 2020}


def of(metadata: sa.MetaData, name: str) -> sa.Table:
    return metadata.tables[f"sqf.{name}"]


def count(engine: sa.Engine, table: sa.Table, **where: object) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*(table.c[k] == v for k, v in where.items()))
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


@pytest.fixture(scope="module")
def filled_template(server_url: str, warehouse_template: str) -> Iterator[str]:
    """Return the name of a database with stops of 2019 and 2020, two models, their metrics and predictions."""
    name, tables = f"filled_{secrets.token_hex(6)}", build_metadata("sqf")
    with created(server_url, name, warehouse_template) as url:
        engine = create_engine(url)
        for year in (2019, 2020):
            replace_partition(engine, of(tables, "source_files"), frames.source_files(tables, year), {"year": year})
            replace_partition(engine, of(tables, "stops"), frames.stops(year=year, seed=year), {"year": year})
        replace_partition(engine, of(tables, "models"), frames.models(tables), TEST_YEAR)
        replace_partition(engine, of(tables, "model_metrics"), frames.metrics(tables), TEST_YEAR)
        predictions = frames.predictions(tables, frames.stops(year=2020, seed=2020))
        replace_partition(engine, of(tables, "predictions"), predictions, TEST_YEAR)
        engine.dispose()
        yield name


@pytest.fixture
def database_url(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database of the test's own, filled when the test asks for `filled`."""
    template = "filled_template" if "filled" in request.fixturenames else "warehouse_template"
    with created(server_url, f"test_{secrets.token_hex(6)}", request.getfixturevalue(template)) as url:
        yield url


@pytest.fixture
def filled(engine: sa.Engine) -> sa.MetaData:
    """Return the tables, filled, of the database of `engine`."""
    del engine  # asked for so that a test has both
    return build_metadata("sqf")


class TestRoundTrip:
    def test_values_and_types_come_back(self, engine, filled):
        stops = frames.stops(year=2020, seed=2020)
        back = read_table(engine, of(filled, "stops"), YEAR)
        pd.testing.assert_frame_equal(back, stops.astype({"stop_date": "datetime64[s]"}))
        assert back.isna().sum().sum() > 100

    def test_every_digit_of_a_number_is_kept(self, engine, filled):
        predictions = read_table(engine, of(filled, "predictions"))
        given = frames.predictions(filled, frames.stops(year=2020, seed=2020))
        assert predictions["probability"].tolist() == given["probability"].tolist()

    @pytest.mark.parametrize(
        "dtype", ["int64", "Int16", "float64", "object", "Int64"], ids=lambda dtype: f"year as {dtype}"
    )
    def test_types_that_convert_without_loss_are_taken(self, engine, filled, dtype):
        frame = frames.metrics(filled).astype({"test_rows": dtype})
        assert replace_partition(engine, of(filled, "model_metrics"), frame, TEST_YEAR) == 2

    def test_text_is_kept_as_it_is(self, engine, filled):
        words = ["", " ", "NULL", "\\N", "a,b", 'say "so"', "two\nlines", "\r", "naïve 漢字 🚓", "NA", "\\."]
        rows = [frames.row_for(of(filled, "drift"), measure=f"{i}", detail=word) for i, word in enumerate(words)]
        frame = frames.frame_for(of(filled, "drift"), [*rows, frames.row_for(of(filled, "drift"), measure="none")])
        replace_partition(engine, of(filled, "drift"), frame, TEST_YEAR)
        back = read_table(engine, of(filled, "drift")).set_index("measure")["detail"]
        assert [back[str(i)] for i in range(len(words))] == words
        assert back["none"] is pd.NA

    def test_ids_are_text_of_any_length_in_the_order_of_their_numbers(self, engine, filled):
        ids = ["1", "2", "9", "10", "99", "100", "202000000000000001", "20200000000000000001", "20200000000000000002"]
        stops = frames.stops(len(ids)).assign(stop_id=pd.array(ids, dtype="string"))
        replace_partition(engine, of(filled, "stops"), stops.sample(frac=1, random_state=3), YEAR)
        back = read_table(engine, of(filled, "stops"), YEAR)["stop_id"]
        assert back.tolist() == ids
        assert back.dtype == "string"

    def test_missing_in_every_spelling_is_null(self, engine, filled):
        values = pd.Series([None, np.nan, pd.NA, 0.5], dtype=object)
        rows = [frames.row_for(of(filled, "drift"), measure=str(i)) for i in range(len(values))]
        frame = frames.frame_for(of(filled, "drift"), rows).assign(value=values)
        replace_partition(engine, of(filled, "drift"), frame, TEST_YEAR)
        assert read_table(engine, of(filled, "drift"))["value"].isna().tolist() == [True, True, True, False]

    def test_infinity_is_a_threshold(self, engine, filled):
        table = of(filled, "confusion_matrices")
        row = frames.row_for(table, model="arrest-forest", threshold=float("inf"))
        replace_partition(engine, table, frames.frame_for(table, [row]), TEST_YEAR)
        assert read_table(engine, table)["threshold"].tolist() == [float("inf")]

    def test_time_and_json_come_back(self, engine, filled):
        fetched = pd.Timestamp("2021-04-01 12:34:56.789012", tz="America/New_York")
        frame = frames.source_files(filled).assign(fetched_at=fetched)
        replace_partition(engine, of(filled, "source_files"), frame, YEAR)
        back = read_table(engine, of(filled, "source_files"), YEAR)
        assert back["fetched_at"].tolist() == [fetched]
        assert read_table(engine, of(filled, "models"))["settings"].tolist() == ['{"trees": 100}'] * 2

    def test_empty_table_reads_as_an_empty_frame_of_its_types(self, engine, warehouse):
        back = read_table(engine, of(warehouse, "stops"), {"year": 2031})
        assert len(back) == 0
        assert back.dtypes.equals(frames.stops().astype({"stop_date": "datetime64[s]"}).dtypes)
        assert read_table(engine, of(warehouse, "source_files")).empty


class TestReplacing:
    def test_rewrite_keeps_schema_and_other_partitions(self, engine, filled):
        table = of(filled, "stops")
        before = table_fingerprint(engine, table, {"year": 2019})
        assert replace_partition(engine, table, frames.stops(30, seed=7), YEAR) == 30
        assert (count(engine, table, year=2020), count(engine, table, year=2019)) == (30, 50)
        assert table_fingerprint(engine, table, {"year": 2019}) == before
        ensure_schema(engine, "sqf")  # would refuse a table that has changed
        with pytest.raises(SqfError, match="stops_suspect_age_range"):
            replace_partition(engine, table, frames.stops().assign(suspect_age=101), YEAR)

    def test_same_rows_in_another_order_give_the_same_fingerprint(self, engine, filled):
        table = of(filled, "stops")
        before = table_fingerprint(engine, table)
        stops = frames.stops(year=2020, seed=2020)
        time.sleep(0.01)
        replace_partition(engine, table, stops.sample(frac=1, random_state=5), YEAR)
        assert table_fingerprint(engine, table) == before
        changed = stops.assign(suspect_age=stops["suspect_age"].mask(stops["stop_id"] == "1", 33))
        replace_partition(engine, table, changed, YEAR)
        assert table_fingerprint(engine, table) != before

    def test_fingerprint_leaves_out_times_alone(self, engine, filled):
        table = of(filled, "source_files")
        before = table_fingerprint(engine, table)
        later = frames.source_files(filled).assign(fetched_at=pd.Timestamp("2030-01-01", tz="UTC"))
        replace_partition(engine, table, later, YEAR)
        assert table_fingerprint(engine, table) == before
        replace_partition(engine, table, later.assign(sha256="f" * 64), YEAR)
        assert table_fingerprint(engine, table) != before

    def test_one_model_of_a_year_can_be_replaced(self, engine, filled):
        table = of(filled, "model_metrics")
        one = frames.metrics(filled, ("arrest-forest",)).assign(roc_auc=0.9)
        replace_partition(engine, table, one, {**TEST_YEAR, "model": "arrest-forest"})
        assert read_table(engine, table)["roc_auc"].tolist() == [0.9, 0.75]

    def test_only_the_writer_s_own_rows_are_replaced(self, engine, filled):
        table = of(filled, "models")
        mine = table.c.model.in_(["arrest-forest", "new"])
        frame = frames.models(filled, ("arrest-forest", "new")).assign(estimator="boosting")
        assert replace_partition(engine, table, frame, TEST_YEAR, only=mine) == 2
        back = read_table(engine, table).set_index("model")["estimator"]
        assert back.to_dict() == {
            "arrest-forest": "boosting", "new": "boosting", "summons-forest": "some estimator",
        }  # fmt: skip
        before = table_fingerprint(engine, table)
        with pytest.raises(SqfError, match=r"1 of 2 rows .* do not belong to this writer"):
            replace_partition(engine, table, frame.replace("new", "newer"), TEST_YEAR, only=mine)
        with pytest.raises(SqfError, match=r"Expected rows for table sqf.models"):
            replace_partition(engine, table, frame.iloc[:0], TEST_YEAR, only=table.c.model == "arrest-forest")
        assert table_fingerprint(engine, table) == before
        # what nothing refers to may go
        assert replace_partition(engine, table, frame.iloc[:0], TEST_YEAR, only=table.c.model == "new") == 0
        assert read_table(engine, table)["model"].tolist() == ["arrest-forest", "summons-forest"]

    def test_empty_frame_empties_what_nothing_refers_to(self, engine, filled):
        table = of(filled, "predictions")
        assert replace_partition(engine, table, read_table(engine, table).iloc[:0], TEST_YEAR) == 0
        assert count(engine, table) == 0

    @pytest.mark.parametrize(
        ("name", "partition", "referring"),
        [("stops", YEAR, "predictions"), ("models", TEST_YEAR, "model_metrics"), ("source_files", YEAR, "stops")],
    )
    def test_emptying_what_others_refer_to_is_refused(self, engine, filled, name, partition, referring):
        table = of(filled, name)
        before = table_fingerprint(engine, table)
        with pytest.raises(SqfError, match=f"Expected rows for table sqf.{name}.*sqf.{referring} refer to it"):
            replace_partition(engine, table, read_table(engine, table).iloc[:0], partition)
        assert table_fingerprint(engine, table) == before

    def test_stops_and_models_made_again_keep_every_result(self, engine, filled, caplog):
        results = [of(filled, name) for name in ("predictions", "model_metrics")]
        before = [table_fingerprint(engine, table) for table in results]
        with caplog.at_level(logging.WARNING):
            replace_partition(engine, of(filled, "source_files"), frames.source_files(filled), YEAR)
            replace_partition(engine, of(filled, "stops"), frames.stops(year=2020, seed=8), YEAR)
            replace_partition(engine, of(filled, "models"), frames.models(filled), TEST_YEAR)
        assert [table_fingerprint(engine, table) for table in results] == before
        assert caplog.records == []

    def test_withdrawn_stops_take_their_predictions_and_it_is_said(self, engine, filled, caplog):
        fewer = frames.stops(year=2020, seed=2020).iloc[3:]
        with caplog.at_level(logging.WARNING):
            replace_partition(engine, of(filled, "stops"), fewer, YEAR)
        assert "3 rows of sqf.predictions_stops were removed" in caplog.text
        assert count(engine, of(filled, "predictions")) == 2 * len(fewer)

    def test_dropped_model_takes_its_results_and_it_is_said(self, engine, filled, caplog):
        with caplog.at_level(logging.WARNING):
            replace_partition(engine, of(filled, "models"), frames.models(filled, ("arrest-forest",)), TEST_YEAR)
        assert "1 rows of sqf.model_metrics were removed" in caplog.text
        assert "1 rows of sqf.predictions_models were removed" in caplog.text
        assert count(engine, of(filled, "predictions")) == 50
        assert read_table(engine, of(filled, "model_metrics"))["model"].tolist() == ["arrest-forest"]

    def test_result_of_a_model_that_is_not_there_is_refused(self, engine, filled):
        table = of(filled, "model_metrics")
        before = table_fingerprint(engine, table)
        with pytest.raises(SqfError, match=r"model_metrics_models_fkey.*\(test_year, model\) must be in sqf.models"):
            replace_partition(engine, table, frames.metrics(filled, ("unheard-of",)), TEST_YEAR)
        assert table_fingerprint(engine, table) == before


def spoiled(column: str, value: object, row: int = 3) -> pd.DataFrame:
    frame = frames.stops(seed=11)
    return frame.assign(**{column: frame[column].astype(object).where(frame["stop_id"] != str(row), value)})


class TestRefusing:
    @pytest.fixture(autouse=True)
    def rows_stay(self, engine, filled):
        """Hold that nothing changed, whatever was tried."""
        tables = [of(filled, name) for name in ("stops", "predictions")]
        before = [table_fingerprint(engine, table) for table in tables]
        yield
        assert [table_fingerprint(engine, table) for table in tables] == before

    def refuse(self, engine, filled, frame: pd.DataFrame, match: str, partition: dict | None = None) -> str:
        with pytest.raises(SqfError, match=match) as caught:
            replace_partition(engine, of(filled, "stops"), frame, partition or YEAR)
        assert "Nothing was changed" in str(caught.value) or "replaced by" in str(caught.value)
        return str(caught.value)

    def test_extra_column(self, engine, filled):
        self.refuse(engine, filled, frames.stops().assign(shoe_size=9), "unknown columns: shoe_size")

    def test_missing_column(self, engine, filled):
        self.refuse(engine, filled, frames.stops().drop(columns=["suspect_age", "sector"]), "suspect_age, sector")

    def test_column_twice(self, engine, filled):
        frame = frames.stops()
        frame = pd.concat([frame, frame[["sector"]]], axis=1)
        self.refuse(engine, filled, frame, "columns twice: sector")

    def test_null_in_not_null(self, engine, filled):
        said = self.refuse(engine, filled, spoiled("stop_id", pd.NA), "stop_id is null in 1 of 50 rows")
        assert "may not be" in said

    def test_duplicate_key(self, engine, filled):
        self.refuse(engine, filled, spoiled("stop_id", "9"), r"1 rows repeat a key \(year, stop_id\)")

    def test_row_of_another_partition(self, engine, filled):
        self.refuse(engine, filled, spoiled("year", 2019), "year is not 2020 in 1 of 50 rows")

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("suspect_age", "thirty"), ("suspect_age", 30.5), ("arrested", "maybe"), ("x_feet", "far"),
            ("stop_date", "yesterday"), ("borough", 5), ("suspect_age", 2**40), ("stop_id", 2.5),
            ("stop_date", pd.Timestamp("2020-05-05 13:00")),
        ],
    )  # fmt: skip
    def test_wrong_type(self, engine, filled, column, value):
        said = self.refuse(engine, filled, spoiled(column, value), f"{column} must be")
        assert str(value) not in said

    def test_wrong_type_in_rows_that_are_written_after_others(self, engine, filled, monkeypatch):
        monkeypatch.setattr("sqf_pipeline.warehouse.frame_conversion.CHUNK_ROWS", 20)
        self.refuse(engine, filled, spoiled("suspect_age", "thirty", row=50), "suspect_age must be")

    @pytest.mark.parametrize(
        ("column", "value", "rule"),
        [
            ("suspect_age", 101, "suspect_age >= 6 AND suspect_age <= 100"),
            ("borough", "", "borough <> ''"),
            ("stop_date", pd.Timestamp("2018-01-03"), "stop_date_in_year"),
        ],
    )
    def test_rule_of_the_database_is_named_and_the_row_is_not(self, engine, filled, column, value, rule):
        frame = spoiled(column, value).assign(full_address="12 SECRET STREET")
        said = self.refuse(engine, filled, frame, rule)
        assert "SECRET" not in said

    def test_letter_that_postgres_cannot_hold(self, engine, filled):
        said = self.refuse(engine, filled, spoiled("demeanor", "hidden\x00tail"), "A value does not fit")
        assert "hidden" not in said

    @pytest.mark.parametrize("partition", [{}, {"borough": "BRONX"}, {"no_such": 1}])
    def test_partition_must_be_of_the_table(self, engine, filled, partition):
        with pytest.raises(SqfError, match="replaced by"):
            replace_partition(engine, of(filled, "stops"), frames.stops(), partition)

    def test_unknown_table(self, engine):
        stranger = sa.Table("strangers", sa.MetaData(schema="sqf"), sa.Column("year", sa.Integer, primary_key=True))
        stranger.info["partition"] = "year"
        with pytest.raises(SqfError, match=r"does not fit this version.*sqf\.strangers"):
            replace_partition(engine, stranger, pd.DataFrame({"year": [2020]}), YEAR)
        with pytest.raises(SqfError, match=r"does not fit this version.*sqf\.strangers"):
            read_table(engine, stranger)

    def test_connection_lost_in_the_middle(self, engine, filled, monkeypatch):
        copy = writer.copy_in

        def lose(connection, table, columns, payload, into):
            copy(connection, table, columns, payload, into)
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({own})")

        monkeypatch.setattr(writer, "copy_in", lose)
        self.refuse(engine, filled, frames.stops(seed=12), "run again when it is back")

    def test_process_killed_in_the_middle(self, engine, filled, database_url):
        pid = os.fork()
        if pid == 0:
            try:
                mine = create_engine(database_url)
                writer._remove_orphans = lambda *_: time.sleep(
                    2 * PATIENCE
                )  # everything is written, nothing is committed
                replace_partition(mine, of(filled, "stops"), frames.stops(seed=13), YEAR)
            finally:
                os._exit(1)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'COPY%%'"
        with engine.connect() as watcher:

            def is_waiting() -> bool:
                found = bool(watcher.exec_driver_sql(waiting).scalar())
                watcher.rollback()
                return found

            wait_until(is_waiting)
        psutil.Process(pid).kill()
        os.waitpid(pid, 0)
        # the lock went with the process: the next run is not held up
        stops = frames.stops(year=2020, seed=2020)
        assert replace_partition(engine, of(filled, "stops"), stops, YEAR) == len(stops)


class TestAtOnce:
    def test_readers_see_the_old_rows_or_the_new_ones(self, engine, filled):
        table = of(filled, "stops")
        seen: set[int] = set()
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                seen.add(count(engine, table, year=2020))

        reader = threading.Thread(target=look)
        reader.start()
        for round_number in range(6):
            replace_partition(engine, table, frames.stops(50 + round_number % 2), YEAR)
        done.set()
        reader.join()
        assert seen <= {50, 51}

    def test_writers_of_one_partition_and_of_its_neighbours_do_not_spoil_each_other(self, database_url, filled):
        engines = [create_engine(database_url) for _ in range(4)]
        stops = frames.stops(year=2020, seed=2020)
        jobs = [
            ("stops", stops, YEAR),
            ("stops", stops, YEAR),
            ("models", frames.models(filled), TEST_YEAR),
            ("predictions", frames.predictions(filled, stops), TEST_YEAR),
        ]
        failures: list[Exception] = []

        def work(number: int) -> None:
            name, frame, partition = jobs[number]
            try:
                for _ in range(6):
                    replace_partition(engines[number], of(filled, name), frame, partition)
            except Exception as error:  # noqa: BLE001 - told by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert failures == []
        assert count(engines[0], of(filled, "stops"), year=2020) == 50
        assert count(engines[0], of(filled, "predictions")) == 100
        assert count(engines[0], of(filled, "model_metrics")) == 2
        for one in engines:
            one.dispose()

    def test_other_years_do_not_wait(self, engine, filled):
        table = of(filled, "stops")
        with engine.begin() as connection:
            key = advisory_key("sqf.stops 2019")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
            assert replace_partition(engine, table, frames.stops(20, seed=4), YEAR) == 20
            held = threading.Thread(
                target=replace_partition, args=(engine, table, frames.stops(20, 2019), {"year": 2019})
            )
            held.start()
            held.join(0.3)
            assert held.is_alive()
        held.join(PATIENCE)
        assert count(engine, table, year=2019) == 20
