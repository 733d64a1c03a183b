"""Windows of a sleeping connection, repeated data, and frames that lie. Written against a door: `standby_door.py`."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from rig.device.numbers import SlotState
from rig.inject.decoded import summary
from rig.suite.peer_frames import HOST_IP, HOST_PORT, PEER_IP, PEER_PORT, assert_plain_ack, ether, tcp
from rig.suite.standby_door import PROBES_ONCE, SOON_MS, StandbyDoor

pytestmark = pytest.mark.topology("flat")


@pytest.mark.edge(9, 10)
@pytest.mark.parametrize("payload", [b"z", b"zz"], ids=["one byte", "two bytes"])
def test_a_probe_of_a_closed_window_is_answered_and_never_accepted(door: StandbyDoor, payload: bytes) -> None:
    """RFC 9293 3.8.6.1. The control: the same byte in an open window is data, one below it a keep-alive."""
    slot = door.asleep(rcv_wnd=0)
    made = door.made_of(tcp("PA", payload=payload))
    assert made.outcome == ("", 1)
    assert_plain_ack(made.answers[0], window=0)
    assert (door.slot(slot).rcv_nxt, door.slot(slot).state) == (5000, SlotState.ACTIVE)
    assert door.drain() == []
    door.assert_counted(zero_window_answered=1, rx_wake=0, tx_frames=1)


@pytest.mark.edge(9, 10)
def test_a_byte_in_the_smallest_window_is_data(door: StandbyDoor) -> None:
    """Negative control of a closed one."""
    door.asleep(rcv_wnd=1)
    assert door.outcome(tcp("PA", payload=b"z")) == ("TCP_DATA", 0)


@pytest.mark.edge(10)
def test_a_closed_window_is_never_opened(door: StandbyDoor) -> None:
    """By no probe, no answer to one, no challenge. The peer's answer to a probe is one, and gets none itself."""
    slot = door.asleep(rcv_wnd=0, **PROBES_ONCE)
    assert_plain_ack(door.next_sent(SOON_MS).frame, seq=999, window=0)
    assert door.outcome(tcp()) == ("", 0)
    assert door.slot(slot).ka_acked == 1
    for segment in (tcp(seq=4999), tcp(seq=4999, payload=b"g"), tcp("S", seq=1), tcp(ack=1001), tcp(seq=4990, payload=b"old")):
        made = door.made_of(segment)
        assert made.outcome == ("", 1)
        assert_plain_ack(made.answers[0], window=0)


EDGES = [
    ({"rcv_wnd": 8192}, 8192, 0),
    ({"rcv_wnd": 8192, "rcv_wscale": 2}, 2048, 2),
    ({"rcv_wnd": 1300, "rcv_wscale": 2, "rcv_wup": 4700}, 250, 2),
    ({"rcv_wnd": 1302, "rcv_wscale": 2, "rcv_wup": 4700}, 251, 2),
    ({"rcv_wnd": 65535}, 65535, 0),
    ({"rcv_wnd": 65535 << 14, "rcv_wscale": 14}, 65535, 14),
    ({"rcv_wnd": 3, "rcv_wscale": 1}, 2, 1),
]  # fmt: skip
"""(the window that the host promised, the field, its scale)."""


@pytest.mark.edge(40)
@pytest.mark.parametrize(("promised", "field", "scale"), EDGES)
def test_the_right_edge_never_goes_back(door: StandbyDoor, promised: dict[str, int], field: int, scale: int) -> None:
    """RFC 9293 3.8.6: RCV.NXT + RCV.WND may grow, and must not shrink. What the host promised at RCV.WUP is kept: by a probe, an
    answer and a challenge alike; of low bits that do not fit rounding takes none away."""
    door.asleep(**promised, **PROBES_ONCE)
    frames = [door.next_sent(SOON_MS).frame]
    for segment in (tcp(seq=4999), tcp("S", seq=1)):
        frames += door.made_of(segment).answers
    assert len(frames) == 3
    edge = promised.get("rcv_wup", 5000) + promised["rcv_wnd"]
    for frame, seq in zip(frames, (999, 1000, 1000), strict=True):
        sent = assert_plain_ack(frame, seq=seq, window=field)
        assert edge <= sent.ack + (sent.window << scale) < edge + (1 << scale)


