"""What a sleeping device sends, compares and keeps, to the byte. Written against a door: `standby_door.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.device.numbers import SlotFlag
from rig.device.pattern import Pattern
from rig.suite.peer_frames import HOST_IP6, HOST_MAC, PEER_IP6, PEER_MAC, Segment, differences, ether, sent_segment, tcp
from rig.suite.standby_door import QUIET_MS, SOON_MS, StandbyDoor

pytestmark = pytest.mark.topology("flat")

TSVAL, TS_RECENT = 4_000_000_000, 77
TTL, TOS, IP_ID, PORT = 57, 0x28, 65_535, 9
PATTERN_BYTES, PATTERN_OFFSET = 128, 14
MASK = [(n * n + n // 8) % 3 != 0 for n in range(PATTERN_BYTES)]
"""Of each eight bits another pattern of ones, and none that reads the same from its other end."""


@pytest.mark.edge(1, 38)
@pytest.mark.parametrize("ends", [{}, {"local": HOST_IP6, "remote": PEER_IP6}], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("stamps", [True, False], ids=["timestamps", "none"])
def test_each_field_of_a_probe_is_what_the_host_would_send(door: StandbyDoor, ends: dict[str, Any], stamps: bool) -> None:
    """RFC 9293 3.8.4, RFC 7323 3: TSval goes on from where the host's clock was, in real time, and never stands still."""
    door.asleep(
        ka_idle_ms=SOON_MS, idle_elapsed_ms=0, ka_intvl_ms=SOON_MS, ka_cnt=9, ts_on=stamps, tsval=TSVAL, ts_recent=TS_RECENT,
        ttl=TTL, tos=TOS, ip_id=IP_ID, rcv_wnd=65_000, rcv_wscale=3, **ends,
    )  # fmt: skip
    first, second = (sent_segment(door.next_sent(SOON_MS).frame) for _ in range(2))
    v4 = not ends
    expected = Segment(
        macs=PEER_MAC + HOST_MAC, src=first.src, dst=first.dst, sport=40000, dport=443, seq=999, ack=5000, flags="A",
        window=65_000 // 8, urgent=0, payload=b"", options=first.options, ttl=TTL, tos=TOS, ip_id=IP_ID if v4 else 0, df=True,
        fragmented=False,
    )  # fmt: skip
    wrong = differences(first, expected)
    assert not wrong, f"the first probe: {wrong}"
    wrong = differences(replace(second, options=first.options), replace(expected, ip_id=(IP_ID + 1) % 2**16 if v4 else 0))
    assert not wrong, f"the second probe: {wrong}"
    assert list(first.options) == (["Timestamp"] if stamps else []), "TCP options of a probe, those that the connection has"
    if stamps:
        (tsval, echo), (later, echo_again) = first.options["Timestamp"], second.options["Timestamp"]
        assert (echo, echo_again) == (TS_RECENT, TS_RECENT)
        past_ms, between_ms = tsval - TSVAL, later - tsval
        assert 0 < past_ms <= door.device_us() // 1000, f"the first probe's TSval is {past_ms} ms behind the hand-over"
        assert 0 < between_ms <= door.device_us() // 1000, (
            f"the second's is {between_ms} ms behind the first's: the clock stands still"
        )


@pytest.mark.edge(61)
@pytest.mark.device_can(pattern_bytes=PATTERN_BYTES)
def test_each_byte_of_a_pattern_is_compared_where_its_mask_bit_says_so(door: StandbyDoor) -> None:
    """Bit n % 8, from the least, of mask byte n // 8 is for byte n of the pattern: one wrong bit anywhere in it is no match."""
    frame = tcp(dport=PORT, payload=bytes(range(1, 200)))
    data = frame[PATTERN_OFFSET : PATTERN_OFFSET + PATTERN_BYTES]
    pattern = Pattern.bitmap(1, data, MASK, PATTERN_OFFSET)
    door.add(pattern)
    door.sleep()
    for n in (n for n in range(PATTERN_BYTES) if MASK[n]):
        wrong = _flipped(pattern, data, n)
        assert door.outcome(wrong) == ("", 0), f"woken though byte {n} of the pattern is another: mask byte {n // 8} bit {n % 8}"
    for n in (-1, *(n for n in range(PATTERN_BYTES) if not MASK[n]))[:9]:
        right = _flipped(pattern, data, n)
        assert door.outcome(right) == ("PACKET", 0), f"no wake though byte {n} is not compared: mask byte {n // 8} bit {n % 8}"
        assert [kept.data for kept in door.drain()] == [right]
        door.host_awake()
        door.release()
        door.sleep()


def _flipped(pattern: Pattern, data: bytes, n: int) -> bytes:
    """A frame of no IP, so that it may hold anything; byte `n` of the pattern is another, of -1 none."""
    body = bytearray(data)
    if n >= 0:
        body[n] ^= 1 << n % 8
    return bytes(ether(type=0x88B5))[:PATTERN_OFFSET] + bytes(body) + b"behind it"


@pytest.mark.edge(95, 102)
@pytest.mark.device_can(buffered_frames=4)
def test_what_comes_behind_the_waking_frame_is_kept_in_order(door: StandbyDoor) -> None:
    """Each byte of each, once, with numbers that count from 1."""
    door.asleep(ka_idle_ms=QUIET_MS, flags=SlotFlag.WAKE_ON_DATA)
    frames = [tcp("PA", seq=5000 + 10 * n, payload=bytes([n]) * 10) for n in range(5)]
    assert door.outcome(*frames) == ("TCP_DATA", 0)
    door.host_awake()
    kept = door.drain()
    order = [frames.index(frame.data) if frame.data in frames else frame.data for frame in kept]
    assert order == [0, 1, 2, 3, 4], "drain hands over frames in the order in which they came (contract section 3)"
    assert [frame.index for frame in kept] == [1, 2, 3, 4, 5]
    assert [frame.t_rx_us for frame in kept] == sorted(frame.t_rx_us for frame in kept)
