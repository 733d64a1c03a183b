"""What comes for the host while it wakes reaches it in the order in which it came, by whichever of the two ways."""

from __future__ import annotations

import pytest

from rig.standby.wire.nic import Woke

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


@pytest.mark.parametrize("yields", [True, False])
def test_an_app_goes_on_before_a_device_that_yields_has_answered_and_behind_anothers_answer(parts: Parts, yields: bool) -> None:
    if not yields:
        parts.driver._attachment.yield_ms = 0
    parts.fall_asleep()
    parts.inject.passed.clear()
    parts.wake_by_data(b"wake up")
    passed = [name for name, when in parts.inject.passed if when == "after"]
    assert (passed.index("tell") < passed.index("HOST_AWAKE")) == yields
    assert passed.index("HOST_AWAKE") < passed.index("put in the rest") < passed.index("steer")


def test_a_device_that_yields_and_does_not_answer_keeps_nobody(parts: Parts) -> None:
    """Its host reads what woke it, and is on the network; what is left on the device comes when it answers again."""
    parts.fall_asleep()
    parts.inject.arm(("HOST_AWAKE", "after"), FAULTS["the device is silent"])
    parts.wake_by_data(b"wake up")
    assert parts.inject.struck
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.assert_whole(1)


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
