"""The offload engine as a shared library: a virtual clock, a wire that remembers, and no board.

Structures mirror firmware/core/engine.h field by field. `RIG_ENGINE_LIB` names another build of the library (a sanitizer's).
"""

from __future__ import annotations

import ctypes as c
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.device.payload import TOKENS_BYTES, PayloadKeepAlive

LIBRARY = Path(os.environ.get("RIG_ENGINE_LIB", Path(__file__).parents[2] / "firmware/build/libengine.so"))

HOST_MAC = bytes.fromhex("020000000001")
PEER_MAC = bytes.fromhex("020000000002")
HOST_IP = "192.0.2.1"
PEER_IP = "192.0.2.2"
HOST_IP6 = "2001:db8::1:2:3"
PEER_IP6 = "2001:db8::9"
HOST_PORT = 40000
PEER_PORT = 443
ARM_ALL = 7

OK, NOT_FOUND, NO_SLOT, LIST_FULL, BAD_LEN, BAD_ARG, BAD_ADDR, BAD_PORT = 0, 2, 3, 4, 5, 6, 7, 8
BAD_INTERVAL, BAD_STATE, STALE_HANDLE, STALE_EPOCH, UNSUPPORTED, WAKE_PENDING = 9, 10, 11, 12, 13, 14
RESUME_REQUIRED, DUP_TUPLE, DUP_ID, NOT_ACCEPTED = 17, 18, 19, 20

WAKE_PACKET, MEDIA_DISCONNECT, MEDIA_CONNECT = 1, 2, 3
TCP_DATA, TCP_FIN, TCP_RST, KA_TIMEOUT = 0x4001, 0x4002, 0x4003, 0x4004
ADDR_CONFLICT, BUFFER_FULL, HOST_TIMER, RX_WHILE_PREPARE, UNPARSEABLE = 0x4005, 0x4006, 0x4007, 0x4009, 0x400A
LEASE_EXPIRED = 0x400B
ROUTER_CHANGED, IPSEC, UDP_DATA, DHCP_NAK, DHCP_EXPIRED, DHCP_CHANGED = 0x4010, 0x4020, 0x4021, 0x4022, 0x4023, 0x4024
NO_MORE_TOKENS = 0x4030

ARP, NS, MDNS, GROUP, ECHO, NATT, UDP, DHCP = 1, 2, 16, 17, 18, 19, 32, 33

D0, PREPARED, D3, WOKEN, AWAKE, EXPIRED = 0, 1, 3, 4, 5, 6
IDLE, ACTIVE, PROBING, BROKEN, SLOT_WOKEN, PAUSED = 0, 1, 2, 3, 4, 6
POWER_MACHINE, SLOT_MACHINE = MACHINES = 1, 2
STATES = 7
Edge = tuple[int, int, int]
"""Machine, state before, state after."""
KEEP, VLAN, FLOW_LABEL, LEARN_NEXT_HOP, MD5, AO, FAST_OPEN = (1 << bit for bit in (5, 6, 7, 8, 9, 10, 11))
LEASE_MS = 7_200_000
NS_ROUTER, NS_DAD_WAKE, NS_DAD_IGNORE, NS_RA_WAKE = 1, 2, 4, 8
BITMAP, MAGIC, IPV4_SYN, IPV6_SYN, EAPOL, TCP_PAYLOAD, UDP_PORT, LINK_UP, LINK_DOWN, PROGRAM = 1, 2, 3, 4, 5, 7, 8, 9, 10, 12
WAKE_UNMATCHED = 1

REASONS = (
    "rx_bad_len", "rx_bad_ip_csum", "rx_bad_l4_csum", "rx_not_us", "rx_vlan_drop", "rx_frag",
    "rx_offload_answered", "rx_slot_consumed", "rx_wake", "rx_buffered", "rx_dropped_policy", "rx_overflow",
)  # fmt: skip

NO_REASONS = ("wake_while_prepare", "wake_suppressed", "wake_dup_collapsed")
"""Counters about wakes that are no reason of one."""

