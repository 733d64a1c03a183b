"""Seeds of the fuzzers: short lives of a device, one file each, from the messages of rig.device and frames of scapy.

Usage: PYTHONPATH=.. python tests/make_corpus.py DIRECTORY. The layouts of the inputs stand at the top of each fuzz_*.c.
Files that a fuzzer found (named by their hash) are left alone.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cbor2
from corpus_frames import HOST, HOST_IP, HOST_IP6, NAME, PEER, PEER_IP, PEER_IP6, POINTED, ether, frames, link_local
from scapy.layers.inet import IP, TCP
from scapy.packet import Raw

from rig.device import framing
from rig.device.bpf import compile_filter, pack
from rig.device.numbers import Command, Fault, NsFlag, OffloadType, SlotFlag
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, PayloadKeepAlive, ProtocolOffload, SlotRef, TcpSlot
from rig.device.smp_header import HEADER, VERSION_2
from rig.inject.frames import tagged

SLOT = TcpSlot(
    local=HOST_IP, remote=PEER_IP, local_port=40000, remote_port=443, local_mac=HOST, next_hop_mac=PEER,
    snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=5000, rcv_wnd=8192, rcv_wup=5000,
    ts_on=True, ts_hz=1000, tsval=1, t0_us=0,
)  # fmt: skip


def step(kind: int, data: bytes = b"") -> bytes:
    return struct.pack(">BH", kind, len(data)) + data


# -- messages ------------------------------------------------------------------------------------------------------------


class Recorder:
    """A Requester that keeps what is sent; its empty reply ends the call, with a field that lacks."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, int, bytes]] = []

    def request(self, op: int, group: int, command: int, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        self.sent.append((op, group, command, cbor2.dumps(dict(body), canonical=True)))
        return {}


def messages(*calls: Callable[[OffloadClient], object]) -> list[tuple[int, int, int, bytes]]:
    recorder = Recorder()
    for call in calls:
        with contextlib.suppress(KeyError, TypeError):
            call(OffloadClient(recorder))
    return recorder.sent


ADDS = messages(
    lambda c: c.attach(1),
    lambda c: c.add_tcp_slot(SLOT),
    lambda c: c.add_tcp_slot(TcpSlot(**{**SLOT.__dict__, "local": HOST_IP6, "remote": PEER_IP6, "flags": 0x3F})),
    lambda c: c.add_pattern(Pattern.bitmap(1, b"abc", [True, False, True], offset=14)),
    lambda c: c.add_pattern(Pattern.magic(3, b"secret")),
    lambda c: c.add_pattern(Pattern.syn(4, ip=HOST_IP, port=22)),
    lambda c: c.add_pattern(Pattern.syn(5, ip=HOST_IP6, src=PEER_IP6)),
    lambda c: c.add_offload(ProtocolOffload(id=1, ip=HOST_IP, mac=HOST)),
)
MORE = messages(
    lambda c: c.add_offload(ProtocolOffload(id=2, ip=HOST_IP6, mac=HOST, type=OffloadType.NS)),
    lambda c: c.add_offload(ProtocolOffload(id=3, ip=HOST_IP, mac=HOST, type=OffloadType.ECHO)),
    lambda c: c.add_offload(ProtocolOffload(id=4, ip=HOST_IP6, mac=HOST, type=OffloadType.ECHO)),
    lambda c: c.add_offload(ProtocolOffload.group(5, ip=HOST_IP, mac=HOST, group="224.0.0.251")),
    lambda c: c.add_offload(ProtocolOffload.group(6, ip="fe80::1", mac=HOST, group="ff02::fb")),
    lambda c: c.add_offload(ProtocolOffload.natt(7, ip=HOST_IP, mac=HOST, remote=PEER_IP, next_hop_mac=PEER, interval_ms=20_000)),
    lambda c: c.add_pattern(Pattern.udp(10, 9)),
    lambda c: c.add_pattern(Pattern.eapol(11)),
    lambda c: c.add_pattern(Pattern.filter(12, "udp port 9 and ip[8] > 10")),
)
RA_ROUTER = NsFlag.RA_WAKE | NsFlag.ROUTER
UDP_FLOW = {"type": OffloadType.UDP, "mac": HOST, "next_hop_mac": PEER, "local_port": 5000, "remote_port": 5001, "flags": 1}
DHCP = {
    "type": OffloadType.DHCP, "ip": HOST_IP, "mac": HOST, "remote": PEER_IP, "next_hop_mac": PEER, "xid": 7, "data": b"\1" + HOST,
}  # fmt: skip
# What speaks UDP in the host's name, and what sees ND and RA: with them and MORE there is every type.
SPEAKERS = messages(
    lambda c: c.add_offload(ProtocolOffload(id=20, ip=HOST_IP, remote=PEER_IP, data=b"alive", interval_ms=500, **UDP_FLOW)),
    lambda c: c.add_offload(ProtocolOffload(id=21, ip=HOST_IP6, remote=PEER_IP6, data=bytes(32), elapsed_ms=9, **UDP_FLOW)),
    lambda c: c.add_offload(ProtocolOffload(id=22, lease_s=60, t1_s=1, elapsed_ms=500, **DHCP)),
    lambda c: c.add_offload(
        ProtocolOffload(id=23, type=OffloadType.MDNS, ip=HOST_IP, mac=HOST, name=NAME, rrtype=1, data=b"\xc0\0\2\1", flags=1)
    ),
    lambda c: c.add_offload(
        ProtocolOffload(id=24, type=OffloadType.MDNS, ip="fe80::1", mac=HOST, name=POINTED, rrtype=12, data=NAME)
    ),
    lambda c: c.add_offload(
        ProtocolOffload(id=25, type=OffloadType.MDNS, ip=HOST_IP, mac=HOST, name=POINTED, rrtype=33, data=bytes(6) + NAME)
    ),
    lambda c: c.add_offload(
        ProtocolOffload(id=26, ip=HOST_IP6, ip2="2001:db8::11", mac=HOST, type=OffloadType.NS, flags=RA_ROUTER)
    ),
    lambda c: c.add_offload(ProtocolOffload(id=27, ip="fe80::1", mac=HOST, type=OffloadType.NS, flags=NsFlag.DAD_WAKE)),
)
WATCHERS = messages(
    lambda c: c.add_tcp_slot(TcpSlot(**{**SLOT.__dict__, "ts_on": False})),
    lambda c: c.add_pattern(Pattern.payload(30, SlotRef(0, 1), b"new", [True, False, True], 1)),
    lambda c: c.add_pattern(Pattern.payload(31, SlotRef(0, 1), b"xyz", wake_unmatched=True)),
    lambda c: c.add_pattern(Pattern.link(32, up=True)), lambda c: c.add_pattern(Pattern.link(33, up=False)),
    lambda c: c.add_pattern(Pattern.bitmap(34, bytes(128), [False] * 127 + [True], offset=30)),
    lambda c: c.add_pattern(Pattern.syn(35, src=PEER_IP, sport=443)), lambda c: c.add_pattern(Pattern.udp(36, ip=HOST_IP6)),
    lambda c: c.add_pattern(Pattern.filter(37, "ip6 and udp and greater 60")), lambda c: c.add_pattern(Pattern.magic(38)),
)  # fmt: skip
VID, TCI = 5, 0x6005
TAGGED_FRAMES = (
    "push", "probe", "push6", "fragment", "arp", "ns", "ping", "ping6", "moved", "moved6", "ra", "natt", "conflict",
)  # fmt: skip
IN_VLAN = messages(
    lambda c: c.add_tcp_slot(replace(SLOT, ts_on=False, vlan_tci=TCI, next_hop_ip=PEER_IP, flags=0x1F | SlotFlag.LEARN_NEXT_HOP)),
    lambda c: c.add_tcp_slot(replace(SLOT, local=HOST_IP6, remote=PEER_IP6, vlan_tci=TCI, flow_label=0xABCDE)),
    lambda c: c.add_tcp_slot(replace(SLOT, vlan_tci=0xFFF)),
    *(
        partial(OffloadClient.add_offload, offload=ProtocolOffload(id=40 + number, type=kind, ip=ip, mac=HOST, vlan_tci=TCI))
        for number, (kind, ip) in enumerate(
            ((OffloadType.ARP, HOST_IP), (OffloadType.NS, HOST_IP6), (OffloadType.ECHO, HOST_IP), (OffloadType.ECHO, HOST_IP6))
        )
    ),
    lambda c: c.add_offload(
        replace(
            ProtocolOffload.natt(50, ip=HOST_IP, mac=HOST, remote=PEER_IP, next_hop_mac=PEER, interval_ms=100),
            vlan_tci=TCI,
            next_hop_ip=PEER_IP,
        )
    ),
)
FORGET = messages(
    *(partial(OffloadClient.remove_pattern, pattern_id=number) for number in (37, 31, 34)),
    *(partial(OffloadClient.remove_offload, offload_id=number) for number in (22, 20, 27)),
    lambda c: c.patterns(), lambda c: c.offloads(),
)  # fmt: skip
PING = PayloadKeepAlive.websocket_ping(b"mask" * 4, start=254, counter_bytes=2)
PLAIN_SLOT = TcpSlot(**{**SLOT.__dict__, "ts_on": False, "ka_idle_ms": 60, "ka_intvl_ms": 10})
PAYLOAD_SLOT = TcpSlot(**{**PLAIN_SLOT.__dict__, "payload": PING})
FAR = 2**32 - 1
WRONG_PAYLOADS = [
    (2, 100, 0x10, cbor2.dumps(PLAIN_SLOT.wire() | {"ka_data": b"ping", "ka_tokens": b"mask"} | fields, canonical=True))
    for fields in (
        {"ka_counter": [0, FAR, 1]}, {"ka_token": [FAR - 3, 4]}, {"ka_token": [0, 4], "ka_mask": [4, FAR]},
        {"ka_counter": [0, 0, 1], "ka_reply": b"x", "ka_reply_counter": FAR},
    )
]  # fmt: skip
PAYLOADS = [*WRONG_PAYLOADS, *messages(lambda c: c.add_tcp_slot(PAYLOAD_SLOT))]
LIFE = messages(
    lambda c: c.attach(1, 60_000),
    lambda c: c.add_tcp_slot(
        TcpSlot(**{**SLOT.__dict__, "next_hop_ip": PEER_IP, "flags": 0x1F | SlotFlag.LEARN_NEXT_HOP, "ts_on": False})
    ),
    lambda c: c.prepare(epoch=2, arm=7, mac=HOST),
    lambda c: c.commit(3),
    lambda c: c.pause_tcp_slot(SlotRef(0, 1)),
    lambda c: c.update_tcp_slot(SlotRef(0, 1), ka_idle_ms=100, ka_intvl_ms=50, next_hop_mac=PEER, next_hop_ip=PEER_IP),
    lambda c: c.resume_tcp_slot(SlotRef(0, 1)),
    lambda c: c.slots(),
)
LISTS = messages(
    lambda c: c.slots(), lambda c: c.patterns(), lambda c: c.offloads(), lambda c: c.status(), lambda c: c.time_sync(),
    lambda c: c.get_tcp_slot(SlotRef(0, 1)), lambda c: c.remove_tcp_slot(SlotRef(1, 1)), lambda c: c.remove_pattern(1),
    lambda c: c.remove_offload(1), lambda c: c.counters(), lambda c: c.clear_counters(),
    lambda c: c.capabilities(), lambda c: c.log(0), lambda c: c.set_clock_scale(30_000_000),
)  # fmt: skip
LISTS.append((0, 100, Command.HELLO, b"\xa0"))
ENTER = messages(lambda c: c.prepare(epoch=2, arm=7, mac=HOST, wake_timer_ms=1000), lambda c: c.commit(3))
LEAVE = messages(lambda c: c.host_awake(4), lambda c: c.drain(0), lambda c: c.drain(1, 300), lambda c: c.release())
FAULTS = [
    message
    for kind in Fault
    for message in messages(partial(OffloadClient.fault_inject, kind=kind, n=1, delay_ms=2), lambda c: c.attach(1))
]
ABORT = messages(lambda c: c.prepare(epoch=2, arm=7, mac=HOST), lambda c: c.abort(3))
WAIT = (0, 100, 0x40, cbor2.dumps({"after": 0}))
OS = [
    (2, 0, 0, cbor2.dumps({"d": "hello"})), (0, 0, 6, b""), (0, 0, 8, cbor2.dumps({"query": "mode"})), (0, 0, 8, b""),
    (2, 0, 5, cbor2.dumps({"force": 1, "boot_mode": 1})), (2, 0, 0, b"\x81" * 500), (2, 0, 0, b"\xbf\x61d\x61x\xff"),
]  # fmt: skip

# -- inputs --------------------------------------------------------------------------------------------------------------

PREPARE, COMMIT, AWAKE, RELEASE, COMMAND, SLOT_FOR, TIME, FRAME, MENDED, LINK = range(10)
NO_TIMER, SECOND = b"\0", b"\x0a"


def engine_inputs() -> dict[str, bytes]:
    """A life for each frame: a slot of its own, asleep, the frame, time for keep-alives, back."""
    commands = b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in ADDS)
    lists = b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in [*LISTS, *ENTER, *LEAVE])
    out = {"commands": commands + lists}
    for name, frame in frames().items():
        before, after = step(PREPARE) + step(COMMIT), step(TIME, b"\x14") + step(AWAKE) + step(RELEASE)
        out[name] = step(SLOT_FOR, frame) + before + step(MENDED, frame) + step(FRAME, frame) + after
    more = b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in MORE)
    for name, frame in frames().items():
        if name in ("ns", "ping", "ping6", "ike", "igmp", "mld", "ra", "eapol", "udp"):
            out[f"answered-{name}"] = more + step(PREPARE) + step(COMMIT) + 3 * (step(MENDED, frame) + step(TIME, b"\xff"))
    out |= speaking_lives() | watching_lives() | tagged_lives()
    captured = b"".join(step(FRAME, frame) for frame in frames().values())
    out["payload"] = payload_life()
    for name in ("captured", "captured-slot"):
        own = step(SLOT_FOR, frames()["push"]) if name == "captured-slot" else commands
        out[name] = own + step(PREPARE) + captured + step(COMMIT) + step(AWAKE) + step(RELEASE)
    life = b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in LIFE)
    for name in ("moved", "moved6"):
        out[f"life-{name}"] = life + step(MENDED, frames()[name]) + step(TIME, b"\x0a") + step(TIME, b"\xff") * 3 + lists
    return out


