"""Bitmap patterns of a sleeping device: their limits, masks and ids, and which of several wakes. Written against a door:
`standby_door.py`."""

from __future__ import annotations

import random

import pytest

from rig.device.numbers import EventFlag, WakeReason
from rig.device.offload_types import Pattern
from rig.inject.frames import pad
from rig.suite.neighbour_frames import arp
from rig.suite.peer_frames import HOST_IP6, PEER_IP6, ether, tcp, udp
from rig.suite.standby_door import StandbyDoor, refusal

pytestmark = pytest.mark.topology("flat")

BODY_AT = 42
"""Where the payload of a datagram begins."""
SEGMENT_BODY_AT = 54
LARGEST_FRAME = 1514


def bitmap(
    pattern_id: int, data: bytes, mask: bytes | None = None, offset: int = BODY_AT, priority: int | None = None
) -> Pattern:
    """`mask` as it goes to the device; None: every byte counts."""
    made = Pattern.bitmap(pattern_id, data, offset=offset)
    return Pattern(**{**made.__dict__, "mask": made.mask if mask is None else mask, "priority": priority})


def woken_by(door: StandbyDoor, frame: bytes) -> int | None:
    """The pattern that woke for the frame, after which the device sleeps again; None: it slept on."""
    before = door.wakes
    door.send(frame)
    if door.wakes == before:
        return None
    event = door.event()
    assert event.reason == WakeReason.PACKET
    (kept,) = door.drain()
    assert (kept.data, kept.orig_len, kept.pattern_id) == (frame, len(frame), event.pattern_id)
    door.sleeps_on()
    return event.pattern_id


@pytest.mark.edge(62)
def test_the_greatest_offset_is_taken_as_it_is_and_one_more_refused(door: StandbyDoor) -> None:
    """Cards that shorten it match somewhere else."""
    most = door.limit("max_pattern_offset")
    assert refusal(lambda: door.add(bitmap(1, b"x", offset=most))) == "OK"
    assert refusal(lambda: door.add(bitmap(2, b"x", offset=most + 1))) == "BAD_LEN"
    door.add(bitmap(3, b"z", offset=LARGEST_FRAME - 1))
    door.sleep()
    full = LARGEST_FRAME - BODY_AT
    assert door.outcome(udp(b"x" * full)) == ("", 0)
    assert woken_by(door, udp(b"x" * (full - 1) + b"z")) == 3
    assert door.hits() == {1: 0, 3: 1}


@pytest.mark.edge(63)
def test_a_mask_is_read_from_its_least_bit(door: StandbyDoor) -> None:
    """ED 01 over 11 bytes: of these 0, 2, 3, 5, 6, 7 and 8 are compared. Bits above the length are void, or refused."""
    data, compared = bytes(range(11)), {0, 2, 3, 5, 6, 7, 8}
    door.add(bitmap(1, data, b"\xed\x01"))
    void = refusal(lambda: door.add(bitmap(2, bytes(range(100, 111)), b"\xed\xf9")))
    assert void in ("OK", "BAD_ARG")
    door.sleep()
    near = [udp(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]) for at in range(11)]
    door.send(*(near[at] for at in sorted(compared)))
    assert (door.wakes, door.hits()[1]) == (0, 0)
    for at in sorted(set(range(11)) - compared):
        assert woken_by(door, near[at]) == 1, f"byte {at} is not compared"
    if void == "OK":
        assert woken_by(door, udp(bytes(range(100, 111)))) == 2


@pytest.mark.edge(64, 107)
def test_a_pattern_that_compares_nothing_is_refused_and_so_is_one_that_is_too_long(door: StandbyDoor) -> None:
    most = door.limit("max_pattern_bytes")
    refused = {
        "no bytes": (b"", b""), "too many bytes": (bytes(most + 1), None), "a mask that is short of a byte": (bytes(9), b"\xff"),
        "a mask with a byte too many": (bytes(8), b"\xff\xff"),
    }  # fmt: skip
    for what, (data, mask) in refused.items():
        assert refusal(lambda data=data, mask=mask: door.add(bitmap(1, data, mask))) == "BAD_LEN", what  # type: ignore[misc]
    for what, (data, mask) in {"all zero": (bytes(8), b"\0"), "zero but above the length": (bytes(7), b"\x80")}.items():
        assert refusal(lambda data=data, mask=mask: door.add(bitmap(1, data, mask))) == "BAD_ARG", what  # type: ignore[misc]
    assert refusal(lambda: door.add(bitmap(0xFFFFFFFF, b"x"))) == "BAD_ARG", "the id of no pattern"
    assert door.hits() == {}
    assert refusal(lambda: door.add(bitmap(1, bytes(most)))) == "OK"


@pytest.mark.edge(65)
def test_a_byte_that_is_not_compared_is_one_byte(door: StandbyDoor) -> None:
    """00:11:22:-:44 stands for five bytes: not for six with two in the gap, not for four with none."""
    door.add(bitmap(5, bytes.fromhex("0011220044"), b"\x17"))
    door.sleep()
    door.send(udp(bytes.fromhex("001122333344")), udp(bytes.fromhex("00112244")))
    assert (door.wakes, door.hits()) == (0, {5: 0})
    assert woken_by(door, udp(bytes.fromhex("0011229944"))) == 5