_TX = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(c.c_uint8), c.c_uint16)
_NOW = c.CFUNCTYPE(c.c_uint64, c.c_void_p)

u8, u16, u32, u64, flag = c.c_uint8, c.c_uint16, c.c_uint32, c.c_uint64, c.c_bool


class Env(c.Structure):
    _fields_ = [("ctx", c.c_void_p), ("tx", _TX), ("now_us", _NOW), ("link_events", c.c_bool)]


class Ip(c.Structure):
    _fields_ = [("len", u8), ("b", u8 * 16)]


class Span(c.Structure):
    _fields_ = [("offset", u32), ("len", u32)]


class PayloadCfg(c.Structure):
    _fields_ = [
        ("data_len", u8), ("reply_len", u8), ("data", u8 * 32), ("reply", u8 * 32), ("reply_mask", u8 * 4),
        ("reply_counts", flag), ("counter_start", u32), ("reply_counter", u32), ("counter", Span), ("token", Span),
        ("mask", Span), ("tokens_len", u16), ("tokens", u8 * TOKENS_BYTES),
    ]  # fmt: skip


class SlotCfg(c.Structure):
    _fields_ = [
        ("owner", u16), ("flags", u32), ("local_mac", u8 * 6), ("next_hop_mac", u8 * 6), ("next_hop_ip", Ip), ("local", Ip),
        ("remote", Ip),
        ("local_port", u16), ("remote_port", u16), ("ttl", u8), ("tos", u8), ("df", flag), ("ip_id", u16), ("mss", u16),
        ("vlan_tci", u16), ("flow_label", u32),
        ("snd_una", u32), ("snd_nxt", u32), ("snd_wl1", u32), ("snd_wnd", u32), ("max_snd_wnd", u32),
        ("rcv_nxt", u32), ("rcv_wnd", u32), ("rcv_wup", u32), ("snd_wscale", u8), ("rcv_wscale", u8),
        ("ts_on", flag), ("ts_hz", u32), ("tsval", u32), ("ts_recent", u32), ("ts_recent_age_ms", u32), ("t0_us", u64),
        ("ka_idle_ms", u32), ("ka_intvl_ms", u32), ("idle_elapsed_ms", u32), ("ka_cnt", u8), ("payload", c.POINTER(PayloadCfg)),
    ]  # fmt: skip


class SlotState(c.Structure):
    _fields_ = [
        ("slot", u8), ("gen", u16), ("state", u8), ("close_reason", u16),
        ("snd_una", u32), ("snd_nxt", u32), ("rcv_nxt", u32), ("snd_wnd", u32), ("tsval_last", u32), ("ts_recent", u32),
        ("last_rx_age_ms", u32), ("next_ka_due_ms", u32), ("ka_sent", u32), ("ka_acked", u32), ("ka_lost", u32),
        ("peer_ka_answered", u32), ("challenge_acks", u32), ("dup_data", u32), ("paws_drops", u32),
        ("payloads_sent", u32), ("payloads_answered", u32), ("payload_counter", u32), ("tokens_used", u32),
        ("payload_age_ms", u32),
        ("owner", u16), ("next_hop_moves", u32), ("next_hop_mac", u8 * 6), ("vlan_tci", u16),
    ]  # fmt: skip


class SlotUpdate(c.Structure):
    _fields_ = [
        ("idle_set", flag), ("intvl_set", flag), ("mac_set", flag), ("ka_idle_ms", u32), ("ka_intvl_ms", u32),
        ("next_hop_mac", u8 * 6), ("next_hop_ip", Ip),
    ]  # fmt: skip


class PatternCfg(c.Structure):
    _fields_ = [
        ("id", u32), ("type", u8), ("priority", u8), ("flags", u16), ("offset", u16), ("data_len", u16), ("mask_len", u16),
        ("data", u8 * 128), ("mask", u8 * 16), ("dst", Ip), ("src", Ip), ("port_set", flag), ("sport_set", flag),
        ("port", u16), ("sport", u16), ("slot", u8), ("gen", u16), ("prog", c.c_char_p), ("prog_len", u16),
    ]  # fmt: skip