def commands(sent: Iterable[tuple[int, int, int, bytes]]) -> bytes:
    return b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in sent)


def speaking_lives() -> dict[str, bytes]:
    """For each frame of the link a sleep in which everything that speaks has spoken once; no timer of the host ends it."""
    before = commands(SPEAKERS + MORE) + step(PREPARE, NO_TIMER) + step(COMMIT) + step(TIME, SECOND)
    after = step(TIME, SECOND) * 2 + step(TIME, b"\xff") * 4 + step(AWAKE) + step(RELEASE) + commands(FORGET)
    return {f"speaks-{name}": before + step(MENDED, bytes(frame)) * 2 + after for name, frame in link_local().items()}


def watching_lives() -> dict[str, bytes]:
    before, out = commands(WATCHERS + MORE) + step(PREPARE, NO_TIMER), {}
    after = step(AWAKE) + step(RELEASE) + commands(FORGET)
    for name, frame in frames().items():
        if name in ("news", "push", "syn6", "udp6-reply", "routing6", "magic", "old"):
            out[f"watches-{name}"] = before + step(COMMIT) + 2 * step(MENDED, frame) + after
    for name in ("arp", "conflict", "moved", "timestamps", "dad", "ra"):
        frame = frames()[name]
        heard = step(MENDED, frame)  # in D0, and by a host that has been woken
        out[f"all-{name}"] = heard + commands(ADDS + SPEAKERS) + step(PREPARE, NO_TIMER) + step(COMMIT) + 2 * heard
        out[f"all-{name}"] += step(AWAKE) + 2 * heard + step(RELEASE)
    for name, ups in (("up", (0, 1)), ("down", (1, 0))):
        out[f"link-{name}"] = before + step(LINK, bytes(ups[0])) + step(COMMIT) + step(LINK, bytes(ups[1])) + step(RELEASE)
    return out


