"""When a sleeping device probes: what restarts the idle time, the ends of the range, many slots at once.

Written against a door: `standby_door.py`. Idle times are the longest that a device takes, and nearly over at the handoff: what
restarts them moves the next probe a day away, and what does not leaves it where it was.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from rig.device.numbers import SlotState, WakeReason
from rig.suite.peer_frames import assert_plain_ack, sent_segment, tcp
from rig.suite.standby_door import QUIET_MS, ROUNDING_MS, SOON_MS, StandbyDoor, refusal

pytestmark = pytest.mark.topology("flat")

LATER_MS = 20_000
"""When the probe is due: later than any device needs to deal with a frame, on a machine that is busy too."""
HEARD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ACK": ({}, {}),
    "keep-alive": ({}, {"seq": 4999}),
    "old data": ({}, {"seq": 4990, "payload": b"old"}),
    "probe of a closed window": ({"rcv_wnd": 0}, {"payload": b"z"}),
    "data that does not wake": ({"flags": 0}, {"payload": b"data"}),
    "FIN that does not wake": ({"flags": 0}, {"flags": "FA"}),
    "with its timestamp": ({"ts_on": True}, {"ts": (1, 0)}),
}
NOT_HEARD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "RST in the window": ({}, {"flags": "R", "seq": 5001}),
    "RST outside": ({}, {"flags": "R", "seq": 1}),
    "SYN": ({}, {"flags": "S", "seq": 1}),
    "ACK beyond the window": ({}, {"seq": 5000 + 8192}),
    "ACK of what was never sent": ({}, {"ack": 1001}),
    "no flags": ({}, {"flags": ""}),
    "FIN without ACK": ({}, {"flags": "F"}),
    "keep-alive with an ACK of what was never sent": ({}, {"seq": 4999, "ack": 1001}),
    "old data with an ACK of what was never sent": ({}, {"seq": 4990, "payload": b"old", "ack": 1001}),
    "old data without ACK": ({}, {"seq": 4990, "payload": b"old", "flags": ""}),
    "without its timestamp": ({"ts_on": True}, {}),
    "with an old timestamp": ({"ts_on": True, "ts_recent": 2}, {"ts": (1, 0)}),
    "of another connection": ({}, {"dport": 40001}),
}


def due_in(ms: int) -> dict[str, int]:
    """Of a connection whose idle time is over so much after it was added."""
    return {"ka_idle_ms": QUIET_MS, "ka_intvl_ms": QUIET_MS, "idle_elapsed_ms": QUIET_MS - ms}


@pytest.mark.edge(14)
@pytest.mark.parametrize("what", HEARD)
def test_what_the_peer_says_restarts_the_idle_time(door: StandbyDoor, what: str) -> None:
    """RFC 9293 3.8.4. What the device answers to it does not, nor does it end the wait."""
    slot, segment = HEARD[what]
    ref = door.asleep(**{**due_in(LATER_MS), **slot})
    assert door.slot(ref).next_ka_due_ms <= LATER_MS
    door.send(tcp(**segment))
    info = door.slot(ref)
    assert (info.ka_sent, info.state) == (0, SlotState.ACTIVE)
    due = (
        f"{what}: the next keep-alive is due in {info.next_ka_due_ms} ms, an idle time of {door.ka_max_ms} ms after it was heard"
    )
    assert door.ka_max_ms - LATER_MS < info.next_ka_due_ms <= door.ka_max_ms, due
    assert info.last_rx_age_ms < LATER_MS


@pytest.mark.edge(14)
@pytest.mark.parametrize("what", NOT_HEARD)
def test_what_anybody_could_make_up_does_not_restart_it(door: StandbyDoor, what: str) -> None:
    """Who knows addresses and ports, and not the numbers. The probe comes when it was due, whatever was answered meanwhile."""
    slot, segment = NOT_HEARD[what]
    before_ms = door.now_ms()
    ref = door.asleep(**{**due_in(SOON_MS), **slot})
    door.send(tcp(**segment))
    now = door.slot(ref)
    late = (
        f"{what} restarted the idle time, the probe is due in {now.next_ka_due_ms} ms: only what is acceptable does (contract 4)"
    )
    assert now.ka_sent or now.next_ka_due_ms <= SOON_MS, late
    probes = [sent for sent in door.take_sent() if sent_segment(sent.frame).seq == 999]
    probe = probes[0] if probes else door.next_sent(SOON_MS)
    assert probe.at_ms >= before_ms + SOON_MS - ROUNDING_MS
    assert sent_segment(probe.frame).seq == 999
    info = door.slot(ref)
    assert (info.ka_sent, info.state, door.wakes) == (1, SlotState.PROBING, 0)


@pytest.mark.edge(14)
def test_a_peer_that_speaks_in_time_is_never_probed(door: StandbyDoor) -> None:
    """Each probe comes at least an idle time after the last that was heard; when the peer stops, one does."""
    idle_ms = 150
    sent, heard_ms = [], door.now_ms()
    ref = door.asleep(ka_idle_ms=idle_ms, ka_intvl_ms=QUIET_MS)
    for _ in range(4):
        door.passes(idle_ms * 0.6)
        before_ms = door.now_ms()
        door.send(tcp(seq=4999))
        late = [frame for frame in door.take_sent() if sent_segment(frame.frame).seq == 999]
        assert all(frame.at_ms - heard_ms >= idle_ms for frame in late)
        sent += late
        heard_ms = before_ms
    last = door.next_sent(idle_ms)
    assert_plain_ack(last.frame, seq=999)
    assert last.at_ms - heard_ms >= idle_ms - ROUNDING_MS
    info = door.slot(ref)
    assert (info.peer_ka_answered, info.ka_sent, door.wakes) == (4, len(sent) + 1, 0)


@pytest.mark.edge(15)
def test_intervals_out_of_range_are_refused(door: StandbyDoor) -> None:
    """Both sides of both ends, and of each interval; a count of none is no count. What is refused leaves no slot behind."""
    wrong = {0, 1, door.ka_min_ms - 1, door.ka_max_ms + 1, 2**31 - 1, 2**31, 2**32 - 1} - {door.ka_min_ms}
    for ms in sorted(wrong):
        for name in ("ka_idle_ms", "ka_intvl_ms"):
            assert refusal(partial(door.add_slot, **{name: ms})) == "BAD_INTERVAL", (name, ms)
    assert refusal(lambda: door.add_slot(ka_cnt=0)) == "BAD_ARG"
    for number, ms in enumerate((door.ka_min_ms, door.ka_max_ms)):
        assert refusal(partial(door.add_slot, local_port=1 + number, ka_idle_ms=ms, ka_intvl_ms=ms)) == "OK"


@pytest.mark.edge(15)
def test_the_longest_interval_keeps_its_time(door: StandbyDoor) -> None:
    """A day less 50 ms of it is over at the handoff; and of another, none. What a 32-bit tick counted would be due at once."""
    before_ms = door.now_ms()
    longest = {"ka_idle_ms": door.ka_max_ms, "ka_intvl_ms": door.ka_max_ms}
    door.prepare()
    door.add_slot(idle_elapsed_ms=door.ka_max_ms - SOON_MS, **longest)
    idle = door.add_slot(local_port=40001, **longest)
    door.commit()
    probe = door.next_sent(SOON_MS)
    assert probe.at_ms >= before_ms + SOON_MS - ROUNDING_MS
    assert sent_segment(probe.frame).sport == 40000
    assert door.slot(idle).ka_sent == 0
    assert door.ka_max_ms - door.slot(idle).next_ka_due_ms < 60_000
    assert door.outcome(tcp(seq=4999)) == ("", 1)


@pytest.mark.edge(15)
def test_the_shortest_interval_is_one(door: StandbyDoor) -> None:
    """Idle once, three probes, and so long after the last of them a wake: no sooner, by the device's own clock."""
    least_ms, before_us = door.ka_min_ms, door.device_us()
    door.asleep(ka_idle_ms=least_ms, ka_intvl_ms=least_ms, ka_cnt=3)
    for _ in range(3):
        assert_plain_ack(door.next_sent(1000).frame, seq=999)
    woke = door.wake(1000)
    assert (woke.reason, door.take_sent(), door.wakes) == (WakeReason.KA_TIMEOUT, [], 1)
    assert woke.t_wake_us - before_us >= 4 * least_ms * 1000


