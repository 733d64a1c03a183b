"""Whose turn it is, of operations that nobody sends anywhere."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any, cast

import pytest

from rig.standby.transfers.operation import Operation, Status
from rig.standby.transfers.store import SavedOperation
from rig.standby.transfers.turns import PASSED_OVER, next_ones, who_gives_way
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior, BackgroundTransferPriority
from rig.standby.wire.transfer_types import ResponseInformation, TransferSpec

HIGH, DEFAULT, LOW = (BackgroundTransferPriority[name] for name in ("HIGH", "DEFAULT", "LOW"))
SERIAL: dict[str, Any] = {"group": "episodes", "behavior": BackgroundTransferBehavior.SERIALIZED}
TASK = cast("asyncio.Task[None]", object())


def waiting(package: str = "podcast", **more: Any) -> Operation:
    spec = TransferSpec(id=str(uuid.uuid4()), direction="download", uri="http://server/", path="/episode", **more)
    operation = Operation(SavedOperation(package, spec, started=True))
    operation.permit = Status.RUNNING
    return operation


def begun(operations: list[Operation], at_a_time: int) -> Iterator[Operation]:
    """In the order in which they begin, each ended before the next look."""
    while chosen := next_ones(operations, at_a_time):
        for one in chosen:
            one.work = TASK
            yield one
        for one in chosen:
            one.work = None
            one.saved.status = Status.COMPLETED


def test_high_before_default_before_low_and_else_in_their_order() -> None:
    """BTR-023."""
    priorities = [LOW, DEFAULT, HIGH, LOW, DEFAULT, HIGH]
    operations = [waiting(priority=priority) for priority in priorities]
    assert [operations.index(one) for one in begun(operations, 1)] == [2, 5, 1, 4, 0, 3]


@pytest.mark.parametrize("at_a_time", [1, 3, 100])
def test_no_more_than_there_are_places(at_a_time: int) -> None:
    operations = [waiting() for _ in range(10)]
    chosen = next_ones(operations, at_a_time)
    assert chosen == operations[:at_a_time]
    for one in chosen:
        one.work = TASK
    assert next_ones(operations, at_a_time) == []


def test_of_a_serial_group_one_at_a_time() -> None:
    """BTR-023: the same name is the same group, of one app."""
    first, second, theirs = waiting(**SERIAL), waiting(**SERIAL), waiting("mail", **SERIAL)
    parallel = [waiting(group="covers") for _ in range(3)]
    operations = [first, second, theirs, *parallel]
    chosen = next_ones(operations)
    assert set(chosen) == {first, theirs, *parallel}
    for one in chosen:
        one.work = TASK
    assert next_ones(operations) == []
    first.work, first.saved.status = None, Status.COMPLETED
    assert next_ones(operations) == [second]


def test_one_that_is_paused_holds_up_nobody_of_its_serial_group() -> None:
    first, second = waiting(**SERIAL), waiting(**SERIAL)
    first.saved.paused = True
    assert next_ones([first, second]) == [second]


def test_only_what_was_started_and_may() -> None:
    not_started, forbidden, over = waiting(), waiting(), waiting()
    not_started.saved.started = False
    forbidden.permit = Status.PAUSED_COSTED_NETWORK
    over.saved.status = Status.ERROR
    assert next_ones([not_started, forbidden, over]) == []


def test_apps_have_their_turns_in_turn() -> None:
    """One with two hundred transfers keeps nobody waiting who has one."""
    many = [waiting("podcast") for _ in range(200)]
    one = waiting("mail")
    assert one in next_ones([*many, one], 2)


def test_a_low_one_has_its_turn_however_many_high_ones_come() -> None:
    low = waiting(priority=LOW)
    operations = [low]
    for number in range(PASSED_OVER):
        operations.append(waiting(priority=HIGH))
        (high,) = next_ones(operations, 1)
        assert high is operations[-1], number
        high.saved.status = Status.COMPLETED
    operations.append(waiting(priority=HIGH))
    assert next_ones(operations, 1) == [low]


def running(began_s: float, validator: str = '"a"') -> Operation:
    one = waiting()
    one.work, one.began_s, one.saved.validator = TASK, began_s, validator
    one.saved.response = ResponseInformation("http://server/", 200, {}, bool(validator))
    return one


def test_who_has_had_its_place_for_long_gives_way_where_somebody_waits() -> None:
    old, older, newest = running(20.0), running(10.0), running(99.0)
    operations = [old, older, newest]
    assert who_gives_way(operations, 100.0, 30.0, 3) is None
    operations.append(waiting())
    assert who_gives_way(operations, 100.0, 30.0, 3) is older
    assert who_gives_way(operations, 100.0, 30.0, 4) is None
    assert who_gives_way(operations, 30.0, 30.0, 3) is None


def test_who_would_have_to_begin_anew_keeps_its_place() -> None:
    assert who_gives_way([running(1.0, validator=""), waiting()], 100.0, 30.0, 1) is None