class OffloadCfg(c.Structure):
    _fields_ = [("id", u32), ("type", u8), ("flags", u16), ("ip", Ip), ("ip2", Ip), ("remote", Ip), ("mac", u8 * 6),
                ("vlan_tci", u16)]  # fmt: skip


class UdpCfg(c.Structure):
    _fields_ = [
        ("local_port", u16), ("remote_port", u16), ("interval_ms", u32), ("elapsed_ms", u32), ("len", u8), ("payload", u8 * 32),
    ]  # fmt: skip


class DhcpCfg(c.Structure):
    _fields_ = [
        ("xid", u32), ("lease_s", u32), ("t1_s", u32), ("elapsed_ms", u32), ("len", u8), ("client_id", u8 * 32),
        ("options_len", u8), ("options", u8 * 64),
    ]  # fmt: skip


class MdnsCfg(c.Structure):
    _fields_ = [
        ("rrtype", u16), ("ttl_s", u32), ("name_len", u8), ("rdata_len", u8), ("name", u8 * 64), ("rdata", u8 * 64),
    ]  # fmt: skip


class OffloadUnion(c.Union):
    _fields_ = [("udp", UdpCfg), ("dhcp", DhcpCfg), ("mdns", MdnsCfg)]


class OffloadMore(c.Structure):
    _anonymous_ = ("u",)
    _fields_ = [("next_hop_mac", u8 * 6), ("next_hop_ip", Ip), ("u", OffloadUnion)]


class Event(c.Structure):
    _fields_ = [
        ("n", u32), ("kind", u8), ("slot", u8), ("gen", u16), ("reason", u16), ("subreason", u16), ("l2_flags", u16),
        ("epoch", u32), ("wake_seq", u32), ("pattern_id", u32), ("t_rx_us", u64), ("t_wake_us", u64),
        ("orig_size", u16), ("saved_size", u16),
    ]  # fmt: skip


class Frame(c.Structure):
    _fields_ = [
        ("index", u32), ("t_rx_us", u64), ("orig_len", u16), ("saved_len", u16), ("flags", u16), ("pattern_id", u32),
        ("bytes", u8 * 1518),
    ]  # fmt: skip


class Status(c.Structure):
    _fields_ = [
        ("arm", u32), ("lost", u32), ("epoch", u32), ("wakes", u32), ("owner", u8), ("power", u8), ("events_pending", u8),
        ("buffered", u16), ("last_wake_reason", u16), ("owner_id", u16), ("next_hops_moved", u8), ("lease_left_ms", u32),
    ]  # fmt: skip


class Verdict(c.Structure):
    """What became of a frame: the counter that it ended in, how many frames were sent for it, the reason of its wake or 0."""

    _fields_ = [("_reason", c.c_char_p), ("answers", u32), ("wake", u16)]

    @property
    def reason(self) -> str:
        return str(self._reason.decode())


class Field(c.Structure):
    _fields_ = [("structure", c.c_char_p), ("name", c.c_char_p), ("offset", c.c_size_t), ("bytes", c.c_size_t)]


Mirrors = dict[str, type[c.Structure]]
MIRRORS: Mirrors = {
    "eng_env": Env, "eng_ip": Ip, "eng_span": Span, "eng_payload_cfg": PayloadCfg, "eng_slot_cfg": SlotCfg,
    "eng_slot_state": SlotState, "eng_slot_update": SlotUpdate, "eng_pattern_cfg": PatternCfg, "eng_offload_cfg": OffloadCfg,
    "eng_udp_cfg": UdpCfg, "eng_dhcp_cfg": DhcpCfg, "eng_mdns_cfg": MdnsCfg, "eng_offload_more": OffloadMore,
    "eng_event": Event, "eng_frame": Frame, "eng_status": Status,
}  # fmt: skip
"""The structures of engine.h and what stands for them here; `next_hop.mac` there is `next_hop_mac` here."""

Layout = dict[tuple[str, str], tuple[int, int]]
"""(offset, bytes) by structure and field; the whole structure is the field ""."""


