"""The gate between two assets: a contract that is checked before anything is stored.

A plain `@asset_check` runs after the write; dagster-pandera drops the coerced frame and reports no table. So an
asset declares `check_specs=[gate_spec(...)]` and ends with `yield from through_gate(...)`. When the contract is
broken only a failed check is recorded: nothing is written, the run is red, and nothing downstream runs.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import as_table
from sqf_pipeline.year_checks.findings import sentences

if TYPE_CHECKING:
    import pandera.pandas as pa

    from sqf_pipeline.year_checks.findings import Finding

CHECK_NAME = "contract"
EXAMPLES_SHOWN = 5  # values of one column, never a row, so that nobody can be singled out
EXAMPLE_WIDTH = 60


def yearly_check(
    name: str, asset: str, years: dg.PartitionsDefinition[str], description: str, *, blocking: bool = False
) -> dg.AssetCheckSpec:
    """Return the declaration of a check that has the asset's partitions: a red year stays red when another turns green.

    When it is `blocking` and fails, nothing downstream runs.
    """
    with warnings.catch_warnings():
        # Dagster calls partitions of checks a preview; its release is pinned, and the UI shows a check by year
        warnings.simplefilter("ignore")
        return dg.AssetCheckSpec(name, asset=asset, partitions_def=years, blocking=blocking, description=description)


def gate_spec(asset: str, years: dg.PartitionsDefinition[str], hands_over: str) -> dg.AssetCheckSpec:
    """Return the declaration of the gate of an asset; `hands_over` says in words what must hold."""
    told = f"{hands_over} Checked before anything is stored; when it fails the asset keeps what it held."
    return yearly_check(CHECK_NAME, asset, years, told, blocking=True)


def through_gate(
    contract: "pa.DataFrameSchema",
    frame: pd.DataFrame,
    *,
    asset: str,
    output_name: str = "result",
    metadata: dict[str, Any] | None = None,
    data_version: str | None = None,
    findings: "Sequence[Finding]" = (),
) -> Iterator[dg.Output[Any] | dg.AssetCheckResult]:
    """Check a frame, then yield the coerced frame and a passed check, or a failed check alone.

    Raises dagster.Failure after the failed check, so that the run stops and says which rules were broken.

    A red one among the `findings`, which is what else was found in the frame, closes the gate like a broken rule of the
    contract. In a multi-asset the output has a name; its `metadata` are shown besides the row count and the column
    schema; `data_version` is what its content is known by, which None leaves to Dagster (its code and its inputs).
    """
    import pandera.errors

    broken, refused = "is refused", sentences(findings, "red")
    shown: dict[str, Any] = {}
    try:
        coerced = contract.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:  # which carries whole rows, and so is not raised on
        failures = failure_table(errors.failure_cases)
        broken, refused = "breaks its contract", _summary(failures)
        shown = {"failures": as_table(failures, rows=len(failures))}
    if refused:
        counted = {"rows_checked": len(frame), **shown}
        yield dg.AssetCheckResult(
            asset_key=asset, check_name=CHECK_NAME, passed=False, description=refused, metadata=counted
        )
        raise dg.Failure(f"{asset} {broken}; nothing was stored. {refused}", metadata=shown, allow_retries=False)
    described = any(column.description for column in contract.columns.values())
    yield dg.Output(
        coerced,
        output_name=output_name,
        metadata={
            "dagster/partition_row_count": len(coerced),
            # a contract that describes no column leaves it to the table, whose comments do
            **({"dagster/column_schema": column_schema(contract)} if described else {}),
            **(metadata or {}),
        },
        data_version=dg.DataVersion(data_version) if data_version else None,
    )
    counted = {"rows_checked": len(frame), "columns": len(contract.columns)}
    yield dg.AssetCheckResult(asset_key=asset, check_name=CHECK_NAME, passed=True, metadata=counted)


def warning_check(
    asset: str, name: str, found: str, otherwise: str, metadata: dict[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Return the outcome of a check that stops nothing: not passed when anything was found, `otherwise` if not."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=found or otherwise,
        metadata=metadata or {},
    )


def require_no_failed_drift(drift: pd.DataFrame, test_year: int) -> None:
    """Refuse to go on when a test year's stops are not what the models were fitted on.

    Called by the asset `drift` itself, and by whatever is made for people from its table (`drift` holds rows of it), so
    that materialising one of those alone is no way round a red check. Raises dagster.Failure when a row says `fail`,
    naming the columns, what is untouched, and what to do.
    """
    failed = drift[drift["status"] == "fail"].sort_values(["column_name", "measure"])
    if failed.empty:
        return
    told = "; ".join(f"{row.column_name}: {row.detail}" for row in failed.itertuples())
    raise _refused(
        failed,
        f"The stops of {test_year} differ too much from those its models were trained on. {told}. No card, charts or "
        "export are made; existing ones stay as they are. Find out whether the file of the year or the way it is read "
        "changed (docs/runbook.md, A red check), correct that, and materialise the year again, starting with its "
        "stops.",
    )


def require_no_telling_gap(gap_marks: pd.DataFrame, test_year: int) -> None:
    """Refuse to go on when what is missing of a stop tells its outcome to models at the stop.

    Called as `require_no_failed_drift`. Raises dagster.Failure when a row of `gap_marks` says `fail`, naming the
    outcomes, what is untouched, and what to do.
    """
    failed = gap_marks[gap_marks["status"] == "fail"]
    if failed.empty:
        return
    told = "; ".join(f"{row.outcome} {row.roc_auc:.3f} (from {row.low:.3f})" for row in failed.itertuples())
    raise _refused(
        failed,
        f"What is missing of a stop tells its outcome in {test_year}: by gaps alone models at the stop reach a ROC AUC "
        f"of {told}; expected less than {failed['highest'].iloc[0]:g}. No card and no export are made; "
        "existing ones stay as they are. Find the column that is filled in after the outcome (docs/modelling.md, What "
        "is known at the stop), say so under `known` in registry/columns.csv, and make the test year again.",
    )


def _refused(failed: pd.DataFrame, told: str) -> dg.Failure:
    return dg.Failure(description=told, metadata={"failed": as_table(failed)}, allow_retries=False)


def failure_table(failure_cases: pd.DataFrame) -> pd.DataFrame:
    """Return how often each rule was broken: column, rule, rows and a few example values, in that order.

    `failure_cases` are those of `SchemaErrors`, one row a broken value.
    """
    of_frame = failure_cases["schema_context"].eq("DataFrameSchema") & failure_cases["index"].isna()
    cases = pd.DataFrame(
        {
            "column": failure_cases["column"].astype("object").mask(of_frame, "(the frame)"),
            "rule": failure_cases["check"].astype(str),
            "example": failure_cases["failure_case"].map(lambda value: str(value)[:EXAMPLE_WIDTH]),
        }
    )
    # a rule about a whole row reports every column of it: the values stay out of sight
    whole_row = failure_cases["schema_context"].eq("DataFrameSchema") & failure_cases["index"].notna()
    cases.loc[whole_row, "example"] = "(not shown)"
    cases.loc[of_frame & cases["example"].eq("False"), "example"] = "the whole frame"
    cases.loc[whole_row, "column"] = "(several)"
    rows = failure_cases["index"].where(failure_cases["index"].notna(), -1)
    grouped = cases.assign(row=rows.to_numpy()).groupby(["column", "rule"], sort=True)
    return grouped.agg(
        rows=("row", "nunique"), examples=("example", lambda values: ", ".join(sorted(set(values))[:EXAMPLES_SHOWN]))
    ).reset_index()


def column_schema(contract: "pa.DataFrameSchema") -> dg.TableSchema:
    """Return the columns of a contract as the UI shows them: type, unit, meaning, and what must hold."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=str(name),
                type=str(column.dtype),
                description=_described(column),
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=column.unique,
                    other=[str(check.error or check.name) for check in column.checks or []],
                ),
            )
            for name, column in contract.columns.items()
        ]
    )


def _described(column: "pa.Column") -> str | None:
    unit = (column.metadata or {}).get("unit")
    parts = [column.description or "", f"Unit: {unit}." if unit else ""]
    return " ".join(part for part in parts if part) or None


def _summary(failures: pd.DataFrame) -> str:
    told = [
        f"{row.column}: {row.rule} ({row.rows} row{'s' if row.rows != 1 else ''}, such as {row.examples})"
        for row in failures.head(EXAMPLES_SHOWN).itertuples()
    ]
    more = len(failures) - len(told)
    return "; ".join(told) + (f"; and {more} more rules" if more > 0 else "") + "."
