"""What a run tells while it goes on, and when it fails."""

import gc
import weakref
from collections.abc import Callable

import dagster as dg
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.checks import yearly_check
from sqf_pipeline.orchestration.partitions import YEARS
from sqf_pipeline.orchestration.running import Progress, explained, run_work
from sqf_pipeline.orchestration.year_rules import Work, work_for


def test_every_years_stops_come_once_and_before_any_test_year():
    assert work_for([2021, 2020, 2020]) == [
        *(Work("yearly_stops", year) for year in range(2017, 2022)),
        Work("yearly_models", 2020),
        Work("yearly_models", 2021),
    ]
    assert work_for([2022], everything=True)[-1] == Work("yearly_rerun", 2022)


def test_named_years_are_loaded_alone_or_in_the_place_of_the_three_before():
    assert work_for([], stops_of=(2016, 2014)) == [Work("yearly_stops", 2014), Work("yearly_stops", 2016)]
    assert work_for([2020], train=(2014, 2015)) == [
        *(Work("yearly_stops", year) for year in (2014, 2015, 2020)),
        Work("yearly_models", 2020),
    ]


def run(
    step: Callable[[dg.AssetExecutionContext], dg.MaterializeResult | None], *checks: dg.AssetCheckSpec
) -> list[Progress]:
    """Run a single asset as `sqf run` does and return what the listener heard."""

    @dg.asset(partitions_def=YEARS, key="step", check_specs=checks)
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return step(context) or dg.MaterializeResult()

    heard: list[Progress] = []
    definitions = dg.Definitions(assets=[asset], jobs=[dg.define_asset_job("yearly_stops", selection=["step"])])
    with dg.DagsterInstance.ephemeral() as instance:
        try:
            run_work(definitions, instance, Work("yearly_stops", 2018), heard.append)
        finally:
            heard[:] = [moment for moment in heard if "Writing file" not in moment.text]
    return heard


def test_a_step_is_heard_when_it_starts_speaks_and_ends():
    heard = run(lambda context: context.log.info("fitting one"))
    assert [(moment.kind, moment.step, moment.year) for moment in heard] == [
        ("started", "step", 2018),
        ("note", "step", 2018),
        ("done", "step", 2018),
    ]
    assert heard[1].text == "fitting one"
    assert heard[2].seconds > 0


def test_a_check_that_stops_nothing_is_heard_when_it_is_not_passed():
    def checked(_context: object) -> dg.MaterializeResult:
        warned = dg.AssetCheckResult(
            check_name="known", passed=False, severity=dg.AssetCheckSeverity.WARN, description="2 columns are new."
        )
        return dg.MaterializeResult(check_results=[warned, dg.AssetCheckResult(check_name="whole", passed=True)])

    heard = run(checked, *(yearly_check(name, "step", YEARS, "It is.") for name in ("known", "whole")))
    assert [(moment.kind, moment.text) for moment in heard] == [
        ("started", ""),
        ("warned", "known: 2 columns are new."),
        ("done", ""),
    ]


def test_a_mistake_in_a_step_comes_out_as_its_message():
    def fail(_context: object) -> None:
        raise SqfError("The file is empty. Fetch it again.")

    with pytest.raises(SqfError, match=r"^The file is empty\. Fetch it again\.$"):
        run(fail)


def test_a_fault_of_the_program_keeps_its_own_type():
    def fail(_context: object) -> None:
        raise ZeroDivisionError("division")

    with pytest.raises(ZeroDivisionError):
        run(fail)


def test_an_interruption_says_what_is_left():
    def interrupt(_context: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    with pytest.raises(SqfError, match="Stopped"):
        run(interrupt)


def test_a_message_is_found_however_deep_it_is_wrapped():
    inner = SqfError("what to do")
    middle = RuntimeError("wrapped")
    middle.__cause__ = inner
    outer = ValueError("wrapped again")
    outer.__context__ = middle
    inner.__context__ = outer  # a ring must not hang it
    assert explained(outer) == "what to do"
    assert explained(dg.Failure("a rule was broken")) == "a rule was broken"
    assert explained(ValueError("no message for people")) is None


class Frame:
    """Something that can be asked whether it is still there."""


class Stored(dg.IOManager):
    """Keeps nothing of what it is given."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Forget it, as one does who has written it to a file."""

    def load_input(self, context: dg.InputContext) -> object:
        """Have nothing to give back."""
        raise LookupError(context.asset_key)


def test_the_output_of_a_step_is_let_go_once_it_is_stored():
    made: list[weakref.ref[Frame]] = []
    left: list[int] = []

    @dg.asset(partitions_def=YEARS, io_manager_key="stored")
    def first() -> Frame:
        frame = Frame()
        made.append(weakref.ref(frame))
        return frame

    @dg.asset(partitions_def=YEARS, io_manager_key="stored", deps=[first])
    def second() -> None:
        gc.collect()
        left.append(sum(frame() is not None for frame in made))

    definitions = dg.Definitions(
        assets=[first, second],
        jobs=[dg.define_asset_job("yearly_stops", selection=["first", "second"])],
        resources={"stored": Stored()},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run_work(definitions, instance, Work("yearly_stops", 2018), lambda _: None)
    assert (len(made), left) == (1, [0])
