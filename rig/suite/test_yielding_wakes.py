"""A device that yields the wire with the event of a wake: the host takes it up without waiting for an answer to host awake.

Written against a door: `standby_door.py`. The host's part is in tests/standby/nic.
"""

from __future__ import annotations

import pytest

from rig.device.numbers import OffloadRc, Power, SlotFlag, WakeReason
from rig.device.offload_types import Event
from rig.suite.neighbour_frames import arp
from rig.suite.peer_frames import HOST_PORT, PEER_IP, on_the_wire, tcp
from rig.suite.standby_door import QUIET_MS, SOON_MS, StandbyDoor, refusal

pytestmark = pytest.mark.topology("flat")

LONG_MS, SHORT_MS = 20_000, 100
"""Real time, for which the device yields: longer than a test takes, and what a test lets pass."""
OTHER_PORT = HOST_PORT + 1
NEWS, OTHERS_PROBE = on_the_wire(tcp("PA", payload=b"d")), on_the_wire(tcp(seq=4999, dport=OTHER_PORT))
QUESTION = on_the_wire(arp())
MOVED = bytes.fromhex("0200000000aa")


def asleep(door: StandbyDoor, yield_ms: int, *, probed_in_ms: int = QUIET_MS) -> None:
    """Two connections. Data of the one wakes; the peer probes the other, which probes it in that time."""
    door.prepare(yield_ms=yield_ms)
    door.add_slot(ka_idle_ms=QUIET_MS)
    door.add_slot(local_port=OTHER_PORT, ka_idle_ms=QUIET_MS, idle_elapsed_ms=QUIET_MS - probed_in_ms)
    door.commit()


def woken(door: StandbyDoor) -> Event:
    """By data of the first, and nothing is sent for it."""
    door.take_sent()
    door.send(NEWS)
    event = door.event()
    assert (event.reason, door.take_sent()) == (WakeReason.TCP_DATA, [])
    return event


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=1)
def test_it_says_so_and_keeps_all_that_comes_for_the_host(door: StandbyDoor) -> None:
    """In the order in which it came, and no answer to any of it: not before host awake, nor behind it."""
    asleep(door, LONG_MS)
    assert woken(door).has_yielded
    assert door.outcome(OTHERS_PROBE, QUESTION) == ("", 0)
    assert [frame.data for frame in door.drain()] == [NEWS, OTHERS_PROBE, QUESTION]
    door.host_awake()
    assert door.outcome(OTHERS_PROBE) == ("", 0)
    assert door.counted("tx_frames", "rx_wake", "rx_slot_consumed") == (0, 1, 0)


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=1)
def test_who_is_not_asked_to_speaks_on_until_host_awake(door: StandbyDoor) -> None:
    asleep(door, 0)
    assert not woken(door).has_yielded
    assert door.outcome(OTHERS_PROBE) == ("", 1)
    assert [frame.data for frame in door.drain()] == [NEWS]


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=1)
def test_behind_a_host_that_does_not_come_it_speaks_again(door: StandbyDoor) -> None:
    """What it has kept stays kept, and is not answered any more; what was due meanwhile is sent then."""
    asleep(door, SHORT_MS, probed_in_ms=SOON_MS // 2)
    before_ms = door.now_ms()
    assert woken(door).has_yielded
    probe = door.next_sent(SHORT_MS)
    assert probe.at_ms >= before_ms + SHORT_MS - 0.001
    assert door.status().power is Power.WOKEN
    assert door.outcome(OTHERS_PROBE) == ("", 1)
    assert [frame.data for frame in door.drain()][:1] == [NEWS]
    door.host_awake()
    assert door.outcome(OTHERS_PROBE) == ("", 0)


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=1)
def test_a_sleep_that_does_not_ask_is_not_the_one_before(door: StandbyDoor) -> None:
    asleep(door, LONG_MS)
    assert woken(door).has_yielded
    door.host_awake()
    door.release()
    asleep(door, 0)
    assert door.outcome(OTHERS_PROBE) == ("", 1)
    assert not woken(door).has_yielded
    assert door.outcome(OTHERS_PROBE) == ("", 1)


@pytest.mark.edge(19, 102)
@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP, yield_ms=1)
def test_it_does_not_where_the_host_has_to_hear_first_whom_it_sends_to(door: StandbyDoor) -> None:
    door.prepare(yield_ms=LONG_MS)
    door.add_slot(ka_idle_ms=QUIET_MS, flags=SlotFlag(0x1F) | SlotFlag.LEARN_NEXT_HOP, next_hop_ip=PEER_IP)
    door.commit()
    door.send(arp(op=2, tpa=PEER_IP, sha=MOVED))
    assert not woken(door).has_yielded


@pytest.mark.edge(107)
@pytest.mark.device_can(yield_ms=1)
def test_more_than_it_can_is_refused(door: StandbyDoor) -> None:
    most_ms = door.limit("yield_max_ms")
    assert refusal(lambda: door.prepare(yield_ms=most_ms + 1)) == OffloadRc.BAD_INTERVAL.name
    assert door.status().power is Power.D0
    door.sleep(yield_ms=most_ms)
    assert door.status().power is Power.D3
