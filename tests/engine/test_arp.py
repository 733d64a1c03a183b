"""ARP for the sleeping host: EDGE-075 to EDGE-079."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.engine import engine_lib as lib
from tests.engine.engine_lib import (
    ADDR_CONFLICT,
    BAD_ADDR,
    D3,
    DUP_ID,
    HOST_IP,
    HOST_MAC,
    NOT_FOUND,
    OK,
    PEER_IP,
    PEER_MAC,
    UNSUPPORTED,
    WOKEN,
    Engine,
)
from tests.engine.packets import arp

BROADCAST = b"\xff" * 6
INTRUDER = bytes.fromhex("020000000066")
PROXY_MAC = bytes.fromhex("020000000099")


@pytest.mark.edge(78)
@pytest.mark.parametrize("dst", [BROADCAST, HOST_MAC])
@pytest.mark.parametrize("pad", [42, 60])
def test_request_is_answered(eng: Engine, dst: bytes, pad: int) -> None:
    """EDGE-078; the offload's MAC goes into the payload, the host's into the header."""
    assert eng.arp_add(mac=PROXY_MAC) == OK
    eng.sleep()
    eng.rx(arp(dst=dst, hwdst="12:34:56:78:9a:bc").ljust(pad, b"\x55"))
    (frame,) = eng.take_sent()
    assert (len(frame), frame[:12], frame[42:]) == (60, PEER_MAC + HOST_MAC, bytes(18))
    reply = Ether(frame)[ARP]
    assert (reply.op, reply.hwsrc, reply.psrc) == (2, PROXY_MAC.hex(":"), HOST_IP)
    assert (reply.hwdst, reply.pdst) == (PEER_MAC.hex(":"), PEER_IP)
    assert (eng.event(), eng.counters["rx_offload_answered"], eng.counters["arp_answered"]) == (None, 1, 1)


@pytest.mark.edge(75)
def test_probe_is_answered_and_not_repeated(eng: Engine) -> None:
    """EDGE-075: sender 0.0.0.0; our reply never carries 0.0.0.0 as its sender."""
    assert eng.arp_add() == OK
    eng.sleep()
    eng.rx(arp(spa="0.0.0.0"))
    reply = Ether(eng.take_sent()[0])[ARP]
    assert (reply.op, reply.psrc, reply.pdst, eng.event()) == (2, HOST_IP, "0.0.0.0", None)


@pytest.mark.edge(76)
@pytest.mark.parametrize("op", [1, 2])
def test_conflict_wakes_and_is_defended_once_in_ten_seconds(eng: Engine, op: int) -> None:
    """EDGE-076"""
    assert eng.arp_add() == OK
    eng.sleep()
    for _ in range(50):
        eng.rx(arp(op=op, spa=HOST_IP, sha=INTRUDER))
        eng.now_us += 100_000
    (frame,) = eng.take_sent()
    defence = Ether(frame)
    assert defence.dst == "ff:ff:ff:ff:ff:ff"
    assert (defence[ARP].op, defence[ARP].psrc, defence[ARP].pdst, defence[ARP].hwsrc) == (1, HOST_IP, HOST_IP, HOST_MAC.hex(":"))
    event = eng.wake_event()
    assert event.reason == ADDR_CONFLICT
    assert (eng.status.wakes, eng.status.power) == (1, WOKEN)
    eng.now_us += 6_000_000
    eng.rx(arp(op=op, spa=HOST_IP, sha=INTRUDER))
    assert len(eng.take_sent()) == 1


@pytest.mark.edge(76)
def test_two_sleeping_hosts_with_one_address_do_not_war() -> None:
    """Each hears what the other sends, for a minute: one defence each in ten seconds, no more."""
    ends = [Engine(now_us=1_000_000), Engine(now_us=1_000_000)]
    macs = [HOST_MAC, INTRUDER]
    for end, mac in zip(ends, macs, strict=True):
        assert end.arp_add(mac=mac) == OK
        end.sleep(mac=mac)
    ends[0].rx(arp(spa=HOST_IP, sha=INTRUDER))
    total = 0
    for _ in range(600):
        for end, other in (ends, ends[::-1]):
            frames = end.take_sent()
            total += len(frames)
            for frame in frames:
                other.rx(frame)
            end.now_us += 100_000
    assert 2 <= total <= 14
    for end in ends:
        end.check_sum()


@pytest.mark.edge(77)
@pytest.mark.parametrize("sha", [HOST_MAC, PROXY_MAC])
def test_own_announcement_reflected(eng: Engine, sha: bytes) -> None:
    """EDGE-077: by a loop, with our MAC in the header or only in the payload."""
    assert eng.arp_add(mac=PROXY_MAC) == OK
    eng.sleep()
    eng.rx(arp(spa=HOST_IP, sha=sha))
    packet = Ether(arp(spa=HOST_IP, sha=sha))
    packet.src = INTRUDER.hex(":")
    eng.rx(bytes(packet))
    assert (eng.event(), eng.take_sent(), eng.status.power) == (None, [], D3)


@pytest.mark.edge(78)
@pytest.mark.parametrize(
    "wrong",
    [{"hwlen": 8}, {"plen": 16}, {"op": 0}, {"op": 3}, {"op": 8}, {"op": 9}, {"hwtype": 6}, {"ptype": 0x86DD},
     {"sha": b"\x03\0\0\0\0\2"}, {"op": 2}, {"tpa": "192.0.2.77"}, {"dst": bytes.fromhex("01005e000001")}],
)  # fmt: skip
def test_what_is_not_answered(eng: Engine, wrong: dict[str, object]) -> None:
    """EDGE-078"""
    assert eng.arp_add() == OK
    eng.sleep()
    base = Ether(arp())
    lengths = {k: wrong.pop(k) for k in ("hwlen", "plen") if k in wrong}
    frame = bytearray(arp(**wrong) if wrong else bytes(base))  # type: ignore[arg-type]
    if "hwlen" in lengths:
        frame[18] = 8
    if "plen" in lengths:
        frame[19] = 16
    eng.rx(bytes(frame))
    assert (eng.take_sent(), eng.event()) == ([], None)


@pytest.mark.edge(78)
def test_a_group_is_nobody_to_answer(eng: Engine) -> None:
    """EDGE-078: in the payload, whoever the frame itself is from."""
    assert eng.arp_add() == OK
    eng.sleep()
    asked = Ether(arp())
    asked.hwsrc = "03:00:00:00:00:02"
    eng.rx(bytes(asked))
    assert (eng.take_sent(), eng.counters["arp_invalid"]) == ([], 1)


@pytest.mark.edge(76)
def test_the_next_defence_is_ten_seconds_after_the_last(eng: Engine) -> None:
    """RFC 5227 2.4(b): DEFEND_INTERVAL."""
    assert eng.arp_add() == OK
    eng.sleep()
    for wait_us, defences in ((0, 1), (9_999_999, 0), (1, 1), (9_999_999, 0), (1, 1)):
        eng.now_us += wait_us
        eng.rx(arp(spa=HOST_IP, sha=INTRUDER))
        assert len(eng.take_sent()) == defences


def test_too_short(eng: Engine) -> None:
    assert eng.arp_add() == OK
    eng.sleep()
    eng.rx(arp()[:41])
    assert (eng.take_sent(), eng.counters["rx_bad_len"]) == ([], 1)


def test_still_answers_while_the_host_wakes_then_leaves_it_to_the_host(eng: Engine) -> None:
    assert eng.arp_add() == OK
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + bytes(46))
    eng.rx(arp())
    assert (len(eng.take_sent()), len(eng.frames())) == (1, 1)
    assert eng.host_awake() == OK
    eng.rx(arp())
    assert (len(eng.take_sent()), len(eng.frames())) == (0, 2)


def test_add_and_remove(eng: Engine) -> None:
    assert eng.arp_add(1) == OK
    assert eng.arp_add(1) == DUP_ID
    assert eng.arp_add(2, type_=3) == UNSUPPORTED
    assert eng.offload_add(2, 1, HOST_IP, flags=1) == UNSUPPORTED
    assert eng.arp_add(2, address="224.0.0.1") == BAD_ADDR
    assert eng.arp_add(2, address="2001:db8::1") == BAD_ADDR
    assert eng.offload_remove(1) == OK
    assert eng.offload_remove(1) == NOT_FOUND


@pytest.mark.parametrize("type_", [1, 17, 18, lib.NATT, lib.UDP, lib.DHCP, lib.MDNS])
@pytest.mark.parametrize("flag", [1 << bit for bit in range(16)])
def test_flags_that_a_type_does_not_have_are_refused(eng: Engine, type_: int, flag: int) -> None:
    """What is not among the capabilities is not taken, so that a host can rely on what is."""
    known = {lib.UDP: 1, lib.MDNS: 1}.get(type_, 0)
    cfg = lib.OffloadCfg(id=1, type=type_, flags=flag, ip=lib.ip(HOST_IP), mac=(lib.u8 * 6)(*HOST_MAC))
    cfg.remote = lib.ip({lib.GROUP: "239.1.2.3", lib.MDNS: ""}.get(type_, PEER_IP))
    unions = {
        lib.NATT: lib.OffloadUnion(udp=lib.UdpCfg(4500, 4500, 20_000)),
        lib.UDP: lib.OffloadUnion(udp=lib.UdpCfg(4500, 4500, 20_000)),
        lib.DHCP: lib.OffloadUnion(dhcp=lib.DhcpCfg(1, 3600)),
        lib.MDNS: lib.OffloadUnion(mdns=lib.MdnsCfg(1, 120, 3, 4, (lib.u8 * 64)(1, 97, 0))),
    }
    more = lib.OffloadMore((lib.u8 * 6)(*PEER_MAC), u=unions.get(type_, lib.OffloadUnion()))
    assert eng._add_more(cfg, more) == (OK if flag & known else UNSUPPORTED)
    assert len(eng.offloads()) == (1 if flag & known else 0)
    cfg.id, cfg.flags = 2, 0
    assert eng._add_more(cfg, more) == OK
