"""The driver is killed between any two steps, and between any request of the device and its reply: the next one goes on. No byte
is lost or doubled, no slot stays behind, no socket is left in repair."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.device.numbers import GROUP_OFFLOAD, READ, Command, Power
from rig.device.payload import PayloadKeepAlive
from rig.standby.api.byte_stream import ByteStream
from rig.standby.nic import handoff
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import Adopting, Lost, Settled, Woke

from .conftest import FAULTS, Parts, Point


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the driver's takes it, nothing is put back."""


payloads = pytest.mark.parametrize("payload", [None, PayloadKeepAlive.mqtt_ping()], ids=["probes", "payload"])


def points_of(parts: Parts, act: Callable[[], None]) -> list[Point]:
    """Where `act` passes, each once."""
    parts.inject.passed.clear()
    act()
    return list(dict.fromkeys(parts.inject.passed))


def whole_again(parts: Parts, number: int) -> None:
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    parts.assert_whole(number)
    assert len(parts.client.slots()) == 1
    parts.fall_asleep()
    parts.wake_by_data(b"after %d" % number)


@payloads
def test_between_any_two_steps_of_an_entry(parts: Parts, payload: PayloadKeepAlive | None) -> None:
    parts.driver.registry.update("one", 1439, payload, ())
    parts.fall_asleep()
    parts.wake_by_data(b"the first")
    points = points_of(parts, parts.fall_asleep)
    parts.wake_by_data(b"the control")
    for number, point in enumerate(points):
        parts.inject.arm(point, Killed)
        with pytest.raises(Killed):
            parts.fall_asleep()
        parts.start_driver_anew()
        if parts.driver.asleep:  # the device had taken over, and the host sleeps on
            parts.wake_by_data(b"in its sleep, at %r" % (point,))
        whole_again(parts, number)


@payloads
def test_between_any_two_steps_of_a_wake(parts: Parts, payload: PayloadKeepAlive | None) -> None:
    """The data that wakes is read once, whoever of the two drivers put it in; and one of them says that the host is awake."""
    parts.driver.registry.update("one", 1439, payload, ())
    parts.fall_asleep()
    points = points_of(parts, lambda: parts.wake_by_data(b"control"))
    for number, point in enumerate(points):
        parts.fall_asleep()
        parts.inject.arm(point, Killed)
        waking = b"woken, then %r" % (point,)
        parts.notices.clear()
        parts.server.push(waking)
        with pytest.raises(Killed):
            parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")
        of_the_first = list(parts.notices)
        parts.start_driver_anew()
        assert parts.read(len(waking)) == waking
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        assert any(isinstance(notice, Woke) for notice in [*of_the_first, *parts.notices]), f"nobody said so, killed at {point}"
        whole_again(parts, number)


def test_between_any_two_steps_of_a_wake_by_a_pattern(parts: Parts) -> None:
    """Nobody but its receiver knows that a datagram is in before the device is asked for the next: then alone it comes twice, as
    it may on any network."""
    told = [("tell", "before"), ("tell", "after")]
    in_before_noted = [("put in", "after"), *told, ("host awake", "before"), ("DRAIN", "before")]
    parts.fall_asleep()
    points = points_of(parts, lambda: parts.wake_by_knocking(b"control"))
    for number, point in enumerate(points):
        parts.fall_asleep()
        parts.inject.arm(point, Killed)
        waking = b"woken, then %r" % (point,)
        parts.notices.clear()
        parts.knock(waking)
        with pytest.raises(Killed):
            parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")
        parts.start_driver_anew()
        heard = parts.hear()
        whole_again(parts, number)
        assert heard + parts.has_heard() == [waking] * (2 if point in in_before_noted else 1), point


def test_a_wake_whose_event_is_freed_and_whose_host_awake_is_lost_goes_on(parts: Parts) -> None:
    """Nobody would tell of it any more: the device waits for the host, and the next driver would for the device."""
    parts.fall_asleep()
    parts.inject.arm(("HOST_AWAKE", "before"), Killed)
    parts.server.push(b"wake up")
    with pytest.raises(Killed):
        parts.until(lambda: parts.inject.struck, "no wake")
    parts.link.submit(READ, GROUP_OFFLOAD, Command.EVENT_WAIT, {"after": 1})
    status = parts.client.status()
    assert (status.power, status.events_pending) == (Power.WOKEN, 0)
    parts.start_driver_anew()
    assert parts.read(7) == b"wake up"
    assert any(isinstance(notice, Woke) for notice in parts.notices)
    whole_again(parts, 1)


SLEEP = ("SLEEP_ENTER", "NIC_WAKE", "SLEEP_EXIT")


def told_since(parts: Parts, after: int) -> list[str]:
    return [record.event for record in parts.timeline.records(after) if record.event in SLEEP]


