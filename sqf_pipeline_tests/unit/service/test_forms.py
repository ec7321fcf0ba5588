"""Forms made from the manifest: defaults, messages by field."""

import pytest

from sqf_pipeline.export.analysis_stops import place_cells
from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.export.field_specs import describe_field
from sqf_pipeline.registry.words import field_label
from sqf_pipeline.service.bundle import open_bundle
from sqf_pipeline.service.forms import read_form, start_form
from sqf_pipeline.service.places import places_of
from sqf_pipeline.service.predictor import load_predictors
from sqf_pipeline_tests.service_support import invented_stops, small_models


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    small = small_models()
    folder = export_bundle(tmp_path_factory.mktemp("exports"), small.models[:2], small.context)
    return load_predictors(open_bundle(folder))["arrest", "during"]


def test_a_form_starts_at_the_defaults_and_answers(predictor):
    form = start_form(predictor)
    assert len(form.controls) == 12
    assert all(form.values.values())
    answered = read_form(predictor, form.values)
    assert not answered.errors
    stop = {spec.name: _typed(spec) for spec in predictor.entry.fields}
    assert answered.answer == predictor.predict([stop], why=True)[0]


def _typed(spec):
    if spec.name == "stop_time_seconds":  # a form knows hours and minutes alone
        return spec.default // 60 * 60
    return spec.default


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("suspect_age", "200", "from 6 to 100 years"),
        ("suspect_age", "old", "Enter a number"),
        ("suspect_age", "20.5", "whole number"),
        ("suspect_age", "nan", "Enter a number"),
        ("suspect_age", "9" * 500, "from 6 to 100"),
        ("stop_time_seconds", "25:00", "14:30"),
        ("stop_time_seconds", "3600", "14:30"),
        ("borough", "<script>", "one of the values"),
        ("searched", "perhaps", "one of the values"),
    ],
)
def test_a_bad_value_has_its_message_and_no_answer(predictor, field, typed, message):
    form = read_form(predictor, {**start_form(predictor).values, field: typed})
    assert list(form.errors) == [field]
    assert message in form.errors[field]
    assert form.answer is None


def test_an_empty_form_means_nothing_known(predictor):
    form = read_form(predictor, {})
    assert not form.errors
    assert form.answer == predictor.predict([{}])[0]


def test_an_unknown_threshold_falls_back_to_the_models_own(predictor):
    assert read_form(predictor, {"threshold": "none such"}).threshold == "best_f1"


@pytest.fixture(scope="module")
def places():
    return places_of(place_cells(small_models().context.training_stops))


def test_a_place_stands_for_every_field_that_it_settles(predictor, places):
    asked = {control.spec.name for control in start_form(predictor, places).controls}
    assert {spec.name for spec in predictor.entry.fields} - asked == {"precinct", "x_feet", "y_feet", "borough"}
    chosen = read_form(predictor, {"place": "7", "searched": "true"}, places)
    known = places.precincts["7"]
    stop = {name: known[name] for name in ("precinct", "x_feet", "y_feet", "borough")} | {"searched": True}
    assert chosen.answer == predictor.predict([stop], why=True)[0]
    nowhere = read_form(predictor, {"searched": "true"}, places)
    assert nowhere.answer == predictor.predict([{"searched": True}], why=True)[0]


@pytest.mark.parametrize(("name", "typed"), [("place", "999"), ("point", "here"), ("point", "1, 2")])
def test_a_place_that_is_none_has_its_message(predictor, places, name, typed):
    form = read_form(predictor, {name: typed}, places)
    assert list(form.errors) == [name]
    assert form.answer is None


def test_a_model_that_does_not_use_the_place_is_not_asked_for_it(tmp_path, places):
    small = small_models()
    study = next(model for model in small.models if (model.outcome, model.feature_set.tier) == ("arrest", "study"))
    folder = export_bundle(tmp_path, [study], small.context)
    without = load_predictors(open_bundle(folder))["arrest", "study"]
    assert len(start_form(without, places).controls) == 12
    assert start_form(without, places).places is None


def test_fields_come_from_the_registry_and_the_training_stops():
    stops = invented_stops(400, 1)
    age = describe_field("suspect_age", stops["suspect_age"])
    assert (age.kind, age.unit, age.minimum, age.maximum) == ("integer", "years", 6, 100)
    assert age.default == round(stops["suspect_age"].dropna().astype(float).median())
    race = describe_field("suspect_race", stops["suspect_race"])
    assert sum(entry.stops for entry in race.categories) == stops["suspect_race"].notna().sum()
    assert any(entry.stops == 0 for entry in race.categories)  # what the vocabulary knows can be said
    assert field_label("suspect_age") == "Age"


def test_free_text_cannot_be_a_field():
    with pytest.raises(ValueError, match="kind text"):
        describe_field("demeanor", invented_stops(5, 1)["borough"])
