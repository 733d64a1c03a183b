"""What comes for the host while it wakes reaches it in the order in which it came, by whichever of the two ways; who
waits for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.device.numbers import EventFlag
from rig.device.offload import OffloadClient
from rig.standby.wire.nic import DeviceRestarted, Woke

from .conftest import FAULTS, Parts


class Knocks:
    """In the place of an injector: somebody knocks at given points of the wake."""

    def __init__(self, parts: Parts, words: dict[tuple[str, str], bytes]) -> None:
        self._parts = parts
        self._words = words

    def __call__(self, name: str, when: str) -> None:
        said = self._words.pop((name, when), None)
        if said is not None:
            self._parts.knock(said)


def test_nothing_overtakes_what_waits_on_the_device(parts: Parts) -> None:
    """The first of them goes to the device, which the host's frames still go to then, the second one to the host."""
    parts.fall_asleep()
    parts.driver._inject = Knocks(parts, {("tell", "after"): b"first", ("steer", "after"): b"second"})
    parts.notices.clear()
    parts.server.push(b"wake up")
    parts.until(lambda: any(isinstance(notice, Woke) for notice in parts.notices), "no wake")
    assert parts.read(7) == b"wake up"
    parts.wait_awake()
    assert parts.has_heard() == [b"first", b"second"]


@pytest.mark.parametrize(("yields", "event_is_late"), [(True, False), (True, True), (False, False)])
def test_an_app_goes_on_before_a_device_that_yields_has_answered_and_behind_anothers_answer(
    parts: Parts, yields: bool, event_is_late: bool
) -> None:
    """Nor before one does that may speak again soon: its event has been on its way for long."""
    if not yields:
        parts.driver._attachment.yield_ms = 0
    parts.fall_asleep()
    clock = parts.driver._standby.clock
    assert clock is not None
    if event_is_late:
        parts.driver._standby.clock = replace(clock, offset_us=clock.offset_us + 2_000_000)
    parts.inject.passed.clear()
    parts.wake_by_data(b"wake up")
    passed = [name for name, when in parts.inject.passed if when == "after"]
    assert (passed.index("tell") < passed.index("HOST_AWAKE")) == (yields and not event_is_late)
    assert passed.index("HOST_AWAKE") < passed.index("put in the rest") < passed.index("steer")


def test_a_device_that_yields_and_does_not_answer_keeps_nobody(parts: Parts) -> None:
    """Its host reads what woke it, and is on the network; what is left on the device comes when it answers again."""
    parts.fall_asleep()
    parts.inject.arm(("HOST_AWAKE", "after"), FAULTS["the device is silent"])
    parts.wake_by_data(b"wake up")
    assert parts.inject.struck
    put_in = parts.timeline.find("REINJECT")[0]
    assert put_in.seq < parts.timeline.wait("NOT_MENDED").seq
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.assert_whole(1)


@pytest.mark.parametrize("lies", ["never asked", "no frame"])
def test_a_device_that_says_so_wrongly_is_waited_for(parts: Parts, lies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if lies == "never asked":
        parts.driver._attachment.yield_ms = 0
    parts.fall_asleep()
    hear = parts.driver.hear_event

    def hear_lies(row: list[Any]) -> None:
        hear([*row[:7], EventFlag.YIELDED, *row[8:14], row[14] if lies == "never asked" else b""])

    monkeypatch.setattr(parts.driver, "hear_event", hear_lies)
    parts.inject.passed.clear()
    parts.wake_by_data(b"wake up")
    passed = [name for name, when in parts.inject.passed if when == "after"]
    assert passed.index("HOST_AWAKE") < passed.index("join") < passed.index("tell")


def test_what_the_device_can_is_asked_again_when_it_has_restarted(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another image may run, that refuses what the one before took."""
    can = parts.client.capabilities()
    monkeypatch.setattr(OffloadClient, "capabilities", lambda self: replace(can, yield_max_ms=0))
    parts.notices.clear()
    parts.device_process.reset()
    parts.until(lambda: any(isinstance(notice, DeviceRestarted) for notice in parts.notices), "the driver does not notice")
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.fall_asleep()
    assert parts.driver._standby.yield_ms == 0
    parts.wake_by_data(b"wake up")


def test_a_waking_frame_comes_once_whatever_was_captured_before_it(parts: Parts) -> None:
    """What the commit has judged has taken numbers of the sleep's frames."""
    passing_by = ("gate", "after")

    def pass_by(name: str, when: str) -> None:
        if (name, when) == passing_by:
            host, port = parts.door.getsockname()
            parts.visitor.sendto(b"for nobody", (host, port + 1))
            parts.until(lambda: parts.client.status().buffered == 1, "it is not captured")

    parts.driver._inject = pass_by
    parts.fall_asleep()
    parts.driver._inject = parts.inject
    parts.wake_by_knocking(b"open, please")