def test_each_record_of_a_sleep_is_written_once_whoever_of_two_drivers_does(parts: Parts) -> None:
    """A test that counts sleeps or wakes does not count a driver's death. One of an entry that the next driver does not own to is
    none."""
    parts.fall_asleep()
    parts.wake_by_data(b"the first")
    points = points_of(parts, parts.fall_asleep)
    parts.wake_by_data(b"the control")
    for point in [*points, None]:
        after = parts.timeline.mark()
        if point is not None:
            parts.inject.arm(point, Killed)
            with pytest.raises(Killed):
                parts.fall_asleep()
        else:
            parts.fall_asleep()
        parts.start_driver_anew()
        parts.fall_asleep()  # as it does for the call that has no answer yet
        parts.wake_by_data(b"at %r" % (point,))
        assert told_since(parts, after) == list(SLEEP), point


def test_each_record_of_a_wake_is_written_once_whoever_of_two_drivers_does(parts: Parts) -> None:
    parts.fall_asleep()
    points = points_of(parts, lambda: parts.wake_by_data(b"control"))
    for point in points:
        after = parts.timeline.mark()
        parts.fall_asleep()
        parts.inject.arm(point, Killed)
        parts.notices.clear()
        parts.server.push(b"news")
        with pytest.raises(Killed):
            parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")
        parts.start_driver_anew()
        assert parts.read(4) == b"news"
        parts.until(lambda: parts.driver.idle, "the driver is not idle")
        assert told_since(parts, after) == list(SLEEP), point


def test_what_an_app_writes_before_its_socket_is_out_of_repair_goes_to_its_server(parts: Parts) -> None:
    """The driver continues an app before it gives its socket back, and dies in between. Written into the queue that was asked for
    its number last, the bytes would come back to the app as the server's."""
    stream = ByteStream(parts.sock)
    parts.fall_asleep()
    points = points_of(parts, lambda: parts.wake_by_data(b"control"))
    for number, point in enumerate(points):
        parts.fall_asleep()
        parts.inject.arm(point, Killed)
        waking, said, before = b"woken, then %r" % (point,), b"said at %r" % (point,), len(parts.server.received)
        parts.notices.clear()
        parts.server.push(waking)
        with pytest.raises(Killed):
            parts.until(lambda: parts.driver.idle and parts.inject.struck, f"nothing passed {point}")
        writer = threading.Thread(target=stream.write, args=(said,))
        writer.start()
        parts.start_driver_anew()
        assert parts.read(len(waking)) == waking
        writer.join()
        assert parts.server.wait_received(before + len(said))[before:] == said
        whole_again(parts, number)


class Heard(list[Notice]):
    """Of a driver; with each notice, whether the socket was in repair then."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self.in_repair: list[tuple[str, bool]] = []

    def append(self, notice: Notice) -> None:
        super().append(notice)
        self.in_repair.append((type(notice).__name__, handoff.is_frozen(self._sock)))


@payloads
def test_that_the_host_is_awake_is_said_when_apps_may_use_their_sockets(parts: Parts, payload: PayloadKeepAlive | None) -> None:
    """Whoever hears it continues them, and the next driver may not have taken back yet what the device sent and took."""
    parts.driver.registry.update("one", 1439, payload, ())
    parts.fall_asleep()
    parts.inject.arm(("join", "before"), Killed)
    parts.server.push(b"news")
    with pytest.raises(Killed):
        parts.until(lambda: parts.inject.struck, "no wake")
    parts.notices = heard = Heard(parts.sock)
    parts.start_driver_anew()
    assert parts.read(4) == b"news"
    assert [in_repair for name, in_repair in heard.in_repair if name == "Woke"] == [False]


def test_no_descriptor_of_a_dead_one_stays_open(parts: Parts) -> None:
    """Here, where a driver is no process: a long run would come to an end of them."""
    parts.start_driver_anew()
    gc.collect()  # of what the tests before have left, none goes meanwhile
    before = sorted(str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())
    for _ in range(3):
        parts.start_driver_anew()
    gc.collect()
    after = sorted(str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink())
    assert len(after) == len(before), set(after) - set(before)


def test_while_the_host_sleeps(parts: Parts) -> None:
    parts.fall_asleep()
    parts.start_driver_anew()
    assert parts.driver.asleep
    assert not parts.gate.is_open
    parts.wake_by_data(b"kept")


def test_beside_a_device_that_restarts_meanwhile(parts: Parts) -> None:
    parts.fall_asleep()
    parts.device_process.power_cut()
    parts.device_process.start()
    parts.start_driver_anew()
    whole_again(parts, 1)


@pytest.mark.parametrize(("fault", "lost"), [("the device refuses", [Lost("one")]), ("the device is silent", [])])
def test_beside_a_device_that_has_lost_a_slot(parts: Parts, fault: str, lost: list[Notice]) -> None:
    """What it would not have again is its owner's to end; what it was not there for is asked again."""
    parts.driver.notes.write()
    [slot] = parts.client.slots()
    parts.client.remove_tcp_slot(slot.ref)
    parts.inject.arm(("ADD_TCP_SLOT", "before"), FAULTS[fault])
    parts.start_driver_anew()
    parts.until(lambda: parts.driver.idle, "the driver is not idle")
    assert parts.notices == [Adopting(["one"]), *lost, Settled()]
    assert len(parts.client.slots()) == (0 if lost else 1)