def tagged_lives() -> dict[str, bytes]:
    """Captured and asleep, in the VLAN of slots and offloads and in another."""
    before, out = commands(IN_VLAN) + step(PREPARE, NO_TIMER), {}
    after = step(TIME, SECOND) * 2 + step(AWAKE) + step(RELEASE) + commands(LISTS)
    for name, frame in frames().items():
        if name in TAGGED_FRAMES:
            heard = b"".join(step(MENDED, tagged(frame, vid, priority=7)) for vid in (VID, VID + 1, 0))
            out[f"vlan-{name}"] = before + heard + step(COMMIT) + heard + step(MENDED, tagged(tagged(frame, VID), VID)) + after
    return out


def payload_life() -> bytes:
    """Pings answered, one answered twice, and the rest not acknowledged; before them what no slot may have."""
    out = b"".join(step(COMMAND, bytes([op, command]) + body) for op, _, command, body in PAYLOADS) + step(PREPARE) + step(COMMIT)
    for number in range(2):
        pong = TCP(sport=443, dport=40000, flags="PA", seq=5000 + 4 * number, ack=1000 + 8 * (number + 1), window=1000)
        frame = bytes(ether() / IP(src=PEER_IP, dst=HOST_IP) / pong / Raw(b"\x8a\x02" + (254 + number).to_bytes(2, "little")))
        out += step(TIME, b"\x01\x00") + (1 + number) * step(FRAME, frame)
    return out + step(TIME, b"\x01\x00") + step(AWAKE) + step(RELEASE)