@pytest.mark.edge(17)
def test_slots_that_are_due_at_once_are_each_probed_once(door: StandbyDoor) -> None:
    """As many as the device has. None starves, none is sent twice, and each goes on by its own answer."""
    before_ms = door.now_ms()
    ports = range(1000, 1000 + min(door.slots, 32))
    door.prepare()
    slots = [door.add_slot(local_port=port, **due_in(300)) for port in ports]
    door.commit()
    probes = [door.next_sent(300) for _ in ports]
    segments = [sent_segment(probe.frame) for probe in probes]
    assert Counter(segment.sport for segment in segments) == Counter(ports)
    assert all((segment.seq, segment.flags, segment.payload) == (999, "A", b"") for segment in segments)
    assert probes[0].at_ms >= before_ms + 300 - ROUNDING_MS
    assert [probe.at_ms for probe in probes] == sorted({probe.at_ms for probe in probes}), "no two at the same time"
    assert door.outcome(*[tcp(dport=port) for port in ports]) == ("", 0)
    for slot in slots:
        info = door.slot(slot)
        assert (info.ka_sent, info.ka_acked, info.state) == (1, 1, SlotState.ACTIVE)
    door.assert_counted(ka_tx=len(ports), ka_rx_ack=len(ports), tx_frames=len(ports))