@pytest.mark.edge(66)
def test_of_several_that_match_the_first_by_priority_and_then_by_id_is_reported(door: StandbyDoor) -> None:
    """All that match count a hit."""
    for pattern in (bitmap(9, b"abc"), bitmap(3, b"ab"), bitmap(7, b"a", priority=2), bitmap(4, b"z")):
        door.add(pattern)
    door.sleep()
    assert woken_by(door, udp(b"abc")) == 7
    assert door.hits() == {9: 1, 3: 1, 7: 1, 4: 0}
    door.remove_pattern(7)
    assert woken_by(door, udp(b"abc")) == 3
    assert door.hits() == {9: 2, 3: 2, 4: 0}


@pytest.mark.edge(68)
def test_ids_keep_their_patterns(door: StandbyDoor) -> None:
    """Twice the same, one too many, out of the middle, none while frames are judged."""
    count = door.limit("max_patterns")
    ids = list(range(100, 100 + count))
    for n, pattern_id in enumerate(ids):
        door.add(bitmap(pattern_id, bytes([n])))
    assert refusal(lambda: door.add(bitmap(100, b"x"))) == "DUP_ID"
    assert refusal(lambda: door.add(bitmap(999, b"x"))) == "LIST_FULL"
    middle = ids[count // 2]
    door.remove_pattern(middle)
    assert refusal(lambda: door.remove_pattern(middle)) == "NOT_FOUND"
    door.add(bitmap(999, b"\xf0"))
    door.sleep()
    assert refusal(lambda: door.add(bitmap(1000, b"x"))) == "NOT_ACCEPTED"
    assert door.hits() == dict.fromkeys([*(one for one in ids if one != middle), 999], 0)
    for n in (0, count // 2 - 1, count // 2 + 1, count - 1):
        assert woken_by(door, udp(bytes([n]))) == ids[n]
    assert woken_by(door, udp(bytes([count // 2]))) is None
    assert woken_by(door, udp(b"\xf0")) == 999


@pytest.mark.edge(69)
@pytest.mark.parametrize("seed", [69, 96])
def test_one_bit_within_the_mask_is_a_miss_and_without_it_is_none(door: StandbyDoor, seed: int) -> None:
    """Each of the bits within, some of those without; where a card compares a checksum of the pattern, some of these wake."""
    chance = random.Random(seed)
    most = door.limit("max_pattern_bytes")
    data, mask = chance.randbytes(most), chance.randbytes(most // 8)
    inside = [at for at in range(most) if mask[at // 8] >> at % 8 & 1]
    outside = sorted(set(range(most)) - set(inside))
    door.add(bitmap(1, data, mask))
    door.sleep()

    def flipped(at: int, bits: int) -> bytes:
        return udp(data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :])

    door.send(*(flipped(at, 1 << bit) for at in inside for bit in range(8)))
    assert (door.wakes, door.hits()) == (0, {1: 0})
    sample = [outside[0], outside[-1], *chance.sample(outside, 4)]
    for at in sample:
        assert woken_by(door, flipped(at, 1 << chance.randrange(8))) == 1, f"byte {at} is not compared"
    assert door.hits() == {1: len(sample)}


@pytest.mark.edge(74)
def test_a_pattern_in_data_that_was_acknowledged_does_not_wake(door: StandbyDoor) -> None:
    """A retransmission of old bytes belongs to its connection: it is acknowledged, and no pattern looks at it."""
    door.add(bitmap(5, b"old", offset=SEGMENT_BODY_AT))
    door.asleep()
    assert door.outcome(tcp("PA", seq=4997, payload=b"old")) == ("", 1)
    assert (door.hits(), door.counted("dup_data_acked", "wake_packet", "rx_wake")) == ({5: 0}, (1, 0, 0))
    assert door.outcome(tcp("PA", payload=b"old", sport=444)) == ("PACKET", 0), "the same bytes of another connection"
    assert door.hits() == {5: 1}


@pytest.mark.edge(61)
@pytest.mark.parametrize("behind", [0, 1, 4])
def test_a_pattern_that_ends_in_the_padding_does_not_match(door: StandbyDoor, behind: int) -> None:
    """A datagram of six bytes, which the MAC fills up with zeros: a pattern that ends in zeros behind it finds none there."""
    door.add(bitmap(5, b"padded" + bytes(behind)))
    door.sleep()
    frame = udp(b"padded")
    assert frame.endswith(b"padded" + bytes(12)), "there is padding to be read"
    woke = woken_by(door, frame)
    where = f"ends {behind} bytes behind the packet, in its padding" if behind else "ends with the packet"
    assert woke == (None if behind else 5), f"bitmap of {6 + behind} bytes at {BODY_AT} {where}: woken by pattern {woke}"


@pytest.mark.edge(61)
@pytest.mark.parametrize("behind", [0, 1])
def test_nor_does_one_in_the_padding_of_an_arp_frame(door: StandbyDoor, behind: int) -> None:
    """A packet of 28 bytes (RFC 826), which ends with the address that is asked for."""
    asked = bytes([192, 0, 2, 77])
    door.add(bitmap(5, asked + bytes(behind), offset=38))
    door.sleep()
    frame = pad(arp(tpa="192.0.2.77"))
    assert frame[38:] == asked + bytes(18), "there is padding to be read"
    woke = woken_by(door, frame)
    assert woke == (None if behind else 5), f"bitmap that ends {behind} bytes behind the ARP packet: woken by pattern {woke}"


HEADERS = {"hop by hop": 0, "routing": 43, "fragment": 44, "destination options": 60}
HEADER_BYTES = 8


@pytest.mark.edge(52)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("before", [0, 1], ids=["the first", "behind another"])
def test_no_pattern_matches_a_packet_that_ends_in_an_extension_header(door: StandbyDoor, header: str, before: int) -> None:
    """RFC 8200 4: none is shorter than 8 bytes. What is missing stands behind the packet, as padding. Contract section 4: a
    broken frame does not wake. The control is the same bytes, all of which are the packet's."""
    door.add(bitmap(5, b"\x86\xdd", offset=12))
    door.sleep()
    whole = _behind([60] * before + [HEADERS[header]])
    for length in range(1, HEADER_BYTES):
        woke = woken_by(door, _ending(whole, HEADER_BYTES * before + length))
        assert woke is None, f"a packet that ends {length} bytes into its {header} header matches a pattern"
    door.assert_counted(rx_bad_len=HEADER_BYTES - 1)
    assert woken_by(door, whole) == 5


def _behind(chain: list[int]) -> bytes:
    """A datagram behind these extension headers. Of zeros: six options Pad1, no way to go, the whole of a packet."""
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Raw

    headers = b"".join(bytes([following]) + bytes(7) for following in [*chain[1:], 17])
    datagram = bytes(IPv6(src=PEER_IP6, dst=HOST_IP6) / UDP(sport=1, dport=9) / Raw(b"data"))[40:]
    return bytes(ether() / IPv6(src=PEER_IP6, dst=HOST_IP6, nh=chain[0]) / Raw(headers + datagram))


def _ending(frame: bytes, length: int) -> bytes:
    """The same bytes, of which so many belong to the IPv6 packet behind its header."""
    return frame[:18] + length.to_bytes(2, "big") + frame[20:]


@pytest.mark.edge(63, 69)
def test_the_last_byte_of_a_pattern_of_any_length_is_compared(door: StandbyDoor) -> None:
    """Cards take masks and bytes in words: what is left of the last word counts too. Compared are four bytes at the beginning
    and the last; what lies between is free."""
    lengths = range(6, 6 + min(30, door.limit("max_patterns"), door.limit("max_pattern_bytes") - 5))
    for length in lengths:
        mask = (0xF | 1 << length - 1).to_bytes((length + 7) // 8, "little")
        door.add(bitmap(length, _tagged(length, 0, 0x5A), mask))
    door.sleep()
    door.send(*(udp(_tagged(length, 0, 0x5A ^ 1 << length % 8)) for length in lengths))
    wrong = [length for length, hits in door.hits().items() if hits]
    assert not wrong, f"patterns of these lengths match a frame whose last byte is another: {wrong}"
    for length in lengths:
        assert woken_by(door, udp(_tagged(length, 0xFF, 0x5A))) == length


def _tagged(length: int, between: int, last: int) -> bytes:
    """So many bytes that begin as no others do."""
    return bytes([0xA5, length, length ^ 0xFF, 0xC3]) + bytes([between]) * (length - 5) + bytes([last])


@pytest.mark.edge(102)
@pytest.mark.parametrize("group", [False, True], ids=["to the host", "to a group"])
def test_an_event_says_whether_its_frame_was_for_a_group(door: StandbyDoor, group: bool) -> None:
    door.add(bitmap(5, b"news"))
    door.sleep()
    frame = udp(b"news")
    door.send(b"\x01\x00\x5e\x00\x00\xfb" + frame[6:] if group else frame)
    event = door.event()
    told = bool(event.l2_flags & EventFlag.MULTICAST)
    assert told is group, f"l2_flags of the event: {event.l2_flags:#x}; bit 0 is for a frame to a group (offload.cddl)"
    assert event.subreason == 0


@pytest.mark.edge(89, 102)
def test_an_event_says_that_its_frame_came_before_the_sleep(door: StandbyDoor) -> None:
    """Contract section 3, commit: WAKE_PENDING, and the event is there. The control is the test before."""
    door.add(bitmap(5, b"news"))
    door.prepare()
    door.send(udp(b"news"))
    assert refusal(door.commit) == "WAKE_PENDING"
    event = door.event()
    told = f"reason {event.reason:#06x}, subreason {event.subreason:#06x}"
    assert (event.reason, event.subreason) == (WakeReason.PACKET, WakeReason.RX_WHILE_PREPARE), told