def command_inputs() -> dict[str, bytes]:
    """The same messages without a line: the kind of a step is operation and command."""
    frame = step(0xFE, frames()["push"])
    lives = {
        "objects": [*ADDS, *LISTS], "more": [*MORE, *LISTS, *ABORT], "payload": [*PAYLOADS, *LISTS, *ENTER, *LEAVE],
        "life": [*LIFE, *LISTS], "speak": [*SPEAKERS, *LISTS, *ENTER], "watch": [*WATCHERS, *FORGET, *ENTER],
        "sleep": [*ADDS, *ENTER, WAIT], "faults": FAULTS, "vlan": [*IN_VLAN, *LISTS, *ENTER],
    }  # fmt: skip
    out = {name: b"".join(map(command_step, sent)) for name, sent in lives.items()}
    out["sleep"] += frame + b"".join(map(command_step, LEAVE)) + step(0x7F, b"\xff\xff")
    return out


def command_step(message: tuple[int, int, int, bytes]) -> bytes:
    op, _, command, body = message
    return step((0x80 if op == 2 else 0) | command, body)


BYTES, MESSAGE, CLOCK, WIRE, FLASH, REQUEST, MENDED_WIRE = range(7)
GROUPS = [0, 1, 100]


def request(message: tuple[int, int, int, bytes], seq: int) -> bytes:
    op, group, command, body = message
    return step(REQUEST, bytes([VERSION_2 | op, GROUPS.index(group), command, seq]) + body)


