"""One and the same stops, written by the programs through which people pass a published file."""

import datetime as dt
import random
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline_tests.unit.ingest.published import raw_stops

NOTHING = "(null)"
KINDS = {entry.name: entry.kind for entry in load_columns()}
Cell = Callable[[str], str]


def invented(chance: random.Random, rows: int = 16) -> pd.DataFrame:
    """Return invented stops in the usual form: ISO dates, 24-hour times, Y and N, nothing as `(null)`."""
    stops = []
    for number in range(rows):
        day = dt.date(2018, 1, 1) + dt.timedelta(days=chance.randrange(365))
        some = {
            "stop_id": str(10**17 + chance.randrange(10**15) * rows + number),
            "stop_date": str(day), "month": f"{day:%B}", "weekday": f"{day:%A}",
            "stop_time_seconds": f"{chance.randrange(24)}:{chance.randrange(60):02}:00",
            "suspect_age": str(chance.randint(10, 80)), "suspect_weight_pounds": str(chance.randint(90, 300)),
            "suspect_height_inches": f"{chance.choice('456')}.{chance.choice(['2', '5', '9', '11'])}",
            "observed_duration_minutes": str(chance.randrange(60)), "x_feet": str(chance.randint(950_000, 1_050_000)),
            "y_feet": str(chance.randint(150_000, 250_000)), "suspect_race": chance.choice(["WHITE", "ASIAN/PAC.ISL"]),
        }  # fmt: skip
        some |= {name: chance.choice("YN") for name, kind in KINDS.items() if kind == "flag"}
        some |= {name: chance.choice(["Y", NOTHING]) for name, kind in KINDS.items() if kind == "mark"}
        gaps = [name for name in some if chance.random() < 0.1 and name not in {"stop_id", "stop_date"}]
        stops.append(some | dict.fromkeys(gaps, NOTHING))
    # a day over twelve, as every year has
    stops[0] |= {"stop_date": "2018-03-25", "month": "March", "weekday": "Sunday"}
    return raw_stops(*stops)


def flags(yes: str, no: str) -> Cell:
    return lambda text: {"Y": yes, "N": no}.get(text, text)


def date(form: str) -> Cell:
    return lambda text: f"{dt.date.fromisoformat(text):{form}}"


def time(form: str) -> Cell:
    return lambda text: f"{dt.datetime.strptime(text, '%H:%M:%S'):{form}}"  # noqa: DTZ007 - a time of day has no zone


def fraction(text: str) -> float:
    hours, minutes, _ = text.split(":")
    return (int(hours) * 60 + int(minutes)) / 1440


def excel(text: str) -> str:
    return str((dt.date.fromisoformat(text) - dt.date(1899, 12, 30)).days)


def comma(text: str) -> str:
    return text.replace(".", ",")


def yes_no(yes: str, no: str) -> dict[str, Cell]:
    return dict.fromkeys(("flag", "mark"), flags(yes, no))


R = {"date": date("%Y-%m-%dT00:00:00Z"), "time": time("1899-12-31T%H:%M:%SZ")}
PANDAS = dict.fromkeys(("integer", "code", "year", "number", "identifier"), lambda text: f"{text}.0")
GERMAN = {
    "date": date("%d.%m.%Y"), "time": lambda text: comma(f"{fraction(text):.10f}"), "height": comma,
    "integer": lambda text: f"{text},0", "number": lambda text: f"{int(text):,}".replace(",", ".") + ",0",
}  # fmt: skip
AMERICAN = {
    "date": date("%m/%d/%Y"), "time": time("%I:%M:%S %p"), "number": lambda text: f"{int(text):,}",
    "integer": lambda text: f"{text}.00", "identifier": lambda text: f'="{text}"',
}  # fmt: skip
NUMBERS = {"date": excel, "time": lambda text: repr(fraction(text)), "number": lambda text: f"{int(text):.6E}"}
PROGRAMS: dict[str, tuple[str, dict[str, Cell]]] = {
    "R": ("NA", {**R, **yes_no("TRUE", "FALSE")}),
    "pandas": (
        "nan",
        {**PANDAS, "time": time("0 days %H:%M:%S"), "flag": flags("True", "False"), "mark": flags("1.0", "0.0")},
    ),
    "pandas, newer types": ("<NA>", {"flag": flags("True", "False"), "time": time("%H:%M:%S.000000")}),
    "PostgreSQL": ("\\N", {**yes_no("t", "f"), "date": date("%Y-%m-%d 00:00:00+00")}),
    "a database's export": ("NULL", {**yes_no("1", "0"), "time": time("1900-01-01 %H:%M:%S.000")}),
    "Excel, American": ("#N/A", {**AMERICAN, **yes_no("TRUE", "FALSE")}),
    "Excel, German": ("#NV", {**GERMAN, **yes_no("WAHR", "FALSCH")}),
    "Excel's own numbers": ("#VALUE!", {**NUMBERS, **yes_no("1", "0")}),
    "LibreOffice": ("#REF!", {"date": date("%d/%m/%y"), "time": time("%H:%M"), **yes_no("yes", "no")}),
    "SAS": (".", {"date": date("%d%b%Y"), "time": time("%H%M"), **yes_no("Yes", "No")}),
    "Python": (
        "None",
        {**yes_no("True", "False"), "category": str.title, "height": lambda text: text.replace(".", "'") + '"'},
    ),
    "a web table": (
        "\u00a0",
        {"category": lambda text: f"\u00a0{text.lower()}\u200b", "integer": lambda text: f" {text}\u00a0"},
    ),
}


def written_by(program: str, stops: pd.DataFrame) -> pd.DataFrame:
    nothing, cells = PROGRAMS[program]
    written = stops.copy()
    for name in stops:
        cell = cells.get(KINDS[name], str)
        written[name] = stops[name].map(lambda text, cell=cell: nothing if text == NOTHING else cell(text))
    return written


@settings(max_examples=2)
@given(st.randoms(use_true_random=False))
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_program_writes_reads_back_to_the_same_stops(program: str, chance: random.Random):
    stops = invented(chance)
    expected = clean_stops(stops, 2018)
    found = clean_stops(written_by(program, stops), 2018)
    pd.testing.assert_frame_equal(found.stops, expected.stops)
    pd.testing.assert_frame_equal(found.loss, expected.loss)
