"""Whatever fails, at whatever step of falling asleep or waking: the host is on the network afterwards, no socket is in repair, no
byte is lost or doubled, and the next sleep works. The steps and requests are those that a whole sleep is seen to take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from rig.device.payload import PayloadKeepAlive
from rig.errors import BenchError

from .conftest import FAULTS, Parts, Point

payloads = pytest.mark.parametrize("payload", [None, PayloadKeepAlive.mqtt_ping()], ids=["probes", "payload"])
Wake = Callable[[Parts, bytes], None]
wakes = pytest.mark.parametrize("wake", [Parts.wake_by_data, Parts.wake_by_knocking], ids=["data", "pattern"])
faults = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())


def points_of(parts: Parts, act: Callable[[], None]) -> list[Point]:
    """Where `act` passes, each once."""
    parts.inject.passed.clear()
    act()
    return list(dict.fromkeys(parts.inject.passed))


@payloads
@faults
def test_an_entry_that_fails_leaves_everything_as_it_was(
    parts: Parts, fault: Callable[[], Exception], payload: PayloadKeepAlive | None
) -> None:
    parts.driver.registry.update("one", 1439, payload, ())
    parts.fall_asleep()
    parts.wake_by_data(b"the first")
    points = points_of(parts, parts.fall_asleep)
    assert len(points) > 20
    parts.wake_by_data(b"the control")
    for number, point in enumerate(points):
        parts.notices.clear()
        parts.inject.arm(point, fault)
        with contextlib.suppress(BenchError, ZeroDivisionError):
            parts.fall_asleep()
        assert parts.inject.struck, f"nothing passed {point}"
        if parts.driver.asleep:  # the device was asked once more, and had taken over
            parts.driver.wake("test")
        parts.until(lambda: parts.driver.idle, f"after {point} not all is put back")
        parts.assert_whole(number)
        parts.fall_asleep()
        parts.wake_by_data(b"after %r" % (point,))
    assert parts.errors == []


@wakes
@payloads
@faults
def test_a_wake_ends_on_the_network_whatever_fails(
    parts: Parts, fault: Callable[[], Exception], payload: PayloadKeepAlive | None, wake: Wake
) -> None:
    parts.driver.registry.update("one", 1439, payload, ())
    parts.fall_asleep()
    points = points_of(parts, lambda: wake(parts, b"control"))
    assert len(points) > 15
    for number, point in enumerate(points):
        parts.fall_asleep()
        parts.inject.arm(point, fault)
        wake(parts, b"woken in spite of %r" % (point,))
        assert parts.inject.struck, f"nothing passed {point}"
        parts.until(lambda: parts.driver.idle, f"after {point} not all is put right")
        parts.assert_whole(number)
    assert parts.errors == []
