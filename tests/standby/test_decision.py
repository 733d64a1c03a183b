"""Which slot a channel gets, row by row: the table by itself, and each row through the whole system."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rig.errors import BenchError, RigError
from rig.standby.system.channels.decision import ROWS, AtSetUp, Nic, decide
from rig.standby.system.channels.slots import APP_LIMIT, NONE_FREE, SlotKind
from rig.standby.wire import bench
from rig.standby.wire.app_channels import ConstructChannel, WaitForPushEnabled
from rig.standby.wire.app_tasks import RequestAccess
from rig.standby.wire.from_app import ReadBegin
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.virtual_time import virtual

ALL = [
    AtSetUp(kind, broker, reset, established, standby, no_slot, nic)
    for kind, broker, reset, established, standby, no_slot, nic in itertools.product(
        SlotKind, (True, False), (True, False), (True, False), (True, False), (None, NONE_FREE, APP_LIMIT), Nic
    )
]


def test_every_row_is_the_answer_to_something_and_every_situation_has_one() -> None:
    assert {decide(now).why for now in ALL} == {row.why for row in ROWS}


def test_a_slot_is_only_given_where_nothing_speaks_against_it_and_of_the_kind_that_was_asked_for() -> None:
    for now in ALL:
        status = decide(now).status
        if status.allocated:
            assert (now.available, now.established, now.no_slot, now.reset) == (True, True, None, False)
            assert status is (
                Status.HARDWARE_SLOT_ALLOCATED if now.kind is SlotKind.HARDWARE else Status.SOFTWARE_SLOT_ALLOCATED
            ), "no downgrade"
        if status is Status.HARDWARE_SLOT_ALLOCATED:
            assert now.nic is Nic.HOLDS_IT
        if status is Status.SOFTWARE_SLOT_ALLOCATED:
            assert not now.in_standby


def test_only_a_device_that_was_not_asked_yet_leaves_it_open() -> None:
    assert {now.nic for now in ALL if decide(now).status is Status.HARDWARE_SLOT_REQUESTED} == {Nic.NOT_ASKED}


# -- through the system ------------------------------------------------------------------------------------------------

Before = Callable[[FakeHost, FakeApp], Awaitable[None]]


async def nothing(host: FakeHost, app: FakeApp) -> None:
    pass


async def used_up(host: FakeHost, app: FakeApp) -> None:
    """By another app."""
    other = await host.app("other")
    assert await other.open("theirs") is Status.HARDWARE_SLOT_ALLOCATED


async def own_are_used_up(host: FakeHost, app: FakeApp) -> None:
    assert (await app.open("own", hardware=False)).allocated


def device(error: RigError) -> Before:
    async def says(host: FakeHost, app: FakeApp) -> None:
        host.driver.fails["reserve"] = error

    return says


async def enters_standby(host: FakeHost, app: FakeApp) -> None:
    """It reads, so that it is not stopped."""
    app.notify(ReadBegin(None))
    await host.settle()
    await host.bench(bench.EnterStandby())


@pytest.mark.parametrize(
    ("before", "hardware", "rules", "expected"),
    [
        (nothing, True, {"aoac": False}, Status.SOFTWARE_SLOT_ALLOCATED),
        (nothing, True, {}, Status.HARDWARE_SLOT_ALLOCATED),
        (used_up, True, {"hw_slots_total": 1}, HResult.NO_SLOT),
        (used_up, True, {"hw_slots_total": 1, "no_slot_fails_connect": False}, Status.POLICY_ERROR),
        (used_up, False, {"hw_slots_total": 1}, Status.SOFTWARE_SLOT_ALLOCATED),
        (device(BenchError("RIG-B03", "no answer")), True, {}, Status.SYSTEM_ERROR),
        (device(BenchError("RIG-N23", "it is over")), True, {}, Status.TRANSPORT_DISCONNECTED),
        (nothing, False, {}, Status.SOFTWARE_SLOT_ALLOCATED),
        (nothing, False, {"aoac": False}, Status.SOFTWARE_SLOT_ALLOCATED),
        (own_are_used_up, False, {"sw_slots_per_app": 1}, Status.POLICY_ERROR),
        (own_are_used_up, True, {"sw_slots_per_app": 1, "aoac": False}, Status.POLICY_ERROR),
        (enters_standby, False, {}, Status.SERVICE_UNAVAILABLE),
        (enters_standby, False, {"sw_slots_per_app": 0}, Status.SERVICE_UNAVAILABLE),
        (enters_standby, True, {}, Status.HARDWARE_SLOT_ALLOCATED),
    ],
)
@virtual
async def test_each_row_of_the_table(before: Before, hardware: bool, rules: dict[str, Any], expected: Status | HResult) -> None:
    async with fake_host(**rules) as host:
        app = await host.app()
        await before(host, app)
        slots = [(kind, host.slots_in_use(kind)) for kind in SlotKind]
        held = set(host.driver.connections)
        if isinstance(expected, HResult):
            with pytest.raises(HostError) as refused:
                await app.open("inbox", hardware=hardware)
            assert refused.value.hresult is expected
        else:
            assert await app.open("inbox", hardware=hardware) is expected
        given = isinstance(expected, Status) and expected.allocated
        if not given:
            assert [(kind, host.slots_in_use(kind)) for kind in SlotKind] == slots
        assert len(host.driver.connections) == len(held) + (expected is Status.HARDWARE_SLOT_ALLOCATED)


@virtual
async def test_who_is_not_authorised_gets_no_further_than_the_constructor() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.system.packages["mail"].user_grants = False
        await app.call(RequestAccess())
        for hardware in (True, False):
            with pytest.raises(HostError) as refused:
                await app.call(ConstructChannel("inbox", 30, hardware))
            assert refused.value.hresult is HResult.UNAUTHORIZED_ACCESS


@virtual
async def test_a_refusal_is_final_for_its_transport() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.driver.fails["reserve"] = BenchError("RIG-B03", "no answer")
        assert await app.open("inbox") is Status.SYSTEM_ERROR
        host.driver.fails.clear()
        assert Status(await app.call(WaitForPushEnabled("inbox"))) is Status.SYSTEM_ERROR
        await app.connect("inbox")
        assert Status(await app.call(WaitForPushEnabled("inbox"))) is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.parametrize("end", ["finish", "reset"])
@virtual
async def test_a_peer_that_goes_while_the_device_is_asked_is_no_success(end: str) -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.call(ConstructChannel("inbox", 30, True))
        await app.connect("inbox")
        host.driver.fall_silent()
        waiting = app.submit(WaitForPushEnabled("inbox"))
        await host.settle()
        app.end_peer("inbox", end)
        host.driver.answer_again()
        assert Status(await waiting) is Status.TRANSPORT_DISCONNECTED
        assert not host.driver.connections
        assert host.slots_in_use(SlotKind.HARDWARE) == 0
