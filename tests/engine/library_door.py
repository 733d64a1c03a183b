"""The door in the library: the engine itself, in virtual time. The bodies of rig/suite run here too, by import."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rig.device.codes import code_name
from rig.device.numbers import (
    ARM_ALL,
    GROUP_OFFLOAD,
    Arm,
    EventKind,
    FrameFlag,
    OffloadType,
    Owner,
    Power,
    SlotState,
    WakeReason,
)
from rig.device.offload_types import (
    BufferedFrame,
    Event,
    Pattern,
    ProtocolOffload,
    Release,
    SlotInfo,
    SlotRef,
    Status,
    TcpSlot,
)
from rig.errors import DeviceError
from rig.suite.standby_door import Sent, StandbyDoor
from tests.engine import engine_lib
from tests.engine.engine_lib import OK, Engine

SAME_NAMES = ("vlan_tci", "flow_label", "next_hop_ip", "payload")
"""Fields of a TcpSlot that the library's structure has only where they are set."""

LIMITS = {"max_pattern_offset": 1514, "max_pattern_bytes": 128, "max_patterns": 32, "yield_max_ms": 60_000}
"""What smp/offload_group.c says of the engine."""


class LibraryDoor(StandbyDoor):
    """`eng` is at the test's own hands where the body does not reach."""

    ka_min_ms, ka_max_ms, slots = 10, 86_400_000, 16

    def __init__(self, eng: Engine) -> None:
        self.eng = eng
        self._seen_event = 0

    def scale(self, minute_us: int) -> None:
        self.eng.set_minute_us(minute_us)
        self.minute_us = minute_us

    def add(self, thing: TcpSlot | Pattern | ProtocolOffload) -> SlotRef | None:
        if isinstance(thing, TcpSlot):
            given = {f.name: getattr(thing, f.name) for f in fields(thing)}
            for name in SAME_NAMES:
                if given[name] is None:
                    del given[name]
            given["flags"] = int(thing.wire()["flags"])
            rc, slot, gen = self.eng.slot_add(**given)
            _check(rc, "add slot")
            return SlotRef(slot, gen)
        if isinstance(thing, Pattern):
            _check(
                self.eng.pattern_add(thing.id, int(thing.type), thing.data or b"", thing.mask, **_of_pattern(thing)),
                "add pattern",
            )
            return None
        _check(_add_offload(self.eng, thing), "add offload")
        return None

    def remove_pattern(self, pattern_id: int) -> None:
        _check(self.eng.pattern_remove(pattern_id), "remove pattern")

    def prepare(self, arm: Arm = ARM_ALL, yield_ms: int = 0) -> None:
        _check(self.eng.prepare(int(arm), yield_ms=yield_ms), "prepare")

    def commit(self) -> None:
        _check(self.eng.commit(), "commit")

    def speaks_again(self) -> None:
        pass

    def host_awake(self) -> None:
        _check(self.eng.host_awake(), "host awake")

    def drain(self) -> list[BufferedFrame]:
        return [
            BufferedFrame(f.index, f.t_rx_us, f.orig_len, FrameFlag(f.flags), f.pattern_id, bytes(f.bytes[: f.saved_len]))
            for f in self.eng.frames()
        ]

    def release(self) -> Release:
        rc, slots = self.eng.release()
        _check(rc, "release")
        return Release(self.eng.status.epoch, tuple(map(_info, slots)))

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.eng.rx(frame)

    def take_sent(self) -> list[Sent]:
        sent = [Sent(self._spec_ms(t_us), frame) for t_us, frame in self.eng.sent]
        self.eng.sent.clear()
        return sent

    def next_sent(self, within_ms: float) -> Sent:
        self._until(lambda: bool(self.eng.sent), within_ms)
        assert self.eng.sent, f"the engine sent nothing in {within_ms} ms"
        t_us, frame = self.eng.sent.pop(0)
        return Sent(self._spec_ms(t_us), frame)

    def wake(self, within_ms: float) -> Event:
        self._until(lambda: self.eng.event(self._seen_event) is not None, within_ms)
        found = self.eng.event(self._seen_event)
        assert found is not None, f"the engine slept on for {within_ms} ms"
        self._seen_event = found.n
        frames = self.eng.frames()
        first = bool(frames) and frames[0].index == 1
        frame = bytes(frames[0].bytes[: frames[0].saved_len]) if first and found.orig_size else b""
        return Event(
            found.n, EventKind(found.kind), found.slot, found.gen, found.epoch, found.reason, found.subreason, found.l2_flags,
            found.wake_seq, found.pattern_id, found.t_rx_us, found.t_wake_us, found.saved_size, found.orig_size, frame,
        )  # fmt: skip

    def passes(self, ms: float) -> None:
        self.eng.run_until(self.eng.now_us + self._us(ms))

    def now_ms(self) -> float:
        return self._spec_ms(self.eng.now_us)

    def device_us(self) -> int:
        return self.eng.now_us

    def slot(self, ref: SlotRef) -> SlotInfo:
        rc, state = self.eng.slot_asked(ref.slot, ref.gen)
        _check(rc, "get slot")
        return _info(state)

    def limit(self, capability: str) -> int:
        return LIMITS[capability]

    def hits(self) -> dict[int, int]:
        return self.eng.patterns()

    def status(self) -> Status:
        s = self.eng.status
        return Status(
            s.arm, s.lost, s.epoch, Owner(s.owner), Power(s.power), s.wakes, s.buffered, s.events_pending,
            WakeReason(s.last_wake_reason), s.owner_id, s.lease_left_ms,
        )  # fmt: skip

    def counters(self) -> dict[str, int]:
        return self.eng.counters

    def _until(self, there: Any, within_ms: float) -> None:
        """Virtual time passes up to the moment at which it is there, or all of it."""
        end_us = self.eng.now_us + self._us(within_ms)
        while not there():
            wait_us = self.eng.poll()
            if there():
                return
            if self.eng.now_us + wait_us > end_us:
                self.eng.now_us = end_us
                return
            self.eng.now_us += wait_us

    def _us(self, ms: float) -> int:
        return round(ms * self.minute_us / 60_000)

    def _spec_ms(self, t_us: int) -> float:
        return t_us * 60_000 / self.minute_us