@pytest.mark.edge(43)
def test_copies_of_the_waking_segment_are_one_wake(door: StandbyDoor) -> None:
    """What is new behind it is kept in order. A copy that is kept too stands behind it, for the kernel to drop."""
    slot = door.asleep()
    push, more = tcp("PA", payload=b"push", pad_to=60), tcp("PA", seq=5004, payload=b"more", pad_to=60)
    made = door.made_of(*[push] * 5)
    assert made.outcome == ("TCP_DATA", 0)
    assert door.outcome(more) == ("", 0)
    assert door.outcome(push, more) == ("", 0)
    kept = [frame.data for frame in door.drain()]
    assert (kept[0], list(dict.fromkeys(kept))) == (push, [push, more])
    assert (door.wakes, door.status().events_pending <= 1) == (1, True)
    assert (door.slot(slot).rcv_nxt, door.slot(slot).state) == (5000, SlotState.WOKEN)
    door.assert_counted(rx_wake=1, wake_tcp_data=1, tx_frames=0)


OPTIONS = {
    "length 0": b"\x08\x00\x00\x00",
    "length 1": b"\x05\x01\x00\x00",
    "past the end": b"\x02\x08\x00\x00",
    "past the end by one": b"\x01\x01\x05\x03",
    "timestamp of 9": b"\x08\x09" + bytes(10),
    "timestamp of 11": b"\x08\x0b" + bytes(10),
    "cut off": b"\x01\x01\x01\x08",
}


@pytest.mark.edge(45)
@pytest.mark.parametrize("name", OPTIONS)
def test_malformed_options_are_dropped(door: StandbyDoor, name: str) -> None:
    """RFC 9293 3.1: a length below 2 or beyond the header. Whole ones in their place, and an end before rubbish, are none."""
    slot = door.asleep()
    options = OPTIONS[name]
    assert door.outcome(with_options(options)) == ("", 0)
    assert door.slot(slot).state is SlotState.ACTIVE
    door.assert_counted(rx_bad_len=1, tx_frames=0, rx_wake=0)
    assert door.outcome(with_options(b"\x00" + options[1:])) == ("TCP_DATA", 0)


@pytest.mark.edge(45)
@pytest.mark.parametrize("words", [0, 1, 4, 6, 15])
def test_a_data_offset_outside_the_segment_is_dropped(door: StandbyDoor, words: int) -> None:
    """Below 5 there is no header, above it would end behind the packet. The control has 5."""
    door.asleep()
    good = tcp(payload=b"x")
    assert door.outcome(with_checksum(good[:46] + bytes([words << 4]) + good[47:])) == ("", 0)
    door.assert_counted(rx_bad_len=1, tx_frames=0)
    assert door.outcome(with_checksum(good[:46] + b"\x50" + good[47:])) == ("TCP_DATA", 0)


@pytest.mark.edge(46, 47)
def test_padding_is_no_payload_and_a_packet_longer_than_its_frame_is_none(door: StandbyDoor) -> None:
    """A byte short, and a total length that claims one more: both end behind the frame."""
    door.asleep()
    assert door.outcome(tcp(pad_to=60), tcp(pad_to=90)) == ("", 0)
    door.assert_counted(rx_bad_len=0, rx_slot_consumed=2)
    whole = tcp("PA", payload=bytes(20))
    claims = tcp("PA", payload=bytes(20), l3=_ip(len=20 + 20 + 21))
    assert door.outcome(whole[:-1], whole[:60], claims) == ("", 0)
    door.assert_counted(rx_bad_len=3, rx_wake=0, tx_frames=0)
    assert door.outcome(whole + b"\x55") == ("TCP_DATA", 0)


@pytest.mark.edge(49)
@pytest.mark.parametrize("kind", [3, 11, 12], ids=["unreachable", "time exceeded", "parameter problem"])
def test_icmp_errors_about_the_slot_do_not_end_it(door: StandbyDoor, kind: int) -> None:
    """RFC 5927: an error anybody can forge is no reason, hard or not. Fragmentation needed (3, 4) too: probes are small."""
    from scapy.layers.inet import IP, TCP

    slot = door.asleep()
    before = door.slot(slot)
    quoted = bytes(IP(src=HOST_IP, dst=PEER_IP) / TCP(sport=HOST_PORT, dport=PEER_PORT, seq=999))[:28]
    assert door.outcome(*[icmp_error(kind, code, quoted) for code in range(16)]) == ("", 0)
    after = door.slot(slot)
    assert (after.state, after.snd_una, after.snd_wnd, after.ka_sent) == (SlotState.ACTIVE, before.snd_una, before.snd_wnd, 0)
    door.assert_counted(rx_total=16, rx_wake=0, tx_frames=0, rx_dropped_policy=16)
    assert door.outcome(tcp(seq=4999)) == ("", 1)
    assert door.outcome(tcp(payload=b"x")) == ("TCP_DATA", 0)


