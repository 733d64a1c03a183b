"""What the driver says of a payload keep-alive that is stopped: how far it came, for good, whatever becomes of the driver."""

from __future__ import annotations

import pytest

from rig.device.payload import PayloadKeepAlive
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import Lost, Reserve

from .conftest import Parts
from .test_killed import Killed, points_of

RECORD_BYTES = 32
MINUTES = 2
"""100 ms of real time between two records."""


def records(first: int) -> PayloadKeepAlive:
    """Sixteen of them; that they are none of TLS is nothing to the device."""
    return PayloadKeepAlive.sealed_records([bytes([first + number]) * RECORD_BYTES for number in range(16)])


def give(parts: Parts, payload: PayloadKeepAlive) -> None:
    parts.driver.registry.update("one", MINUTES, payload, ())


def sleep_through(parts: Parts, count: int) -> None:
    """Until the server has so many records more; a next one may be on its way."""
    before = len(parts.server.received)
    parts.fall_asleep()
    parts.server.wait_received(before + count * RECORD_BYTES)


def wake(parts: Parts) -> None:
    parts.notices.clear()
    parts.driver.wake("test")
    parts.wait_awake()


def sent(parts: Parts, before: int = 0) -> int:
    """How many records, all of which the server has then; `before`: how many bytes it had before the first of them."""
    state = parts.driver.stop_payload("one")
    assert state is not None
    parts.server.wait_received(before + state.sent * RECORD_BYTES)
    return state.sent


def test_it_is_what_the_server_has_and_stays_so(parts: Parts) -> None:
    give(parts, records(0))
    for _ in range(2):
        sleep_through(parts, 2)
        wake(parts)
    count = sent(parts)
    assert parts.server.received == b"".join(records(0).payload(number) for number in range(count))
    assert sent(parts) == count
    parts.start_driver_anew()
    assert sent(parts) == count
    before = parts.server.received
    parts.fall_asleep()
    parts.wake_by_data(b"none was sent")
    assert parts.server.received == before
    assert sent(parts) == count


def test_the_same_again_stays_stopped_and_another_one_begins(parts: Parts) -> None:
    give(parts, records(0))
    sleep_through(parts, 1)
    wake(parts)
    count = sent(parts)
    give(parts, records(0))
    assert sent(parts) == count
    give(parts, records(100))
    sleep_through(parts, 1)
    wake(parts)
    assert parts.server.received[count * RECORD_BYTES :].startswith(records(100).payload(0))
    assert sent(parts) >= 1


def test_a_connection_that_is_reserved_again_goes_on_where_it_was(parts: Parts) -> None:
    """Not from the first record: the peer has had it."""
    give(parts, records(0))
    sleep_through(parts, 1)
    wake(parts)
    parts.driver.reserve(Reserve("one", {"app": "a", "channel": "c"}, MINUTES, records(0)), parts.sock.dup())
    sleep_through(parts, 1)
    wake(parts)
    count = sent(parts)
    assert parts.server.received == b"".join(records(0).payload(number) for number in range(count))


def test_asleep_it_is_not_known_yet(parts: Parts) -> None:
    give(parts, records(0))
    sleep_through(parts, 1)
    with pytest.raises(HostError) as refused:
        parts.driver.stop_payload("one")
    assert refused.value.hresult is HResult.INVALID_STATE
    wake(parts)
    assert sent(parts) >= 1


def test_a_connection_without_one_and_one_that_is_not_held_have_none(parts: Parts) -> None:
    assert parts.driver.stop_payload("one") is None
    assert parts.driver.stop_payload("two") is None


def test_when_the_device_restarts_asleep_nobody_knows(parts: Parts) -> None:
    give(parts, records(0))
    sleep_through(parts, 1)
    parts.device_process.reset()
    parts.until(lambda: any(isinstance(notice, Lost) for notice in parts.notices), "it is not lost")
    assert parts.driver.stop_payload("one") is None
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.start_driver_anew()
    assert parts.driver.stop_payload("one") is None


def test_a_driver_killed_at_any_step_of_a_wake_tells_what_the_server_has_or_that_it_does_not_know(parts: Parts) -> None:
    give(parts, records(0))
    sleep_through(parts, 1)
    points = points_of(parts, lambda: wake(parts))
    for number, point in enumerate(points):
        give(parts, records(16 * (number % 8 + 1)))
        before = len(parts.server.received)
        sleep_through(parts, 1)
        parts.inject.arm(point, Killed)
        with pytest.raises(Killed):
            wake(parts)
        parts.start_driver_anew()
        parts.until(lambda: parts.driver.idle or parts.driver.asleep, f"not whole again, killed at {point}")
        if parts.driver.asleep:
            wake(parts)
        count = sent(parts, before)
        assert count == (len(parts.server.received) - before) // RECORD_BYTES, point
