"""A device that yields the wire with the event of a wake: the host takes it up without waiting for an answer to host awake.

Written against a door: `standby_door.py`. The host's part is in tests/standby/nic.
"""

from __future__ import annotations

import pytest

from rig.device.numbers import OffloadRc, Power, SlotFlag, WakeReason
from rig.device.offload_types import Event
from rig.suite.neighbour_frames import arp
from rig.suite.peer_frames import HOST_PORT, PEER_IP, on_the_wire, sent_segment, tcp, udp
from rig.suite.standby_door import QUIET_MS, ROUNDING_MS, SOON_MS, StandbyDoor, refusal

pytestmark = pytest.mark.topology("flat")

LONG_MS, SHORT_MS = 4000, 1000
"""Real time, for which the device yields: longer than a test takes, and what a test lets pass."""
OTHER_PORT = HOST_PORT + 1
NEWS, OTHERS_PROBE = on_the_wire(tcp("PA", payload=b"d")), on_the_wire(tcp(seq=4999, dport=OTHER_PORT))
QUESTION = on_the_wire(arp())
MOVED = bytes.fromhex("0200000000aa")


def asleep(door: StandbyDoor, yield_ms: int, **other: int) -> None:
    """Two connections. Data of the one wakes; the peer probes the other, which is made with `other`."""
    door.prepare(yield_ms=yield_ms)
    door.add_slot(ka_idle_ms=QUIET_MS)
    door.add_slot(local_port=OTHER_PORT, **{"ka_idle_ms": QUIET_MS, **other})
    door.commit()


def woken(door: StandbyDoor) -> Event:
    """By data of the first, and nothing is sent for it."""
    door.take_sent()
    door.send(NEWS)
    event = door.event()
    assert (event.reason, door.take_sent()) == (WakeReason.TCP_DATA, [])
    return event


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
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
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
def test_who_is_not_asked_to_speaks_on_until_host_awake(door: StandbyDoor) -> None:
    asleep(door, 0)
    assert not woken(door).has_yielded
    assert door.outcome(OTHERS_PROBE) == ("", 1)
    assert [frame.data for frame in door.drain()] == [NEWS]


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
@pytest.mark.parametrize("faster", [1, 10], ids=["", "minutes of 6 s"])
def test_behind_a_host_that_does_not_come_it_speaks_again(door: StandbyDoor, faster: int) -> None:
    """In real time. What it has kept stays kept, and is not answered any more; what was due meanwhile is sent then."""
    door.scale(door.minute_us // faster)
    asleep(door, SHORT_MS, idle_elapsed_ms=QUIET_MS - SHORT_MS * faster // 2)
    before_ms = door.now_ms()
    assert woken(door).has_yielded
    door.send(OTHERS_PROBE)
    probe = door.next_sent(SHORT_MS * faster)
    assert sent_segment(probe.frame).seq == 999
    assert probe.at_ms >= before_ms + SHORT_MS * faster - ROUNDING_MS
    assert door.status().power is Power.WOKEN
    door.speaks_again()
    assert door.outcome(OTHERS_PROBE) == ("", 1)
    assert [frame.data for frame in door.drain()] == [NEWS, OTHERS_PROBE]
    door.host_awake()
    assert door.outcome(OTHERS_PROBE) == ("", 0)


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
def test_what_would_wake_meanwhile_is_kept_and_marks_nothing(door: StandbyDoor) -> None:
    asleep(door, LONG_MS)
    assert woken(door).has_yielded
    news = on_the_wire(tcp("PA", payload=b"d", dport=OTHER_PORT))
    assert door.outcome(news) == ("", 0)
    assert [frame.data for frame in door.drain()] == [NEWS, news]
    assert door.counted("wake_suppressed", "rx_buffered", "rx_wake") == (0, 1, 1)


@pytest.mark.edge(93, 102)
@pytest.mark.device_can(yield_ms=LONG_MS)
def test_who_refuses_to_sleep_has_not_yielded(door: StandbyDoor) -> None:
    """It has not spoken."""
    door.prepare(yield_ms=LONG_MS)
    door.add_slot(ka_idle_ms=QUIET_MS)
    door.send(NEWS)
    assert refusal(door.commit) == OffloadRc.WAKE_PENDING.name
    assert not door.event().has_yielded


@pytest.mark.edge(93, 102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
def test_a_frame_that_wakes_behind_what_the_commit_has_judged_is_not_the_first(door: StandbyDoor) -> None:
    """It has a number of its own, and comes by a drain: the host would take it for the first, and put it in twice."""
    door.prepare(yield_ms=LONG_MS)
    door.add_slot(ka_idle_ms=QUIET_MS)
    door.send(on_the_wire(udp()))
    door.commit()
    door.send(NEWS)
    event, kept = door.event(), door.drain()
    assert event.has_yielded
    assert [(frame.index, frame.data) for frame in kept] == [(2, NEWS)]
    assert event.frame == b""


@pytest.mark.edge(2, 102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
def test_it_does_not_while_a_connection_waits_for_an_answer(door: StandbyDoor) -> None:
    """Which would be kept for the host, and be missing: the connection would count as broken."""
    asleep(door, LONG_MS, idle_elapsed_ms=QUIET_MS - SOON_MS, ka_intvl_ms=QUIET_MS, ka_cnt=1)
    door.next_sent(SOON_MS)
    assert not woken(door).has_yielded
    assert door.outcome(on_the_wire(tcp(dport=OTHER_PORT))) == ("", 0)
    assert door.counted("ka_tx", "ka_rx_ack", "ka_timeout") == (1, 1, 0)


@pytest.mark.edge(102)
@pytest.mark.device_can(slots=3, yield_ms=LONG_MS)
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
@pytest.mark.device_can(slot_flag=SlotFlag.LEARN_NEXT_HOP, yield_ms=LONG_MS)
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
    if most_ms < 0xFFFFFFFF:
        assert refusal(lambda: door.prepare(yield_ms=most_ms + 1)) == OffloadRc.BAD_INTERVAL.name
        assert door.status().power is Power.D0
    door.sleep(yield_ms=most_ms)
    assert door.status().power is Power.D3
