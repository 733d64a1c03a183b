"""What a sleeping device makes of segments for its slot, case by case: RFC 9293 3.10.7.4 and RFC 5961.

Written against a door: `standby_door.py`. RCV.NXT is 5000 and RCV.WND 8192, SND.UNA = SND.NXT 1000, MAX.SND.WND 65535.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest

from rig.device.numbers import OffloadRc, SlotFlag, SlotState, WakeReason
from rig.suite.peer_frames import HOST_IP, HOST_MAC, PEER_IP, assert_plain_ack, ether, tcp
from rig.suite.standby_door import QUIET_MS, Outcome, StandbyDoor, connection, refusal

pytestmark = pytest.mark.topology("flat")

CHALLENGES_A_SECOND, ACKS_A_SECOND = 10, 50
"""What a slot sends at most (firmware/proto/README.md, section 4)."""

RST, DATA, FIN = Outcome("TCP_RST", 0), Outcome("TCP_DATA", 0), Outcome("TCP_FIN", 0)
NOTHING, ACK = Outcome("", 0), Outcome("", 1)


class Cell(NamedTuple):
    """A segment, and what a sleeping device makes of it."""

    name: str
    flags: str
    seq: int
    ack: int
    payload: bytes
    expected: Outcome
    counter: str
    """The one that tells."""


RESETS = [
    Cell("at RCV.NXT", "R", 5000, 0, b"", RST, "wake_tcp_rst"),
    Cell("at RCV.NXT, with ACK and data", "RA", 5000, 77, b"bye", RST, "wake_tcp_rst"),
]
RESETS_IN_WINDOW = [
    Cell("behind RCV.NXT", "R", 5001, 0, b"", ACK, "rst_challenged"),
    Cell("at the last byte of the window", "RA", 5000 + 8191, 1000, b"", ACK, "rst_challenged"),
]
RESETS_OUTSIDE = [
    Cell("beyond the window", "R", 5000 + 8192, 0, b"", NOTHING, "rst_out_of_window"),
    Cell("below the window", "RA", 4999, 1000, b"", NOTHING, "rst_out_of_window"),
    Cell("far away", "R", 5000 + 2**31, 0, b"", NOTHING, "rst_out_of_window"),
]
SYNS = [
    Cell("at RCV.NXT", "S", 5000, 0, b"", ACK, "syn_challenged"),
    Cell("in window", "S", 5100, 0, b"", ACK, "syn_challenged"),
    Cell("outside", "S", 123456789, 0, b"", ACK, "syn_challenged"),
    Cell("with ACK and data", "SA", 5000, 1000, b"hello", ACK, "syn_challenged"),
]
SYN_ACKS = [Cell("of the handshake", "SA", 4999, 1000, b"", ACK, "syn_challenged")]
BAD_ACKS = [
    Cell("beyond SND.NXT", "A", 5000, 1001, b"", ACK, "ack_invalid"),
    Cell("beyond SND.NXT, with data", "A", 5000, 1001, b"x", ACK, "ack_invalid"),
    Cell("older than the largest window", "A", 5000, 1000 - 65536, b"x", ACK, "ack_invalid"),
    Cell("half a round away", "A", 5000, 1000 + 2**31, b"x", ACK, "ack_invalid"),
]
OLD_ACKS = [
    Cell("as old as allowed, with data", "A", 5000, 1000 - 65535, b"x", DATA, "wake_tcp_data"),
    Cell("of all that was sent", "A", 5000, 1000, b"", NOTHING, "rx_slot_consumed"),
]
STRANGE_FLAGS = [
    Cell("none", "", 5000, 1000, b"x", NOTHING, "tcp_bad_flags"),
    Cell("FIN without ACK", "F", 5000, 1000, b"", NOTHING, "tcp_bad_flags"),
    Cell("FIN without ACK, beyond the window", "F", 5000 + 8192, 1000, b"", ACK, "tcp_out_of_window"),
    Cell("none, old data", "", 4990, 1000, b"hello", ACK, "dup_data_acked"),
    Cell("FIN SYN RST", "FSRPAU", 5000, 1000, b"", RST, "wake_tcp_rst"),
    Cell("FIN RST", "FRA", 5000, 1000, b"", RST, "wake_tcp_rst"),
    Cell("FIN RST in window", "FR", 5001, 1000, b"", ACK, "rst_challenged"),
    Cell("SYN RST", "SR", 5000, 0, b"", RST, "wake_tcp_rst"),
    Cell("SYN RST below the window", "SRA", 4999, 1000, b"", NOTHING, "rst_out_of_window"),
    Cell("SYN FIN", "SF", 5000, 0, b"", ACK, "syn_challenged"),
    Cell("SYN FIN outside", "SFA", 123456789, 1000, b"bye", ACK, "syn_challenged"),
]
ALL_DATA = [
    Cell("the next", "PA", 5000, 1000, b"hello", DATA, "wake_tcp_data"),
    Cell("out of order", "A", 5100, 1000, b"hello", DATA, "wake_tcp_data"),
    Cell("the window's last byte", "A", 5000 + 8191, 1000, b"x", DATA, "wake_tcp_data"),
    Cell("partly old", "A", 4998, 1000, b"hello", DATA, "wake_tcp_data"),
    Cell("old but for its last byte", "A", 4996, 1000, b"hello", DATA, "wake_tcp_data"),
    Cell("old", "A", 4990, 1000, b"hello", ACK, "dup_data_acked"),
    Cell("old up to RCV.NXT", "A", 4995, 1000, b"hello", ACK, "dup_data_acked"),
    Cell("beyond the window", "A", 5000 + 8192, 1000, b"x", ACK, "tcp_out_of_window"),
]
FINS = [
    Cell("at RCV.NXT", "FA", 5000, 1000, b"", FIN, "wake_tcp_fin"),
    Cell("beyond the window", "FA", 5000 + 8192, 1000, b"", ACK, "tcp_out_of_window"),
    Cell("behind data", "FPA", 5000, 1000, b"x", DATA, "wake_tcp_data"),
    Cell("behind old data", "FPA", 4995, 1000, b"HELLO", FIN, "wake_tcp_fin"),
    Cell("behind old data and a new byte", "FPA", 4996, 1000, b"HELLO", DATA, "wake_tcp_data"),
    Cell("old, behind old data", "FPA", 4994, 1000, b"HELLO", ACK, "dup_data_acked"),
]
CELLS = [
    *[*RESETS, *RESETS_IN_WINDOW, *RESETS_OUTSIDE, *SYNS, *SYN_ACKS, *BAD_ACKS],
    *[*OLD_ACKS, *STRANGE_FLAGS, *ALL_DATA, *FINS],
]


def each_of(cells: list[Cell]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", cells, ids=[cell.name for cell in cells])


def assert_made(door: StandbyDoor, cell: Cell) -> None:
    """Answers are ACKs of what the host has; RCV.NXT never moves, whatever comes."""
    slot, expected = door.asleep(), cell.expected
    made = door.made_of(tcp(cell.flags, cell.seq, cell.ack, cell.payload, pad_to=60))
    assert made.outcome == expected
    for answer in made.answers:
        assert_plain_ack(answer)
    info = door.slot(slot)
    ended = SlotState.BROKEN if expected == RST else SlotState.WOKEN if expected.wake else SlotState.ACTIVE
    assert (info.state, info.rcv_nxt, info.snd_una, info.snd_nxt) == (ended, 5000, 1000, 1000)
    assert info.close_reason is (WakeReason.TCP_RST if expected == RST else WakeReason.NONE)
    door.assert_counted(**{cell.counter: 1, "tx_frames": expected.answers, "rx_wake": int(bool(expected.wake))})


@pytest.mark.edge(23, 27)
@each_of(RESETS)
def test_a_reset_at_the_next_byte_ends_the_slot_whatever_comes_with_it(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(24)
@each_of(RESETS_IN_WINDOW)
def test_a_reset_elsewhere_in_the_window_is_challenged(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(25)
@each_of(RESETS_OUTSIDE)
def test_a_reset_outside_the_window_is_dropped(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(28)
@each_of(SYNS)
def test_a_syn_is_challenged_wherever_it_lies(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(29)
@each_of(SYN_ACKS)
def test_a_syn_ack_that_comes_again_is_acknowledged(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(30)
@each_of(BAD_ACKS)
def test_an_ack_too_new_or_too_old_is_challenged(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(30)
@each_of(OLD_ACKS)
def test_an_ack_within_both_bounds_is_taken(door: StandbyDoor, cell: Cell) -> None:
    """Negative control of the one before."""
    assert_made(door, cell)


@pytest.mark.edge(31)
@each_of(STRANGE_FLAGS)
def test_of_strange_flags_the_reset_counts_and_then_the_syn(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(41)
@each_of(ALL_DATA)
def test_data_wakes_when_a_byte_of_it_is_new(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


@pytest.mark.edge(42)
@each_of(FINS)
def test_a_fin_wakes_at_the_next_byte_and_is_not_acknowledged(door: StandbyDoor, cell: Cell) -> None:
    assert_made(door, cell)


OTHERS: dict[str, dict[str, Any]] = {
    "port": {"dport": 40001},
    "the peer's port": {"sport": 444},
    "the peer": {"src": "192.0.2.3"},
    "the address": {"dst": "192.0.2.4"},
    "to everybody": {"mac": b"\xff" * 6},
}


@pytest.mark.edge(23, 24, 28, 30, 41, 42)
@pytest.mark.parametrize("other", OTHERS)
def test_the_same_segments_of_another_connection_do_nothing(door: StandbyDoor, other: str) -> None:
    """Negative control of every cell."""
    from scapy.layers.inet import IP

    slot = door.asleep()
    differs = dict(OTHERS[other])
    l3 = IP(src=differs.pop("src", PEER_IP), dst=differs.pop("dst", HOST_IP))
    l2 = ether(differs.pop("mac", HOST_MAC))
    frames = [tcp(cell.flags, cell.seq, cell.ack, cell.payload, l3=l3, l2=l2, **differs) for cell in CELLS]
    assert door.outcome(*frames) == NOTHING
    assert door.slot(slot).state is SlotState.ACTIVE
    door.assert_counted(rx_dropped_policy=len(CELLS), tx_frames=0)


FLOODS: dict[str, tuple[dict[str, Any], int]] = {
    "resets": ({"flags": "R", "seq": 5001}, CHALLENGES_A_SECOND),
    "SYNs": ({"flags": "S", "seq": 1}, CHALLENGES_A_SECOND),
    "beyond the window": ({"seq": 5000 + 8192, "payload": b"x"}, CHALLENGES_A_SECOND),
    "bad ACKs": ({"ack": 1001}, CHALLENGES_A_SECOND),
    "keep-alives": ({"seq": 4999}, ACKS_A_SECOND),
    "old data": ({"seq": 4990, "payload": b"old"}, ACKS_A_SECOND),
}


@pytest.mark.edge(32)
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_has_a_limit_and_the_other_slot_its_own(door: StandbyDoor, flood: str) -> None:
    """RFC 5961 7. A limit for all slots together would tell a stranger that another connection is being answered."""
    segment, limit = FLOODS[flood]
    door.prepare()
    slots = [door.add_slot(ka_idle_ms=QUIET_MS), door.add_slot(ka_idle_ms=QUIET_MS, local_port=40001)]
    door.commit()
    start_ms = door.now_ms()
    wake, answers = door.outcome(*[tcp(**segment)] * 400)
    seconds = math.ceil((door.now_ms() - start_ms) / 1000)
    assert wake == ""
    assert 0 < answers <= limit * (1 + seconds)
    assert door.outcome(tcp(dport=40001, **segment)) == ACK
    assert {door.slot(slot).state for slot in slots} == {SlotState.ACTIVE}
    door.assert_counted(tx_frames=answers + 1, rx_wake=0, ack_rate_limited=400 - answers)


@pytest.mark.edge(32)
def test_after_a_second_challenges_go_on(door: StandbyDoor) -> None:
    """Else the first flood would leave the connection deaf."""
    door.asleep()
    door.send(*[tcp("R", seq=5001)] * 200)
    door.passes(1100)
    assert door.outcome(tcp("R", seq=5001)) == ACK


@pytest.mark.edge(33)
@pytest.mark.limit_s(30)
def test_two_ends_that_disagree_do_not_talk_for_ever(door: StandbyDoor) -> None:
    """Each takes the other's ACK for an invalid one and answers it, this one thirty times: the slot's limit ends it."""
    slot = door.asleep()
    start_ms, answers, unanswered = door.now_ms(), 0, tcp(ack=700_000)
    while came := door.outcome(*[unanswered] * 30)[1]:
        answers += came
        assert answers <= CHALLENGES_A_SECOND * (2 + (door.now_ms() - start_ms) / 1000)
    assert answers > 0
    assert (door.wakes, door.slot(slot).state, door.slot(slot).snd_una) == (0, SlotState.ACTIVE, 1000)


@pytest.mark.edge(23)
def test_a_slot_that_was_reset_is_over(door: StandbyDoor) -> None:
    """Nothing is sent for it any more, and nothing of it wakes a second time. Its handle holds until release."""
    slot = door.asleep()
    assert door.outcome(tcp("R")) == RST
    for segment in (tcp("R"), tcp(payload=b"late"), tcp(seq=4999), tcp("S", seq=1)):
        assert door.made_of(segment).outcome == NOTHING
    door.host_awake()
    (row,) = (row for row in door.release().slots if row.ref == slot)
    assert (row.state, row.close_reason) == (SlotState.BROKEN, WakeReason.TCP_RST)
    assert refusal(lambda: door.slot(slot)) == OffloadRc.STALE_HANDLE.name


@pytest.mark.edge(23)
@pytest.mark.parametrize(
    ("flags", "reason"), [("R", "TCP_RST"), ("FA", "TCP_FIN"), ("PA", "TCP_DATA")], ids=["RST", "FIN", "data"]
)
def test_a_reservation_outlives_its_connection(door: StandbyDoor, flags: str, reason: str) -> None:
    """Contract section 3, release: a slot with KEEP keeps its place and handle, IDLE, whatever has become of its connection; the
    host adds its next one there. Without KEEP, the test before, it is gone."""
    slot = door.asleep(flags=connection().flags | SlotFlag.KEEP)
    assert door.made_of(tcp(flags, payload=b"x" if flags == "PA" else b"")).wake == reason
    door.host_awake()
    assert [row.ref for row in door.release().slots if row.ref == slot] == [slot]
    assert refusal(lambda: door.slot(slot)) == "OK", f"slot {slot} has KEEP, was woken by {reason}, and is gone after release"
    assert door.slot(slot).state is SlotState.IDLE
