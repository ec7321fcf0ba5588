"""A Tableau extract holds what the frames held."""

import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.tableau import write_hyper

pantab = pytest.importorskip("pantab", reason="Tableau extracts need pantab: pip install 'sqf-pipeline[tableau]'")


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "year": pd.array([2019, None], dtype="Int16"), "stops": pd.array([1, 2], dtype="Int64"),
            "model": pd.array(["a", None], dtype="string"), "share": [0.5, float("nan")],
            "height": pd.array([70.5, None], dtype="Float64"), "actual": pd.array([True, None], dtype="boolean"),
            "at": pd.to_datetime(["2020-01-01 12:00+02:00", None]), "kind": pd.Categorical(["x", "y"]),
            "settings": [{"trees": 5}, None], "nothing": [None, None],
        },
        index=[5, 7],
    )  # fmt: skip


def test_types_and_gaps_survive(frame, tmp_path):
    path = write_hyper({"first": frame, "second": frame[["year"]]}, tmp_path / "sub" / "results.hyper")
    again = pantab.frame_from_hyper(path, table="first")
    assert again["stops"].tolist() == [1, 2]
    assert again["share"].isna().tolist() == again["height"].isna().tolist() == [False, True]
    assert again["model"].isna().tolist() == again["actual"].isna().tolist() == [False, True]
    assert again["kind"].tolist() == ["x", "y"]
    assert again["nothing"].isna().all()
    assert again["settings"].iloc[0] == '{"trees": 5}'
    assert str(again["at"].iloc[0]) == "2020-01-01 10:00:00"
    assert len(pantab.frame_from_hyper(path, table="second")) == 2
    write_hyper({"first": frame.iloc[:1]}, path)
    assert len(pantab.frame_from_hyper(path, table="first")) == 1
    assert [found.name for found in path.parent.iterdir()] == ["results.hyper"]


def test_a_failure_leaves_the_earlier_extract(frame, tmp_path):
    path = write_hyper({"first": frame}, tmp_path / "results.hyper")
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"(?i)unsupported|not implemented|type|schema"):
        write_hyper({"first": pd.DataFrame({"odd": [object(), object()]})}, path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_mistakes_are_told(frame, tmp_path):
    with pytest.raises(SqfError, match=r"ends in \.hyper"):
        write_hyper({"a": frame}, tmp_path / "results.tde")
    with pytest.raises(SqfError, match="sqf run"):
        write_hyper({}, tmp_path / "results.hyper")
