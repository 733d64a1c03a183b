"""Wake patterns: bitmaps, magic packets, SYN, UDP, EAPOL: EDGE-061 to EDGE-074."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from scapy.layers.inet import IP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from rig.device.bpf import pack
from tests.engine.engine_lib import (
    ARM_ALL,
    BAD_ADDR,
    BAD_LEN,
    D3,
    EAPOL,
    HOST_IP,
    HOST_MAC,
    IPV4_SYN,
    IPV6_SYN,
    LIST_FULL,
    MAGIC,
    OK,
    PEER_IP,
    PEER_MAC,
    PROGRAM,
    TCP_DATA,
    UDP_PORT,
    UNSUPPORTED,
    WAKE_PACKET,
    Engine,
)
from tests.engine.packets import arp, ether, magic, tcp, udp

BROADCAST = b"\xff" * 6


def wakes(frame: bytes, *patterns: dict[str, object], arm: int = ARM_ALL) -> int | None:
    """The id of the pattern that woke a fresh engine, None when it slept on."""
    eng = Engine(now_us=1_000_000)
    for p in patterns:
        assert eng.pattern_add(**p) == OK  # type: ignore[arg-type]
    eng.sleep(arm)
    eng.rx(frame)
    eng.check_sum()
    event = eng.event()
    if event is None:
        return None
    assert (event.reason, event.slot, event.orig_size, event.saved_size) == (WAKE_PACKET, 255, len(frame), min(1514, len(frame)))
    (kept,) = eng.frames()
    assert (kept.flags & 1, kept.pattern_id, bytes(kept.bytes[: kept.saved_len])) == (1, event.pattern_id, frame[:1514])
    return int(event.pattern_id)


def bitmap(data: bytes, mask: bytes | None = None, offset: int = 42, id_: int = 5, **more: object) -> dict[str, object]:
    return {"id_": id_, "data": data, "mask": mask, "offset": offset, **more}


@pytest.mark.edge(61)
@pytest.mark.parametrize("n", [1, 8, 64, 128])
def test_pattern_at_the_very_end_of_the_frame(n: int) -> None:
    """EDGE-061: up to the last byte matches; one byte beyond does not, not even when padding would."""
    payload = bytes(range(1, 129))
    frame = udp(payload)
    assert wakes(frame, bitmap(payload[-n:], offset=len(frame) - n)) == 5
    padded = udp(b"\x07").ljust(60, b"\x00")
    assert wakes(padded, bitmap(b"\x07", offset=42)) == 5
    assert wakes(padded, bitmap(b"\x07\x00", offset=42)) is None
    assert wakes(frame, bitmap(payload[-n:][1:] + b"\0", offset=len(frame) - n + 1)) is None


@pytest.mark.edge(107)
def test_limits_of_the_other_kinds_at_add(eng: Engine) -> None:
    assert eng.pattern_add(2, data=b"x", flags=1) == UNSUPPORTED
    assert eng.pattern_add(2, type_=99, data=b"x") == UNSUPPORTED
    assert eng.pattern_add(2, type_=MAGIC, data=b"12345") == BAD_LEN
    assert eng.pattern_add(2, type_=IPV4_SYN, dst="2001:db8::1") == BAD_ADDR


def test_the_magic_packet_is_in_a_list_of_its_own(eng: Engine) -> None:
    """A full list of patterns has room for it, once."""
    for i in range(32):
        assert eng.pattern_add(100 + i, data=bytes([i]), offset=42) == OK
    assert eng.pattern_add(200, data=b"x") == LIST_FULL
    assert eng.pattern_add(201, type_=MAGIC) == OK
    assert eng.pattern_add(202, type_=MAGIC) == LIST_FULL


@pytest.mark.edge(69)
def test_near_misses(eng: Engine) -> None:
    """EDGE-069: every bit flip inside the mask sleeps on, every one outside wakes."""
    rnd = random.Random(69)
    data, mask = rnd.randbytes(128), rnd.randbytes(16)
    assert eng.pattern_add(1, data=data, mask=mask, offset=42) == OK
    eng.sleep()
    for bit in range(128 * 8):
        i = bit // 8
        near = bytearray(data)
        near[i] ^= 1 << bit % 8
        eng.rx(udp(bytes(near)))
        inside = mask[i // 8] >> i % 8 & 1
        assert (eng.event() is None) == bool(inside), bit
        if not inside:
            assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
            eng.sleep()
    for _ in range(5_000):
        near = bytearray(data)
        i = rnd.choice([k for k in range(128) if mask[k // 8] >> k % 8 & 1])
        near[i] ^= rnd.randrange(1, 256)
        eng.rx(udp(bytes(near)))
    assert eng.status.power == D3


MAGIC_CASES = [
    ("16 copies", udp(magic()), 5),
    ("15 copies", udp(magic(copies=15)), None),
    ("15 copies and something else", udp(magic(copies=15, after=PEER_MAC * 2)), None),
    ("17 copies", udp(magic(copies=17)), 5),
    ("misaligned", udp(magic(before=b"abc", after=b"tail")), 5),
    ("ethertype 0842", bytes(ether(BROADCAST, type=0x0842) / Raw(magic())), 5),
    ("unicast", bytes(ether(HOST_MAC, type=0x0842) / Raw(magic())), 5),
    ("TCP", tcp("PA", payload=magic(), dport=9), 5),
    ("five FF", udp(magic(head=5)), None),
    ("seven FF", udp(magic(head=7)), 5),
    ("a neighbour's", udp(magic(target=PEER_MAC), dst=BROADCAST), None),
    ("late in the frame", udp(magic(before=bytes(1300))), 5),
    ("broken chain, then whole", udp(magic(copies=15) + b"\0" + magic()), 5),
    ("once only, as DHCP has it", udp(b"\xff" * 6 + HOST_MAC + bytes(200), dst=BROADCAST), None),
    ("to another's MAC", udp(magic(), dst=PEER_MAC), None),
    ("cut short by one byte", udp(magic()[:-1]).ljust(200, HOST_MAC[-1:]), None),
    ("a fragment of it", bytes(ether() / IP(src=PEER_IP, dst=HOST_IP, proto=17, frag=10) / Raw(magic(copies=10))), None),
]


@pytest.mark.edge(70)
@pytest.mark.parametrize(("frame", "expected"), [c[1:] for c in MAGIC_CASES], ids=[c[0] for c in MAGIC_CASES])
def test_magic(frame: bytes, expected: int | None) -> None:
    """EDGE-070"""
    assert wakes(frame, {"id_": 5, "type_": MAGIC}) == expected
    assert wakes(frame, {"id_": 5, "type_": MAGIC}, arm=3) is None


@pytest.mark.edge(71)
@pytest.mark.parametrize(
    ("password", "sent", "expected"),
    [
        (b"secret", b"secret", 5), (b"secret", b"secreT", None), (b"secret", b"", None),
        (b"four", b"four", 5), (b"four", b"fourteen", 5), (b"secret", b"secr", None),
    ],
)  # fmt: skip
def test_magic_password(password: bytes, sent: bytes, expected: int | None) -> None:
    """EDGE-071"""
    assert wakes(udp(magic(after=sent)), {"id_": 5, "type_": MAGIC, "data": password}) == expected


@pytest.mark.edge(72)
@pytest.mark.parametrize(
    ("flags", "port", "expected"),
    [("S", 22, 5), ("SEC", 22, 5), ("SA", 22, None), ("SR", 22, None), ("SF", 22, None), ("S", 23, None), ("A", 22, None)],
)
def test_syn(flags: str, port: int, expected: int | None) -> None:
    """EDGE-072, and with data and without a port."""
    frame = tcp(flags, dport=port)
    assert wakes(frame, {"id_": 5, "type_": IPV4_SYN, "dst": HOST_IP, "port": 22}) == expected
    assert wakes(frame, {"id_": 5, "type_": IPV6_SYN, "port": 22}) is None
    v6 = tcp(flags, dport=port, l3=IPv6(src="2001:db8::2", dst="2001:db8::1"), payload=b"early")
    assert wakes(v6, {"id_": 5, "type_": IPV6_SYN, "dst": "2001:db8::1", "port": 22}) == expected


def test_syn_sources_and_wildcards() -> None:
    frame = tcp("S", sport=7, dport=22)
    assert wakes(frame, {"id_": 5, "type_": IPV4_SYN}) == 5
    assert wakes(frame, {"id_": 5, "type_": IPV4_SYN, "src": PEER_IP, "sport": 7}) == 5
    assert wakes(frame, {"id_": 5, "type_": IPV4_SYN, "src": "192.0.2.3"}) is None
    assert wakes(frame, {"id_": 5, "type_": IPV4_SYN, "sport": 8}) is None


def test_udp_port() -> None:
    assert wakes(udp(dport=5353), {"id_": 5, "type_": UDP_PORT, "port": 5353}) == 5
    assert wakes(udp(dport=5353), {"id_": 5, "type_": UDP_PORT, "port": 5354}) is None
    assert wakes(tcp("PA", dport=5353, payload=b"x"), {"id_": 5, "type_": UDP_PORT, "port": 5353}) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [("0200000501010005 01", 5), ("0200000502010005 01", None), ("0200000501010005 04", None), ("0203000501010005 01", None),
     ("0200000501010005", None)],
)  # fmt: skip
def test_eapol_identity_request(body: str, expected: int | None) -> None:
    frame = bytes(ether(HOST_MAC, type=0x888E)) + bytes.fromhex(body)
    assert wakes(frame, {"id_": 5, "type_": EAPOL}) == expected


@pytest.mark.edge(59)
@pytest.mark.parametrize("src", ["224.0.0.1", "127.0.0.1", HOST_IP, "240.0.0.1", "255.255.255.255"])
def test_martians_never_wake(src: str) -> None:
    """EDGE-059"""
    assert wakes(udp(src=src), {"id_": 5, "type_": UDP_PORT}) is None


@pytest.mark.edge(74)
def test_slot_frames_do_not_reach_patterns(eng: Engine) -> None:
    """EDGE-074: a retransmission of what was acknowledged long ago, although the pattern matches it."""
    assert eng.pattern_add(5, data=b"old", offset=54) == OK
    assert eng.slot_add()[0] == OK
    eng.sleep()
    eng.rx(tcp("PA", seq=4990, payload=b"old"))
    assert eng.event() is None
    assert eng.patterns() == {5: 0}
    eng.rx(tcp("PA", payload=b"old"))
    event = eng.wake_event()
    assert event.reason == TCP_DATA


@pytest.mark.edge(57)
@pytest.mark.parametrize("length", [1513, 1514, 1515, 1518])
def test_saved_and_original_size(eng: Engine, length: int) -> None:
    """EDGE-057"""
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    eng.rx((HOST_MAC + PEER_MAC + b"\x12\x34").ljust(length, b"p"))
    event = eng.wake_event()
    assert (event.orig_size, event.saved_size) == (length, min(length, 1514))


@pytest.mark.edge(54)
def test_tags(eng: Engine) -> None:
    """EDGE-054: a priority tag is none, another VLAN is not ours."""
    assert eng.pattern_add(5, data=b"\x81\x00", offset=12) == OK
    eng.sleep()
    inner = b"\x08\x00" + udp()[14:]
    eng.rx(HOST_MAC + PEER_MAC + b"\x81\x00\x00\x07" + inner)
    assert eng.event() is None
    eng.rx(HOST_MAC + PEER_MAC + b"\x81\x00\xe0\x00" + inner)
    event = eng.wake_event()
    assert event.l2_flags == 2
    assert eng.counters["rx_vlan_drop"] == 1


@pytest.mark.edge(61, 68)
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_patterns_longer_than_the_frame_do_not_hide_the_others(order: tuple[int, ...]) -> None:
    """However they were added, and when one between them is gone: each frame is matched by all that fit into it."""
    ends = [20, 61, 200, 1514]
    for gone in (None, *range(4)):
        eng = Engine(now_us=1)
        for i in order:
            assert eng.pattern_add(i, data=b"\x5a", offset=ends[i] - 1) == OK
        if gone is not None:
            assert eng.pattern_remove(gone) == OK
        for i in range(4):
            eng.sleep()
            eng.rx((HOST_MAC + PEER_MAC + b"\x12\x34").ljust(ends[i] - 1, b"\x11") + b"\x5a")
            event = eng.event()
            assert (event.pattern_id if event else None) == (None if i == gone else i), (order, gone, i)
            assert (eng.host_awake(), eng.release()[0]) == (OK, OK)


@pytest.mark.edge(46, 78)
def test_the_padding_of_an_arp_frame_matches_nothing(eng: Engine) -> None:
    assert eng.pattern_add(5, data=b"\x55", offset=42) == eng.pattern_add(6, data=bytes([192, 0, 2, 2]), offset=28) == OK
    eng.sleep()
    eng.rx(arp(spa="192.0.2.99").ljust(60, b"\x55"))
    assert eng.event() is None
    eng.rx(arp().ljust(60, b"\x55"))
    assert (eng.wake_event().pattern_id, eng.patterns()) == (6, {5: 0, 6: 1})


SECRET = b"not for everybody to read"


@pytest.mark.edge(108)
@pytest.mark.parametrize("how", ["remove", "remove last first", "attach", "expire"])
@pytest.mark.parametrize("behind", [False, True])
def test_what_a_pattern_looked_for_does_not_stay_in_memory(eng: Engine, how: str, behind: bool) -> None:
    """Bytes, and programs that fill the pool to its end; others stand before them or behind."""
    words = [(0, 0, 0, int.from_bytes(SECRET[i : i + 4], "little")) for i in range(0, 24, 4)]
    long = [(0, 0, 0, 0)] * 57
    others = {"data": b"other"}, {"type_": PROGRAM, "prog": pack(*long, *[(0, 0, 0, 0)] * 6, (6, 0, 0, 2))}
    secrets = {"data": SECRET}, {"type_": PROGRAM, "prog": pack(*long, *words, (6, 0, 0, 1))}
    first, second = (secrets, others) if behind else (others, secrets)
    for id_, pattern in enumerate((*first, *second)):
        assert eng.pattern_add(id_, **pattern) == OK  # type: ignore[arg-type]
    assert all(part in bytes(eng._memory) for part in (SECRET, SECRET[4:8]))
    if how.startswith("remove"):
        gone = [0, 1] if behind else [2, 3]
        assert [eng.pattern_remove(id_) for id_ in (gone if how == "remove" else gone[::-1])] == [OK, OK]
    else:
        eng.attach(lease_ms=1000)
    if how == "expire":
        assert eng.pattern_add(1, data=SECRET) == OK
        eng.sleep()
        eng.run_until(eng.now_us + 1_000_000)
    assert not [i for i in range(0, 24, 4) if SECRET[i : i + 4] in bytes(eng._memory)]


@pytest.mark.edge(72)
@pytest.mark.parametrize("dst", [b"\xff" * 6, bytes.fromhex("01005e000001")])
def test_a_syn_to_everybody_is_no_syn(dst: bytes) -> None:
    """RFC 9293 MUST-57: a SYN to a broadcast or multicast address is dropped silently; a pattern may leave the address open."""
    assert wakes(tcp("S", dport=22, l2=ether(dst)), {"id_": 5, "type_": IPV4_SYN, "port": 22}) is None
    assert wakes(tcp("S", dport=22), {"id_": 5, "type_": IPV4_SYN, "port": 22}) == 5


@pytest.mark.edge(53)
def test_a_datagram_in_fragments_wakes_by_the_first(eng: Engine) -> None:
    """The only one that shows its port; what stands at that place in the others is no port."""
    assert eng.pattern_add(5, type_=UDP_PORT, port=5353) == OK
    eng.sleep()
    pieces = fragment(Ether(udp((5353).to_bytes(2, "big") * 64, dport=5353))[IP], fragsize=64)  # type: ignore[no-untyped-call]
    for piece in (*pieces[1:], fragment(Ether(udp(bytes(128), dport=5354))[IP], fragsize=64)[0]):  # type: ignore[no-untyped-call]
        eng.rx(bytes(ether() / piece))
    assert (eng.event(), eng.counters["rx_frag"]) == (None, len(pieces))
    for piece in pieces:
        eng.rx(bytes(ether() / piece))
    assert (eng.wake_event().pattern_id, len(eng.frames())) == (5, len(pieces))