@pytest.mark.edge(50)
@pytest.mark.parametrize("tos", [0, 1, 3], ids=["not ECT", "ECT(1)", "CE"])
@pytest.mark.parametrize("reserved", range(8))
def test_ecn_marks_and_reserved_bits_are_not_length(door: StandbyDoor, reserved: int, tos: int) -> None:
    """The low bits beside the data offset (AccECN's among them), and congestion marks of the path: the answer to a probe is one,
    and data is data."""
    slot = door.asleep(**PROBES_ONCE)
    door.next_sent(SOON_MS)
    assert door.outcome(tcp("AEC", reserved=reserved, l3=_ip(tos=tos))) == ("", 0)
    info = door.slot(slot)
    assert (info.state, info.ka_acked, info.rcv_nxt) == (SlotState.ACTIVE, 1, 5000)
    assert door.outcome(tcp("PA", payload=b"x", reserved=reserved, l3=_ip(tos=tos))) == ("TCP_DATA", 0)


def _ip(**fields: Any) -> Any:
    from scapy.layers.inet import IP

    return IP(src=PEER_IP, dst=HOST_IP, **fields)


def icmp_error(kind: int, code: int, quoted: bytes) -> bytes:
    """From a router; the next hop's MTU, where the kind has one, is 68."""
    from scapy.layers.inet import IP
    from scapy.packet import Raw
    from scapy.utils import checksum

    rest = bytes([0, 0, 0, 68]) + quoted
    right = checksum(bytes([kind, code, 0, 0]) + rest)
    message = bytes([kind, code]) + right.to_bytes(2, "big") + rest
    return bytes(ether() / IP(src="192.0.2.254", dst=HOST_IP, proto=1) / Raw(message))


def with_options(options: bytes) -> bytes:
    """A segment with one byte of data whose options are these bytes, a multiple of 4."""
    frame = tcp("PA", payload=b"x", options=(("NOP", None),) * len(options))
    return with_checksum(frame[:54] + options + frame[54 + len(options) :])


def with_checksum(frame: bytes) -> bytes:
    """With its TCP checksum made right by hand: scapy would mend what it does not understand."""
    from scapy.utils import checksum

    bare = frame[:50] + b"\0\0" + frame[52:]
    right = checksum(bare[26:34] + struct.pack("!HH", 6, len(bare) - 34) + bare[34:])
    return frame[:50] + right.to_bytes(2, "big") + frame[52:]


@pytest.mark.edge(42, 102)
@pytest.mark.parametrize("news", [{"flags": "FPA", "payload": b"bye"}, {"flags": "FA", "seq": 5003}, {"payload": b"bye bye"}],
                         ids=["the same with a FIN", "a FIN behind it", "the same and more"])  # fmt: skip
def test_what_is_new_in_a_repetition_is_kept_for_the_host(door: StandbyDoor, news: dict[str, Any]) -> None:
    """Contract section 3, a wake: what comes behind the waking frame is kept in order. Of the same bytes again one may be."""
    door.asleep()
    first, second = tcp("PA", payload=b"bye", pad_to=60), tcp(pad_to=60, **news)
    assert door.outcome(first) == ("TCP_DATA", 0)
    door.send(first, second)
    kept = [frame.data for frame in door.drain()]
    news_kept = (kept[0], kept[-1]) == (first, second)
    assert news_kept, f"kept for the host: {'; '.join(map(summary, kept))}; expected last: {summary(second)}"
    assert door.status().lost == 0


@pytest.mark.edge(11)
@pytest.mark.parametrize(
    ("slot", "segment", "taken"),
    [
        ({}, {}, True),
        ({}, {"seq": 5100}, True),
        ({}, {"ack": 999}, False),
        ({"snd_wl1": 5100}, {}, False),
        ({"snd_una": 2**32 - 10, "snd_nxt": 2**32 - 10}, {"ack": 2**32 - 10}, True),
        ({"snd_una": 5, "snd_nxt": 5}, {"ack": 2**32 - 10}, False),
    ],
    ids=["newest", "behind a hole", "older acknowledgement", "older segment", "below the wrap", "older, below the wrap"],
)  # fmt: skip
def test_the_peers_window_is_that_of_its_newest_segment(
    door: StandbyDoor, slot: dict[str, Any], segment: dict[str, Any], taken: bool
) -> None:
    """RFC 9293 3.10.7.4, SND.WL1 and SND.UNA: a segment that was overtaken must not bring back an older window."""
    ref = door.asleep(**slot)
    before = door.slot(ref).snd_wnd
    frame = tcp(window=77, **segment)
    assert door.outcome(frame) == ("", 0)
    window, right = door.slot(ref).snd_wnd, 77 if taken else before
    assert window == right, f"SND.WND is {window} after {summary(frame)}, {right} expected"
