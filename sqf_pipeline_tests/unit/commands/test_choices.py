"""What a command offers without loading what carries it out is what that can do."""

from sqf_pipeline.commands.export import data
from sqf_pipeline.export.recoding import RECODINGS


def test_every_recoding_and_no_other_is_offered():
    (option,) = [parameter for parameter in data.params if parameter.name == "recode"]
    assert set(option.type.choices) == set(RECODINGS)
