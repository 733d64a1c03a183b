"""The native and the emulated device send the same bytes: one list of commands and frames, two devices, every frame compared.

Nothing is masked. The one field that follows a clock, TSval, is held still: the slot is told that its timestamp was true in the
future, and a device never sends an older TSval than the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from rig.clock import Deadline
from rig.device import mcumgr
from rig.device.link import Link
from rig.device.numbers import ARM_ALL, OffloadType, Power, SlotState
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, ProtocolOffload, TcpSlot
from rig.inject.frames import tagged
from rig.suite.neighbour_frames import ns, probe
from tests.engine.engine_lib import HOST_IP, HOST_IP6, HOST_MAC, HOST_PORT, PEER_IP, PEER_IP6, PEER_MAC, PEER_PORT, REASONS
from tests.engine.packets import arp, ether, tcp, udp
from tests.engine.test_echo import ping, ping6
from tests.engine.test_mdns import RECORDS, message, query, question
from tests.engine.test_membership import v2_query, v3_query

from .kinds import without_qemu
from .wires import Wire, wired

pytestmark = without_qemu

FUTURE_US = 20 * 86_400_000_000
"""20 days: less than half the range of a millisecond TSval, so "older" is what it means."""
PORTS = {"plain": HOST_PORT, "timestamps": HOST_PORT + 1, "version 6": HOST_PORT + 2, "in a VLAN": HOST_PORT + 3}
TCI = 0x6005

SLOT = TcpSlot(
    local=HOST_IP, remote=PEER_IP, local_port=HOST_PORT, remote_port=PEER_PORT, local_mac=HOST_MAC, next_hop_mac=PEER_MAC,
    snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=65535, max_snd_wnd=65535, rcv_nxt=5000, rcv_wnd=8192, rcv_wup=5000,
    ip_id=65534, tos=0x10, ttl=61, rcv_wscale=3,
)  # fmt: skip


@contextmanager
def set_up(kind: str) -> Iterator[tuple[OffloadClient, Wire]]:
    """A device with a host attached."""
    with wired(kind) as (device, wire), Link(device.port) as link:
        mcumgr.wait_ready(link)
        client = OffloadClient(link)
        client.attach(1)
        client.clear_counters()
        yield client, wire


def sleep(client: OffloadClient) -> None:
    prepared = client.prepare(epoch=client.status().epoch, arm=ARM_ALL, mac=HOST_MAC)
    client.commit(prepared.epoch)


def settled(client: OffloadClient, received: int) -> None:
    """Until the device has dealt with so many frames; what it answered is on the wire then."""
    deadline = Deadline(10)
    while (count := client.counters()["rx_total"]) < received:
        assert not deadline.expired, f"{count} of {received} frames arrived"


def frames() -> list[tuple[str, bytes]]:
    """Each frame by what it is. Most are answered, some must not be; the last wakes."""
    from scapy.layers.inet6 import IPv6

    segments: list[tuple[str, dict[str, Any]]] = [
        ("keep-alive", {"seq": 4999}),
        ("keep-alive with a byte", {"seq": 4999, "payload": b"x"}),
        ("reset in the window", {"flags": "R", "seq": 5001}),
        ("reset outside", {"flags": "R", "seq": 4000}),
        ("SYN", {"flags": "S", "seq": 1}),
        ("ACK of what was never sent", {"ack": 7777}),
        ("old data", {"seq": 4990, "payload": b"12345"}),
        ("beyond the window", {"seq": 5000 + 65536 * 8, "payload": b"x"}),
        ("plain ACK", {"window": 77}),
    ]
    special: dict[str, dict[str, Any]] = {"timestamps": {"ts": (901, 1)}, "version 6": {"l3": IPv6(src=PEER_IP6, dst=HOST_IP6)}}
    found: list[tuple[str, bytes]] = []
    for slot, port in PORTS.items():
        extra = special.get(slot, {})
        built = [(f"{slot}: {name}", tcp(dport=port, pad=True, **{**fields, **extra})) for name, fields in segments]
        found += [(name, tagged(frame, TCI & 0xFFF)) for name, frame in built] if slot == "in a VLAN" else built
    found += [("ARP", arp()), ("ARP, padded", arp().ljust(60, b"\x55")), ("ARP to us alone", arp(dst=HOST_MAC))]
    found += [("ARP probe", arp(spa="0.0.0.0")), ("ARP for another", arp(tpa="192.0.2.77"))]
    found += [("ping", ping(b"x" * length)) for length in (0, 1, 56, 1400)]
    found += [("ping 6", ping6(b"y" * length)) for length in (0, 1, 56, 1400)]
    found += [("NS", ns()), ("NS, unicast", ns(dst=HOST_IP6)), ("NS, DAD", probe()), ("NS without address", ns(lladdr=None))]
    found += [("noise", udp(b"noise", dport=port)) for port in range(3)] + [("unknown", bytes(ether(type=0x88B5)) + bytes(60))]
    found += [("tagged ping", tagged(ping(b"t" * 30), 0, priority=5)), ("ping in a VLAN", tagged(ping(b"t" * 30), 5))]
    found += [("ping in another VLAN", tagged(ping(b"t" * 30), 6)), ("two tags", tagged(tagged(ping(b"t"), 5), 5, kind=0x88A8))]
    return [*found, ("data", tcp("PA", payload=b"wake up"))]


def conversation(kind: str, script: list[tuple[str, bytes]]) -> tuple[list[list[bytes]], dict[str, Any]]:
    """What the device sends for each frame of the script, and all that it says about itself afterwards."""
    answers: list[list[bytes]] = []
    with set_up(kind) as (client, wire):
        future_us = client.hello().now_us + FUTURE_US
        for row in (
            replace(SLOT, local_port=PORTS["plain"]),
            replace(SLOT, local_port=PORTS["timestamps"], ts_on=True, tsval=12345, ts_recent=900, t0_us=future_us),
            replace(SLOT, local_port=PORTS["version 6"], local=HOST_IP6, remote=PEER_IP6, flow_label=0xABCDE),
            replace(SLOT, local_port=PORTS["in a VLAN"], vlan_tci=TCI),
        ):
            client.add_tcp_slot(row)
        for number, (kind_of, address) in enumerate(
            [(OffloadType.ARP, HOST_IP), (OffloadType.NS, HOST_IP6), (OffloadType.ECHO, HOST_IP), (OffloadType.ECHO, HOST_IP6)]
        ):
            client.add_offload(ProtocolOffload(id=number, type=kind_of, ip=address, mac=HOST_MAC))
        client.add_offload(ProtocolOffload(id=9, type=OffloadType.ECHO, ip=HOST_IP, mac=HOST_MAC, vlan_tci=TCI))
        client.add_pattern(Pattern.magic(1))
        sleep(client)
        for number, (_, frame) in enumerate(script, 1):
            wire.send(frame)
            settled(client, number)
            answers.append(wire.take())
        return answers, state_of(client)


def state_of(client: OffloadClient) -> dict[str, Any]:
    """Status, slots, offloads, buffered frames and reason counters, without what is a time."""
    times = ("last_rx_age_ms", "next_ka_due_ms")
    counted = client.counters()
    return {
        "status": asdict(client.status()) | {"epoch": 0, "lease_left_ms": 0},
        "slots": [{k: v for k, v in asdict(slot).items() if k not in times} for slot in client.slots()],
        "offloads": client.offloads(),
        "patterns": client.patterns(),
        "frames": [(f.index, f.orig_len, f.flags, f.pattern_id, f.data) for f in client.drain(0).frames],
        "reasons": {name: counted[name] for name in ("rx_total", *REASONS)},
    }


def test_both_answer_every_frame_with_the_same_bytes() -> None:
    script = frames()
    native, native_state = conversation("native", script)
    qemu, qemu_state = conversation("qemu", script)
    for (name, _), ours, theirs in zip(script, native, qemu, strict=True):
        assert [f.hex() for f in ours] == [f.hex() for f in theirs], name
    assert native_state == qemu_state
    answered = [name for (name, _), frames_sent in zip(script, native, strict=True) if frames_sent]
    wanted = {"plain: keep-alive", "timestamps: SYN", "version 6: keep-alive", "ARP", "ping", "ping 6", "NS", "NS, DAD"}
    assert wanted | {"in a VLAN: SYN", "ping in a VLAN"} <= set(answered)
    assert not {"plain: reset outside", "ARP for another", "noise", "data", "ping in another VLAN", "two tags"} & set(answered)
    assert sum(map(len, native)) > 25


GROUPS = ("224.0.0.251", "239.1.2.3")


def by_themselves(kind: str) -> set[bytes]:
    """Every different frame of offloads that speak on their own: in two seconds, a lease is asked for, rebound and lost."""
    with set_up(kind) as (client, wire):
        client.set_clock_scale(100_000)
        common: dict[str, Any] = {"ip": HOST_IP, "mac": HOST_MAC, "remote": PEER_IP, "next_hop_mac": PEER_MAC}
        client.add_offload(ProtocolOffload(id=1, type=OffloadType.NATT, interval_ms=120_000, **common))
        udp_only: dict[str, Any] = {"local_port": 5000, "remote_port": 6000, "data": b"alive", "interval_ms": 120_000}
        client.add_offload(ProtocolOffload(id=2, type=OffloadType.UDP, **udp_only, **common))
        client.add_offload(ProtocolOffload(id=3, type=OffloadType.DHCP, lease_s=1200, xid=7, data=b"\1" + HOST_MAC, **common))
        for number, group in enumerate(GROUPS, 10):
            client.add_offload(ProtocolOffload.group(number, ip=HOST_IP, mac=HOST_MAC, group=group))
        for number, (name, rrtype, data) in RECORDS.items():
            row: dict[str, Any] = {"name": name, "rrtype": rrtype, "data": data}
            client.add_offload(ProtocolOffload(id=20 + number, type=OffloadType.MDNS, ip=HOST_IP, mac=HOST_MAC, **row))
        sleep(client)
        wire.send(v2_query(GROUPS[0], code=1))
        wire.send(v3_query(GROUPS[1], code=1))
        for name, rrtype, _ in RECORDS.values():
            wire.send(query(message(question(name, rrtype))))
            wire.send(query(message(question(name, rrtype), id_=9), sport=40000))
        deadline = Deadline(30)
        while client.status().power is not Power.WOKEN:
            assert not deadline.expired
        return set(wire.take())


def test_both_say_the_same_by_themselves() -> None:
    native, qemu = by_themselves("native"), by_themselves("qemu")
    assert {frame.hex() for frame in native} == {frame.hex() for frame in qemu}
    assert len(native) == 2 + 2 + len(GROUPS) + 2 * len(RECORDS), (
        "NAT-T, UDP, two kinds of REQUEST, reports, two answers a record"
    )


def probes(kind: str) -> list[bytes]:
    """All keep-alives of a connection whose peer is gone, on its own clock."""
    with set_up(kind) as (client, wire):
        ref = client.add_tcp_slot(replace(SLOT, ka_idle_ms=50, ka_intvl_ms=20, ka_cnt=4))
        sleep(client)
        deadline = Deadline(10)
        while client.get_tcp_slot(ref).state is not SlotState.BROKEN:
            assert not deadline.expired
        return wire.take()


def test_both_send_the_same_keep_alives() -> None:
    native, qemu = probes("native"), probes("qemu")
    assert [frame.hex() for frame in native] == [frame.hex() for frame in qemu]
    assert len(native) == 4
    assert len({frame[18:20] for frame in native}) == 4, "each IP packet has its own identification"