def requests(sent: Iterable[tuple[int, int, int, bytes]]) -> bytes:
    return b"".join(request(message, seq) for seq, message in enumerate(sent))


def upload_requests() -> list[tuple[int, int, int, bytes]]:
    """Two pieces of an image that nothing is right about but the header and the lengths."""
    data = image()
    first = cbor2.dumps({"off": 0, "len": len(data), "sha": bytes(32), "image": 0, "data": data[:200]})
    second = cbor2.dumps({"off": 200, "data": data[200:]})
    state = cbor2.dumps({"hash": bytes(32), "confirm": False})
    return [(2, 1, 1, first), (2, 1, 1, first), (2, 1, 1, second), (0, 1, 0, b""), (2, 1, 0, state), (2, 1, 5, b"\xa0"),
            (2, 1, 1, cbor2.dumps({"off": 2**32 - 1, "data": b"x"}))]  # fmt: skip


def smp_inputs() -> dict[str, bytes]:
    line = framing.encode(HEADER.pack(VERSION_2 | 2, 0, 8, 0, 1, 0) + cbor2.dumps({"d": "hello"}))
    push = step(WIRE, frames()["push"])
    asked = b"".join(step(MENDED_WIRE, frames()[name]) for name in ("mdns", "dhcp-ack", "udp-reply", "ra-changed"))
    return {
        "line": step(BYTES, line) + step(BYTES, b"\xff" * 64 + line[: len(line) // 2]) + step(BYTES, line),
        "os": requests(OS),
        "objects": requests([*ADDS, *LISTS]),
        "more": requests([*MORE, *LISTS, *ABORT]),
        "sleep": requests([*ADDS, *ENTER, WAIT]) + push + requests(LEAVE) + step(CLOCK, b"\xff\xff"),
        "captured": requests([*ADDS, ENTER[0]]) + push + requests([ENTER[1], WAIT, *LEAVE]),
        "life": requests([*LIFE, *LISTS]) + step(CLOCK, b"\xff\xff") * 3,
        "locked": requests([*ADDS[:2], *ENTER, *upload_requests()]),
        "faults": b"".join(requests([m]) + step(CLOCK, b"\x00\x05") for m in FAULTS),
        "upload": requests(upload_requests()),
        "flash": step(FLASH, struct.pack(">I", 0x10000) + image()) + requests([(0, 1, 0, b"")]),
        "payload": requests([*PAYLOADS, *LISTS, *ENTER, *LEAVE]),
        "speak": requests([*SPEAKERS, *LISTS, *ENTER]) + step(CLOCK, b"\x04\0") + asked + requests(LEAVE),
        "watch": requests([*WATCHERS, *FORGET, *ENTER, WAIT]) + push + requests(LEAVE),
        "retry": request(ADDS[1], 7) * 3 + requests(LISTS[:1]),
        "other-version": step(MESSAGE, HEADER.pack(0x1A, 0, 0, 0, 1, 0)) + step(MESSAGE, HEADER.pack(2, 0, 1, 0, 1, 0) + b"\xa0"),
    }


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


def area(magic: int, tlvs: bytes) -> bytes:
    return struct.pack("<HH", magic, 4 + len(tlvs)) + tlvs


def image(board: bytes = b"native", counter: int = 5, payload: bytes = bytes(64), load_addr: int = 0) -> bytes:
    """MCUboot's format; digests are for the fuzzer to put right, the signature is the one its stand-in takes."""
    protected = area(0x6908, tlv(0xA0, board) + tlv(0x50, struct.pack("<I", counter)))
    header = struct.pack("<IIHHIIBBHI4x", 0x96F3B83D, load_addr, 32, len(protected), len(payload), 0, 1, 2, 3, 4)
    proof = tlv(0x10, bytes(32)) + tlv(0x01, bytes(32)) + tlv(0x24, b"good" + bytes(60))
    return header + payload + protected + area(0x6907, proof)


def image_inputs() -> dict[str, bytes]:
    good = image()
    lying = bytearray(good)
    lying[32 + 64 + 2] += 4  # the protected area says it is longer than the header says
    return {
        "good": b"\x07" + good, "no-hash": b"\x06" + good, "other-key": b"\x05" + good, "cut": b"\x07" + good[:-70],
        "old": b"\x07" + image(counter=4), "other-board": b"\x03" + image(b"relay8"), "address": b"\x07" + image(load_addr=1),
        "empty": b"\x00", "no-payload": b"\x07" + image(payload=b""), "lying": b"\x07" + bytes(lying),
        "huge": b"\x07" + good[:12] + b"\xff\xff\xff\xff" + good[16:],
    }  # fmt: skip


FILTERS = {
    "port": "ip and tcp dst port 40000", "hosts": "ip host 192.0.2.2 and not udp", "v6": "ip6 and tcp",
    "scratch": "ip[2:2] - ip[0] & 15 * 4 > 60",
    "arithmetic": "ip[8] * 3 / 2 % 7 ^ 1 | 4 << 2 = 9", "length": "greater 60", "flags": "tcp[tcpflags] & tcp-syn != 0",
}  # fmt: skip


def bpf_inputs() -> dict[str, bytes]:
    """libpcap's programs, each over a frame; and some that nobody's compiler writes."""
    programs = {name: compile_filter(text) for name, text in FILTERS.items()}
    far = 2**32 - 1
    programs |= {
        "divides-by-0": pack((0x3C, 0, 0, 0), (0x16, 0, 0, 0)), "jumps-out": pack((0x05, 0, 0, far), (6, 0, 0, 1)),
        "no-return": pack((0x80, 0, 0, 0)), "far": pack((0x01, 0, 0, far), (0x40, 0, 0, far), (6, 0, 0, 1)), "empty": b"",
        "shifts": pack((0x01, 0, 0, 40), (0x6C, 0, 0, 0), (0x16, 0, 0, 0)), "cells": pack((0x02, 0, 0, 16), (6, 0, 0, 1)),
    }  # fmt: skip
    frame = frames()["push"]
    for code, size in ((0x20, 4), (0x28, 2), (0x30, 1)):
        for over in (0, 1):  # the last bytes of the frame, and one behind them
            programs[f"load-{size}-{over}-beyond"] = pack((code, 0, 0, len(frame) - size + over), (0x16, 0, 0, 0))
    return {name: bytes([len(program) // 8]) + program + frame for name, program in programs.items()}


INPUTS: dict[str, Callable[[], dict[str, bytes]]] = {
    "engine": engine_inputs, "command": command_inputs, "smp": smp_inputs, "image": image_inputs, "bpf": bpf_inputs,
}  # fmt: skip


def main(directory: Path) -> None:
    for target, inputs in INPUTS.items():
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs().items():
            (folder / f"{name}.bin").write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
