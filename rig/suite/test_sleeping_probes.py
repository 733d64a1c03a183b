"""A sleeping device and its peer: probes, their answers, and the peer's own. Written against a door: `standby_door.py`."""

from __future__ import annotations

import pytest

from rig.device.numbers import SlotState
from rig.suite.peer_frames import sent_segment, tcp
from rig.suite.standby_door import PROBES_ONCE, SOON_MS, StandbyDoor

pytestmark = pytest.mark.topology("flat")

SACK_OF_THE_PROBE = (("NOP", None), ("NOP", None), ("SAck", (999, 1000)))


@pytest.mark.edge(5, 6)
def test_an_answer_with_a_sack_block_is_one_and_an_answer_with_data_is_data(door: StandbyDoor) -> None:
    """RFC 2018, RFC 2883: the duplicate byte is told; it is the answer and nothing else. New data is never swallowed as one."""
    slot = door.asleep(**PROBES_ONCE)
    door.next_sent(SOON_MS)
    assert door.slot(slot).state is SlotState.PROBING
    assert door.outcome(tcp(options=SACK_OF_THE_PROBE)) == ("", 0)
    info = door.slot(slot)
    assert (info.ka_sent, info.ka_acked, info.ka_lost, info.rcv_nxt) == (1, 1, 0, 5000)
    with_data = tcp("PA", payload=b"d", options=SACK_OF_THE_PROBE)
    assert door.outcome(with_data) == ("TCP_DATA", 0)
    assert [frame.data for frame in door.drain()] == [with_data]
    assert door.counted("wake_tcp_data", "ka_rx_ack", "tx_frames", "rx_wake") == (1, 1, 1, 1)


@pytest.mark.edge(7, 8)
@pytest.mark.parametrize("payload", [b"", b"\x00", b"G"], ids=["empty", "zero", "letter"])
@pytest.mark.parametrize("pad_to", [0, 60])
def test_a_keep_alive_of_the_peer_is_answered_and_sleeps_on(door: StandbyDoor, payload: bytes, pad_to: int) -> None:
    """RFC 9293 3.8.4: just below RCV.NXT, empty or with one byte of garbage. A byte at RCV.NXT is data."""
    slot = door.asleep()
    made = door.made_of(tcp(seq=4999, payload=payload, pad_to=pad_to))
    assert made.outcome == ("", 1)
    answer = sent_segment(made.answers[0])
    assert (answer.seq, answer.ack, answer.flags, answer.window, answer.payload) == (1000, 5000, "A", 8192, b"")
    info = door.slot(slot)
    assert (info.peer_ka_answered, info.rcv_nxt, info.dup_data) == (1, 5000, 0)
    assert door.counted("peer_ka_answered", "tx_frames", "rx_slot_consumed", "rx_wake") == (1, 1, 1, 0)
    assert door.outcome(tcp(payload=payload, pad_to=pad_to)) == ("TCP_DATA" if payload else "", 0)


@pytest.mark.edge(11)
def test_the_peers_closed_window_is_recorded_and_probing_goes_on(door: StandbyDoor) -> None:
    """Its opening again wakes nobody: the host has nothing to send. The closed window comes well before the first probe."""
    slot = door.asleep(snd_wscale=3, ka_idle_ms=2000)
    assert door.outcome(tcp(window=0)) == ("", 0)
    assert door.slot(slot).snd_wnd == 0
    probe = sent_segment(door.next_sent(2000).frame)
    assert (probe.seq, probe.flags, probe.payload) == (999, "A", b"")
    assert door.outcome(tcp(window=100)) == ("", 0)
    info = door.slot(slot)
    assert (info.snd_wnd, info.ka_acked, door.wakes) == (800, 1, 0)
