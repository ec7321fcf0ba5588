"""Which rules of a contract a frame breaks."""

import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pytest


def failed_rules(contract: pa.DataFrameSchema, frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the column and the name of every rule that a frame breaks; fails when it breaks none."""
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        contract.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    return {(str(column), str(check)) for column, check in zip(cases["column"], cases["check"], strict=True)}


def failed_checks(contract: pa.DataFrameSchema, frame: pd.DataFrame) -> set[str]:
    """Return the names of the rules alone."""
    return {check for _, check in failed_rules(contract, frame)}