def layout_of_library(lib: c.CDLL) -> Layout:
    out: Layout = {}
    while row := lib.drv_layout(u16(len(out))):
        f = row.contents
        out[f.structure.decode(), f.name.decode().replace(".", "_")] = f.offset, f.bytes
    return out


def layout_of(mirrors: Mirrors) -> Layout:
    out: Layout = {}
    for structure, mirror in mirrors.items():
        out[structure, ""] = 0, c.sizeof(mirror)
        names = [name for name, *_ in mirror._fields_ if name not in getattr(mirror, "_anonymous_", ())]
        for inner in getattr(mirror, "_anonymous_", ()):
            names += [name for name, *_ in getattr(dict(f[:2] for f in mirror._fields_)[inner], "_fields_")]  # noqa: B009
        for name in names:
            out[structure, name] = getattr(mirror, name).offset, getattr(mirror, name).size
    return out


def layout_faults(lib: c.CDLL, mirrors: Mirrors) -> list[str]:
    """Where the mirrors do not lie as the library's structures do, in the words of a compiler error."""
    theirs, ours = layout_of_library(lib), layout_of(mirrors)
    differ = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
    return [
        f"{s}.{name or '*'}: (offset, bytes) {theirs.get((s, name))} in the library, {ours.get((s, name))} here"
        for s, name in differ
    ]


def _load() -> c.CDLL:
    lib = c.CDLL(str(LIBRARY))
    lib.drv_layout.restype = c.POINTER(Field)
    lib.drv_rx.restype = flag
    lib.eng_event_at.restype = c.POINTER(Event)
    if faults := layout_faults(lib, MIRRORS):
        raise ImportError(
            f"{LIBRARY} is of another firmware/core/engine.h than {__file__}: build it, or mend:\n" + "\n".join(faults)
        )
    lib.eng_size.restype = c.c_size_t
    lib.eng_frame_at.restype = c.POINTER(Frame)
    lib.eng_event_after.restype = c.POINTER(Event)
    lib.eng_counter_name.restype = c.c_char_p
    lib.eng_counter.restype = u64
    lib.eng_poll.restype = u32
    lib.eng_slot_list.restype = u8
    lib.eng_pattern_at.restype = c.POINTER(u32)  # the first field of what it points to is the pattern's id
    lib.eng_offload_at.restype = flag
    lib.eng_offload_lease_s.restype = u32
    lib.eng_edges.restype = u8
    return lib


def _counters(lib: c.CDLL) -> list[tuple[str, c.c_uint16]]:
    """Asked once: the tests look at all counters after each of hundred thousands of steps."""
    names: list[str] = []
    while name := lib.eng_counter_name(u16(len(names))):
        names.append(name.decode())
    return [(name, u16(number)) for number, name in enumerate(names)]


_LIB = _load()
_COUNTERS = _counters(_LIB)
_WAKE_COUNTERS = [
    name for name, _ in _COUNTERS if name == "lease_expired" or (name.startswith("wake_") and name not in NO_REASONS)
]


def ip(text: str) -> Ip:
    """An address; "" is "any"."""
    if not text:
        return Ip()
    raw = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    return Ip(len(raw), (u8 * 16)(*raw))