def _check(rc: int, what: str) -> None:
    if rc != OK:
        raise DeviceError(GROUP_OFFLOAD, rc, code_name(GROUP_OFFLOAD, rc), what)


def _of_pattern(pattern: Pattern) -> dict[str, Any]:
    given: dict[str, Any] = {
        "offset": pattern.offset, "dst": pattern.ip, "src": pattern.src, "port": pattern.port, "sport": pattern.sport,
        "prog": pattern.prog, "flags": pattern.flags, "priority": pattern.priority,
    }  # fmt: skip
    if pattern.slot is not None:
        given |= pattern.slot.wire()
    return {name: value for name, value in given.items() if value is not None}


def _add_offload(eng: Engine, offload: ProtocolOffload) -> int:
    if offload.type is OffloadType.DHCP:
        assert offload.remote is not None
        given = {name: getattr(offload, name) for name in ("xid", "lease_s", "t1_s") if getattr(offload, name) is not None}
        return eng.dhcp_add(offload.id, offload.ip, offload.remote, client_id=offload.data or b"", **given)
    if offload.type in (OffloadType.NATT, OffloadType.UDP):
        assert offload.remote is not None
        names = ("local_port", "remote_port", "interval_ms", "elapsed_ms")
        given = {name: getattr(offload, name) for name in names if getattr(offload, name) is not None}
        return eng.udp_add(
            offload.id, int(offload.type), offload.ip, offload.remote, offload.flags or 0, offload.data or b"", **given
        )
    if offload.type is OffloadType.MDNS:
        assert offload.name is not None
        return eng.mdns_add(
            offload.id,
            offload.name,
            offload.rrtype or 0,
            offload.data or b"",
            offload.ip,
            offload.ttl_s or 120,
            offload.flags or 0,
        )
    return eng.offload_add(offload.id, int(offload.type), offload.ip, mac=offload.mac, **_of_offload(offload))


def _of_offload(offload: ProtocolOffload) -> dict[str, Any]:
    """Those of the types that have no fields of their own."""
    given = {"second": offload.ip2, "remote": offload.remote, "flags": offload.flags, "tci": offload.vlan_tci}
    return {name: value for name, value in given.items() if value is not None}


def _info(state: engine_lib.SlotState) -> SlotInfo:
    row = {name: getattr(state, name) for name, *_ in state._fields_}
    row |= {"state": SlotState(state.state), "close_reason": WakeReason(state.close_reason)}
    row["next_hop_mac"] = bytes(state.next_hop_mac)
    return SlotInfo(**row)
