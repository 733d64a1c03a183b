"""Whether the system goes before ordinary processes: not longer than a wake needs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.standby.system.power import PowerState, Sleep
from rig.standby.system.urgency import AFTER_WAKE_S, Urgency
from rig.timeline import Timeline
from tests.standby.virtual_time import virtual


class Place:
    """Among other processes."""

    def __init__(self, power: PowerState) -> None:
        self.changes: list[str] = []
        Urgency(power, lambda: self.changes.append("first"), lambda: self.changes.append("along"))


@virtual
async def test_it_does_from_before_the_sleep_until_a_moment_after_the_wake(tmp_path: Path) -> None:
    power = PowerState(Timeline(tmp_path / "timeline.jsonl"))
    place = Place(power)
    power.turn_sleep(Sleep.FALLING_ASLEEP)
    assert place.changes == ["first"]
    power.turn_sleep(Sleep.ASLEEP)
    await asyncio.sleep(3600)
    power.turn_sleep(Sleep.AWAKE)
    await asyncio.sleep(AFTER_WAKE_S / 2)
    assert place.changes == ["first"]
    await asyncio.sleep(AFTER_WAKE_S)
    assert place.changes == ["first", "along"]


@virtual
async def test_a_host_that_sleeps_again_at_once_stays_so(tmp_path: Path) -> None:
    power = PowerState(Timeline(tmp_path / "timeline.jsonl"))
    place = Place(power)
    for sleep in (Sleep.FALLING_ASLEEP, Sleep.ASLEEP, Sleep.AWAKE, Sleep.FALLING_ASLEEP, Sleep.ASLEEP):
        power.turn_sleep(sleep)
    await asyncio.sleep(10 * AFTER_WAKE_S)
    assert place.changes == ["first"]


def test_the_host_of_a_bench_does_while_it_sleeps_and_not_awake(bench: Bench) -> None:
    """Where the machine allows it."""
    if not is_first(bench.host.driver_pid):
        pytest.skip("no process may go before others here: CAP_SYS_NICE, or ulimit -r")
    assert not is_first(bench.host.pid)
    bench.host.enter_standby()
    assert is_first(bench.host.pid)
    bench.host.exit_standby()
    deadline = Deadline(WAIT_S)
    while is_first(bench.host.pid):
        assert not deadline.expired
        deadline.pause()


def is_first(pid: int) -> bool:
    return os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