@dataclass
class Engine:
    """One engine, with `now_us` set by the test. Frames it sends end up in `sent`, as (time in µs, bytes)."""

    now_us: int = 0
    wire_up: bool = True
    link_events: bool = True
    sent: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._wakes_cleared = 0
        self._memory = (u64 * (_LIB.eng_size() // 8 + 1))()
        self._e = c.byref(self._memory)
        self._env = Env(None, _TX(self._tx), _NOW(lambda _ctx: self.now_us), self.link_events)
        _LIB.eng_init(self._e, c.byref(self._env), 7)

    def _tx(self, _ctx: int, frame: Any, length: int) -> bool:
        if self.wire_up:
            self.sent.append((self.now_us, bytes(frame[:length])))
        return self.wire_up

    def take_sent(self) -> list[bytes]:
        frames = [f for _, f in self.sent]
        self.sent.clear()
        return frames

    def rx(self, frame: bytes) -> None:
        """The library sees a copy of exactly this size, so that a sanitizer sees every byte read past the end."""
        self.rx_verdict(frame)

    def rx_verdict(self, frame: bytes) -> Verdict:
        """The same, and what became of it. ValueError for more bytes than the engine can be told of."""
        out = Verdict()
        if not _LIB.drv_rx(self._e, (u8 * len(frame)).from_buffer_copy(frame), c.c_size_t(len(frame)), c.byref(out)):
            raise ValueError(f"a frame of {len(frame)} bytes: the engine takes 65535 at most")
        return out

    def poll(self) -> int:
        return int(_LIB.eng_poll(self._e))

    def run_until(self, t_us: int) -> None:
        """Polls exactly when the engine asked to be polled, up to and with t_us."""
        while True:
            wait_us = self.poll()
            if self.now_us + wait_us > t_us:
                self.now_us = max(self.now_us, t_us)
                return
            self.now_us += wait_us

    def link(self, up: bool) -> None:
        _LIB.eng_link(self._e, flag(up))

    def attach(self, lease_ms: int = LEASE_MS) -> int:
        rc, freed = self.try_attach(lease_ms)
        assert rc == OK
        return freed

    def try_attach(self, lease_ms: int) -> tuple[int, int]:
        freed = u8()
        return int(_LIB.eng_attach(self._e, u16(1), u32(lease_ms), c.byref(freed))), freed.value

    def edges(self) -> dict[Edge, bool]:
        """The legal edges of the machines that have moved, and whether they were taken."""
        found: dict[Edge, bool] = {}
        for machine in MACHINES:
            for old in range(STATES):
                taken = u8()
                legal = int(_LIB.eng_edges(self._e, u8(machine), u8(old), c.byref(taken)))
                found |= {(machine, old, new): bool(taken.value >> new & 1) for new in range(STATES) if legal >> new & 1}
        return found

    def set_power(self, power: int) -> None:
        """As no command does, past the commands' own checks."""
        _LIB.set_power(self._e, c.c_int(power))

    def renew(self) -> None:
        """What the offload group does for every accepted command."""
        _LIB.eng_lease_renew(self._e)

    def set_minute_us(self, minute_us: int) -> None:
        _LIB.eng_set_minute_us(self._e, u32(minute_us))

    def slot_add(self, **changes: Any) -> tuple[int, int, int]:
        """(rc, slot, generation) for a connection HOST_IP:HOST_PORT to PEER_IP:PEER_PORT with these changes."""
        cfg = slot_cfg(**changes)
        slot, gen = u8(), u16()
        rc = _LIB.eng_slot_add(self._e, c.byref(cfg), c.byref(slot), c.byref(gen))
        return rc, slot.value, gen.value

    def slot_get(self, slot: int, gen: int) -> SlotState:
        rc, out = self.slot_asked(slot, gen)
        assert rc == OK
        return out

    def slot_asked(self, slot: int, gen: int) -> tuple[int, SlotState]:
        """(rc, its state)."""
        out = SlotState()
        return int(_LIB.eng_slot_get(self._e, u8(slot), u16(gen), c.byref(out))), out

    def slot_remove(self, slot: int, gen: int) -> int:
        return int(_LIB.eng_slot_remove(self._e, u8(slot), u16(gen), c.byref(SlotState())))

    def slot_pause(self, slot: int, gen: int) -> int:
        return int(_LIB.eng_slot_pause(self._e, u8(slot), u16(gen)))

    def slot_resume(self, slot: int, gen: int) -> int:
        return int(_LIB.eng_slot_resume(self._e, u8(slot), u16(gen)))

    def slot_update(
        self, slot: int, gen: int, idle_ms: int | None = None, intvl_ms: int | None = None, mac: bytes = b"", hop: str = ""
    ) -> int:
        given = SlotUpdate(idle_ms is not None, intvl_ms is not None, bool(mac), idle_ms or 0, intvl_ms or 0)
        given.next_hop_mac[: len(mac)] = list(mac)
        given.next_hop_ip = ip(hop)
        return int(_LIB.eng_slot_update(self._e, u8(slot), u16(gen), c.byref(given)))

    def slots(self) -> list[SlotState]:
        out = (SlotState * 16)()
        return list(out[: _LIB.eng_slot_list(self._e, out)])

    def pattern_add(self, id_: int, type_: int = BITMAP, data: bytes = b"", mask: bytes | None = None, **rest: Any) -> int:
        """`mask` None: every byte is compared."""
        if mask is None:
            mask = b"\xff" * ((len(data) + 7) // 8) if type_ in (BITMAP, TCP_PAYLOAD) else b""
        prog: bytes = rest.pop("prog", b"")
        cfg = PatternCfg(id=id_, type=type_, data_len=len(data), mask_len=len(mask), prog=prog, prog_len=len(prog))
        cfg.data[: min(len(data), 128)] = list(data[:128])
        cfg.mask[: min(len(mask), 16)] = list(mask[:16])
        for name in ("dst", "src"):
            setattr(cfg, name, ip(rest.pop(name, "")))
        for name in ("port", "sport"):
            setattr(cfg, f"{name}_set", name in rest)
        for name, value in rest.items():
            setattr(cfg, name, value)
        return int(_LIB.eng_pattern_add(self._e, c.byref(cfg)))

    def pattern_remove(self, id_: int) -> int:
        return int(_LIB.eng_pattern_remove(self._e, u32(id_)))

    def patterns(self) -> dict[int, int]:
        """Hits by id, in order of addition."""
        hits = u32()
        out: dict[int, int] = {}
        while found := _LIB.eng_pattern_at(self._e, u8(len(out)), c.byref(hits)):
            out[found.contents.value] = hits.value
        return out

    def offload_remove(self, id_: int) -> int:
        return int(_LIB.eng_offload_remove(self._e, u32(id_)))

    def arp_add(self, id_: int = 1, address: str = HOST_IP, mac: bytes = HOST_MAC, remote: str = "", type_: int = 1) -> int:
        return self.offload_add(id_, type_, address, mac=mac, remote=remote)

    def ns_add(self, id_: int = 2, address: str = HOST_IP6, flags: int = 0, **rest: Any) -> int:
        return self.offload_add(id_, NS, address, flags=flags, **rest)

    def echo_add(self, id_: int = 3, address: str = HOST_IP, **rest: Any) -> int:
        return self.offload_add(id_, ECHO, address, **rest)

    def offload_add(
        self, id_: int, type_: int, address: str, *, second: str = "", mac: bytes = HOST_MAC, remote: str = "", flags: int = 0,
        tci: int = 0,
    ) -> int:  # fmt: skip
        cfg = OffloadCfg(id=id_, type=type_, flags=flags, ip=ip(address), ip2=ip(second), remote=ip(remote), mac=(u8 * 6)(*mac))
        cfg.vlan_tci = tci
        return int(_LIB.eng_offload_add(self._e, c.byref(cfg), None))

    def group_add(self, id_: int, group: str, address: str = HOST_IP, tci: int = 0) -> int:
        return self.offload_add(id_, GROUP, address, remote=group, tci=tci)

    def udp_add(self, id_: int = 1, type_: int = NATT, address: str = HOST_IP, remote: str = PEER_IP, flags: int = 0,
                payload: bytes = b"", hop: bytes = PEER_MAC, hop_ip: str = "", tci: int = 0, **rest: int) -> int:  # fmt: skip
        """A UDP keep-alive between ports 4500, every 20 s; `rest` are fields of UdpCfg."""
        cfg = OffloadCfg(id=id_, type=type_, flags=flags, ip=ip(address), remote=ip(remote), mac=(u8 * 6)(*HOST_MAC))
        cfg.vlan_tci = tci
        udp = UdpCfg(4500, 4500, 20_000, 0, len(payload), (u8 * 32)(*payload[:32]))
        for name, value in rest.items():
            setattr(udp, name, value)
        return self._add_more(cfg, OffloadMore((u8 * 6)(*hop), ip(hop_ip), OffloadUnion(udp=udp)))

    def dhcp_add(
        self, id_: int = 1, address: str = HOST_IP, remote: str = PEER_IP, client_id: bytes = b"", hop_ip: str = "", tci: int = 0,
        options: bytes = b"", **rest: Any,
    ) -> int:  # fmt: skip
        """A lease of 3600 s whose T1 is the default; `rest` are fields of DhcpCfg."""
        cfg = OffloadCfg(id=id_, type=DHCP, ip=ip(address), remote=ip(remote), mac=(u8 * 6)(*HOST_MAC), vlan_tci=tci)
        dhcp = DhcpCfg(0x1000, 3600, 0, 0, len(client_id), (u8 * 32)(*client_id[:32]), len(options), (u8 * 64)(*options[:64]))
        for name, value in rest.items():
            setattr(dhcp, name, value)
        return self._add_more(cfg, OffloadMore((u8 * 6)(*PEER_MAC), ip(hop_ip), OffloadUnion(dhcp=dhcp)))

    def mdns_add(
        self, id_: int, name: bytes, rrtype: int, rdata: bytes, address: str = HOST_IP, ttl_s: int = 120, flags: int = 0,
        tci: int = 0,
    ) -> int:  # fmt: skip
        cfg = OffloadCfg(id=id_, type=MDNS, flags=flags, ip=ip(address), mac=(u8 * 6)(*HOST_MAC), vlan_tci=tci)
        record = MdnsCfg(rrtype, ttl_s, len(name), len(rdata), (u8 * 64)(*name[:64]), (u8 * 64)(*rdata[:64]))
        return self._add_more(cfg, OffloadMore(u=OffloadUnion(mdns=record)))

    def lease_s(self, index: int = 0) -> int:
        return int(_LIB.eng_offload_lease_s(self._e, u8(index)))

    def _add_more(self, cfg: OffloadCfg, more: OffloadMore) -> int:
        return int(_LIB.eng_offload_add(self._e, c.byref(cfg), c.byref(more)))

    def offloads(self) -> dict[int, int]:
        """Answers or keep-alives sent, by id, in order of addition."""
        id_, type_, answered = u32(), u8(), u32()
        out: dict[int, int] = {}
        while _LIB.eng_offload_at(self._e, u8(len(out)), c.byref(id_), c.byref(type_), c.byref(answered)):
            out[id_.value] = answered.value
        return out

    @property
    def status(self) -> Status:
        out = Status()
        _LIB.eng_status(self._e, c.byref(out))
        return out

    def prepare(
        self,
        arm: int = ARM_ALL,
        wake_timer_ms: int = 0,
        epoch: int | None = None,
        mac: bytes = HOST_MAC,
        target: int = 3,
        yield_ms: int = 0,
    ) -> int:
        epoch = self.status.epoch if epoch is None else epoch
        to = u8(target), u32(arm), (u8 * 6)(*mac), u32(wake_timer_ms), u32(yield_ms)
        return int(_LIB.eng_prepare(self._e, u32(epoch), *to))

    def commit(self, epoch: int | None = None) -> int:
        return int(_LIB.eng_commit(self._e, u32(self.status.epoch if epoch is None else epoch)))

    def abort(self, epoch: int | None = None) -> int:
        return int(_LIB.eng_abort(self._e, u32(self.status.epoch if epoch is None else epoch)))

    def host_awake(self, epoch: int | None = None) -> int:
        return int(_LIB.eng_host_awake(self._e, u32(self.status.epoch if epoch is None else epoch)))

    def release(self) -> tuple[int, list[SlotState]]:
        out, n = (SlotState * 16)(), u8()
        rc = _LIB.eng_release(self._e, out, c.byref(n))
        return rc, list(out[: n.value])

    def sleep(self, arm: int = ARM_ALL, **prepare: Any) -> None:
        assert self.prepare(arm, **prepare) == OK
        assert self.commit() == OK

    def frames(self) -> list[Frame]:
        out: list[Frame] = []
        while f := _LIB.eng_frame_at(self._e, u16(len(out))):
            out.append(Frame.from_buffer_copy(f.contents))
        return out

    def frames_ack(self, index: int) -> None:
        _LIB.eng_frames_ack(self._e, u32(index))

    def events(self) -> list[Event]:
        """All that are kept, oldest first; unlike `event`, it frees none."""
        out: list[Event] = []
        while ev := _LIB.eng_event_at(self._e, u8(len(out))):
            out.append(Event.from_buffer_copy(ev.contents))
        return out

    def event(self, after: int = 0) -> Event | None:
        """The first with a number above `after`; those up to `after` are freed."""
        ev = _LIB.eng_event_after(self._e, u32(after))
        return Event.from_buffer_copy(ev.contents) if ev else None

    def wake_event(self) -> Event:
        """The oldest event, which the test expects to be there."""
        ev = self.event()
        assert ev is not None, "the engine slept on"
        return ev

    @property
    def counters(self) -> dict[str, int]:
        return {name: _LIB.eng_counter(self._e, number) for name, number in _COUNTERS}

    def counters_clear(self) -> None:
        self._wakes_cleared = self.status.wakes
        _LIB.eng_counters_clear(self._e)

    def check_sum(self) -> None:
        """Every frame received ended in exactly one reason counter, every wake in one counter of its reason."""
        n = self.counters
        assert n["rx_total"] == sum(n[r] for r in REASONS), {r: n[r] for r in REASONS}
        wakes = {name: n[name] for name in _WAKE_COUNTERS}
        assert self.status.wakes - self._wakes_cleared == sum(wakes.values()), wakes


def payload_cfg(p: PayloadKeepAlive, **changes: Any) -> PayloadCfg:
    """As the SMP group fills it; `changes` are fields of the structure, for what a host's own checks would refuse."""
    cfg = PayloadCfg(data_len=len(p.data), reply_len=len(p.reply), tokens_len=len(p.tokens))
    mask = p.reply_mask or b"\xff" * 4
    for place, raw in ((cfg.data, p.data), (cfg.reply, p.reply), (cfg.tokens, p.tokens), (cfg.reply_mask, mask)):
        place[: len(raw)] = list(raw)
    if p.counter is not None:
        cfg.counter_start, cfg.counter = p.counter.start, Span(p.counter.offset, p.counter.len)
    if p.reply_counter is not None:
        cfg.reply_counts, cfg.reply_counter = True, p.reply_counter
    for name in ("token", "mask"):
        span = getattr(p, name)
        if span is not None:
            setattr(cfg, name, Span(span.offset, span.len))
    for name, value in changes.items():
        setattr(cfg, name, value)
    return cfg


def slot_cfg(**changes: Any) -> SlotCfg:
    """An idle, established connection: 60 s idle, 10 s interval, 3 probes, all wake flags, keep-alives answered."""
    cfg = SlotCfg(
        owner=1, flags=0x1F, local=ip(HOST_IP), remote=ip(PEER_IP), local_port=HOST_PORT, remote_port=PEER_PORT,
        local_mac=(u8 * 6)(*HOST_MAC), next_hop_mac=(u8 * 6)(*PEER_MAC), ttl=64, tos=0, df=True, ip_id=100, mss=1460,
        snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=65535, max_snd_wnd=65535, rcv_nxt=5000, rcv_wnd=8192,
        snd_wscale=0, rcv_wscale=0, ts_on=False, ts_hz=1000, ka_idle_ms=60_000, ka_intvl_ms=10_000, ka_cnt=3,
    )  # fmt: skip
    for name, value in changes.items():
        if name == "payload":
            value = c.pointer(payload_cfg(value) if isinstance(value, PayloadKeepAlive) else value)
        elif name in ("local", "remote", "next_hop_ip"):
            value = ip(value)
        elif name in ("local_mac", "next_hop_mac"):
            value = (u8 * 6)(*value)
        setattr(cfg, name, value)
    if "vlan_tci" in changes and "flags" not in changes:
        cfg.flags |= VLAN
    for name in ("rcv_wup", "snd_wl1"):  # what the host sees of the peer's last segment moves with it
        if name not in changes:
            setattr(cfg, name, cfg.rcv_nxt)
    return cfg
