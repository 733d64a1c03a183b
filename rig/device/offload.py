"""The offload commands, typed. Any Requester will do: a Link, or a stand-in of a test.

Refusals come as DeviceError with `rc` from OffloadRc. `epoch` guards every change of ownership: the device refuses an
epoch that is not the one it has (STALE_EPOCH), so that a late command never takes effect.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rig.device.brief import brief
from rig.device.codes import NO_SUCH_COMMAND
from rig.device.numbers import ABI, GROUP_OFFLOAD, READ, WRITE, Command, Fault, Power
from rig.device.offload_types import (
    Attached,
    Capabilities,
    DeviceLog,
    Drain,
    Hello,
    OffloadInfo,
    Pattern,
    PatternInfo,
    PowerReply,
    ProtocolOffload,
    Release,
    SlotInfo,
    SlotRef,
    Status,
    TcpSlot,
    TimeSync,
    violation,
)
from rig.device.packed_address import given
from rig.device.requests import RETRIES, TIMEOUT_S, Requester
from rig.errors import BenchError, DeviceError

DRAIN_BYTES = 3600
"""Frames in one reply: with CBOR and header it stays below the 4096 bytes of a message."""
REPLY_BYTE_S = 0.0002
"""Extra patience for each byte of a long reply: 4/3 for base64, 10 bits a byte, at 115200 baud, and some."""
DRAIN_TIMEOUT_S = TIMEOUT_S + DRAIN_BYTES * REPLY_BYTE_S
SYNC_ROUNDS = 5
STARTING_S = 0.02
"""Between two questions to a device that is about to start: the first is lost, and half a second is long for a bench."""

T = TypeVar("T")


def typed(of: Callable[[Mapping[str, Any]], T], command: Command, reply: Mapping[str, Any]) -> T:
    """What a reply says. Raises BenchError RIG-B11 for one that is not as the contract has it: a device of another make may
    answer anything."""
    try:
        return of(reply)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        cause = f"the reply to {command.name} violates offload.cddl ({type(error).__name__}: {error}): {brief(dict(reply), 400)}"
        raise violation(cause) from error


class OffloadClient:
    """`requester` must stay open as long as this is used. Thread-safe when the requester is.

    After the end of the owner's lease every command that changes something is refused with RESUME_REQUIRED, but attach.
    """

    def __init__(self, requester: Requester, *, guest: bool = False) -> None:
        """`guest`: on the line of another client, which numbers the requests of both: it does not say who it is, as that would
        end what the device has kept for a repetition by the other."""
        self.requester = requester
        self._who = {} if guest else {"client": random.getrandbits(32)}
        """What a client before this one sent, under a number that we come to, is not what we send."""

    def _read(self, command: Command, body: Mapping[str, Any] | None = None, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        return self.requester.request(READ, GROUP_OFFLOAD, command, body or {}, timeout_s=timeout_s)

    def _write(self, command: Command, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.requester.request(WRITE, GROUP_OFFLOAD, command, body or {})

    def _read_as(
        self,
        of: Callable[[Mapping[str, Any]], T],
        command: Command,
        body: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> T:
        return typed(of, command, self._read(command, body, timeout_s=timeout_s))

    def _write_as(self, of: Callable[[Mapping[str, Any]], T], command: Command, body: Mapping[str, Any] | None = None) -> T:
        return typed(of, command, self._write(command, body))

    # -- who, what, when -----------------------------------------------------------------------------------------------

    def hello(self) -> Hello:
        """Who answers. Raises RIG-B02 when its firmware speaks another contract than this rig."""
        reply = self._read(Command.HELLO, self._who)
        check_abi(reply)
        return Hello.of(reply)

    def wait_until_there(self) -> None:
        """A device that is about to start hears nothing yet: it is asked again every STARTING_S, for as long as any request is
        repeated. Raises BenchError RIG-B03."""
        retries = round(TIMEOUT_S * (RETRIES + 1) / STARTING_S) - 1
        self.requester.request(READ, GROUP_OFFLOAD, Command.HELLO, self._who, timeout_s=STARTING_S, retries=retries)

    def attach(self, owner: int, lease_ms: int | None = None) -> Attached:
        """Start afresh: slots, patterns, offloads, buffers and events of before are freed, power state D0.

        `lease_ms`: an owner not heard of for so many specification milliseconds is taken for dead; None: 7200 s. BAD_INTERVAL.
        """
        lease = {} if lease_ms is None else {"lease_ms": lease_ms}
        return self._write_as(Attached.of, Command.HELLO, {"owner": owner, **lease})

    def capabilities(self) -> Capabilities:
        return self._read_as(Capabilities.of, Command.CAPABILITIES)

    def time_sync(self, rounds: int = SYNC_ROUNDS, enough_us: int = 0) -> TimeSync:
        """The device's clock against ours: the best of a few rounds, the one with the shortest trip. The first of `enough_us` or
        less ends them."""
        syncs: list[TimeSync] = []
        while len(syncs) < rounds and not (syncs and syncs[-1].rtt_us <= enough_us):
            syncs.append(self._sync_once())
        return min(syncs, key=lambda sync: sync.rtt_us)

    def _sync_once(self) -> TimeSync:
        t1_ns = time.monotonic_ns()
        reply = self._read(Command.TIME_SYNC, {"t1_ns": t1_ns})
        t4_ns = time.monotonic_ns()
        t2_us, t3_us = typed(lambda row: (int(row["t2_us"]), int(row["t3_us"])), Command.TIME_SYNC, reply)
        middle_us = (t1_ns + t4_ns) // 2000
        return TimeSync((t2_us + t3_us) // 2 - middle_us, (t4_ns - t1_ns) // 1000 - (t3_us - t2_us))

    def counters(self) -> dict[str, int]:
        """All counters of the firmware by name; the rx_ reasons sum to rx_total."""
        return self._read(Command.COUNTERS)

    def clear_counters(self) -> None:
        self._write(Command.CLEAR_COUNTERS)

    def log(self, cursor: int = 0) -> DeviceLog:
        """The last kibibyte of the device's log, or what came since `cursor`."""
        return self._read_as(DeviceLog.of, Command.GET_LOG, {"cursor": cursor})

    def status(self) -> Status:
        return self._read_as(Status.of, Command.STATUS)

    # -- slots, patterns, offloads -------------------------------------------------------------------------------------

    def add_tcp_slot(self, slot: TcpSlot) -> SlotRef:
        """NO_SLOT, DUP_TUPLE, BAD_ADDR, BAD_PORT, BAD_INTERVAL, BAD_ARG, BAD_STATE, UNSUPPORTED (a flag)."""
        return self._write_as(SlotRef.of, Command.ADD_TCP_SLOT, slot.wire())

    def remove_tcp_slot(self, ref: SlotRef) -> SlotInfo:
        """The slot's final state. STALE_HANDLE."""
        return self._write_as(_state, Command.REMOVE_TCP_SLOT, ref.wire())

    def get_tcp_slot(self, ref: SlotRef) -> SlotInfo:
        """STALE_HANDLE."""
        return self._read_as(_state, Command.GET_TCP_SLOT, ref.wire())

    def pause_tcp_slot(self, ref: SlotRef) -> None:
        """Neither send for the slot nor know its frames, and keep its place. STALE_HANDLE, BAD_STATE (ended, woken, paused)."""
        self._write(Command.PAUSE_TCP_SLOT, ref.wire())

    def resume_tcp_slot(self, ref: SlotRef) -> None:
        """Go on where the connection is; its idle time has run on. STALE_HANDLE, BAD_STATE (not paused)."""
        self._write(Command.RESUME_TCP_SLOT, ref.wire())

    def update_tcp_slot(
        self,
        ref: SlotRef,
        *,
        ka_idle_ms: int | None = None,
        ka_intvl_ms: int | None = None,
        next_hop_mac: bytes | None = None,
        next_hop_ip: str | None = None,
    ) -> None:
        """Change a live slot: all that is given or, when refused, nothing. STALE_HANDLE, BAD_STATE, BAD_INTERVAL, BAD_ADDR,
        BAD_ARG (nothing given)."""
        new = {"ka_idle_ms": ka_idle_ms, "ka_intvl_ms": ka_intvl_ms, "next_hop_mac": next_hop_mac, "next_hop_ip": next_hop_ip}
        self._write(Command.UPDATE_TCP_SLOT, {**ref.wire(), **given(new, "next_hop_ip")})

    def slots(self) -> tuple[SlotInfo, ...]:
        """Slots in use, lowest first."""
        return self._read_as(_states, Command.LIST_TCP_SLOTS)

    def add_pattern(self, pattern: Pattern) -> None:
        """LIST_FULL, DUP_ID, BAD_LEN, BAD_ARG, UNSUPPORTED; NOT_ACCEPTED from prepare on."""
        self._write(Command.ADD_PATTERN, pattern.wire())

    def remove_pattern(self, pattern_id: int) -> None:
        """NOT_FOUND."""
        self._write(Command.REMOVE_PATTERN, {"id": pattern_id})

    def patterns(self) -> tuple[PatternInfo, ...]:
        return self._read_as(lambda reply: tuple(map(PatternInfo.of, reply["patterns"])), Command.LIST_PATTERNS)

    def add_offload(self, offload: ProtocolOffload) -> None:
        """LIST_FULL, DUP_ID, BAD_ADDR, UNSUPPORTED."""
        self._write(Command.ADD_OFFLOAD, offload.wire())

    def remove_offload(self, offload_id: int) -> None:
        """NOT_FOUND."""
        self._write(Command.REMOVE_OFFLOAD, {"id": offload_id})

    def offloads(self) -> tuple[OffloadInfo, ...]:
        """None of a device that is without the command: it is without protocol offloads altogether."""
        try:
            return self._read_as(lambda reply: tuple(map(OffloadInfo.of, reply["offloads"])), Command.LIST_OFFLOADS)
        except DeviceError as error:
            if error.name != NO_SUCH_COMMAND:
                raise
            return ()

    # -- standby -------------------------------------------------------------------------------------------------------

    def prepare(
        self, *, epoch: int, arm: int, mac: bytes, target: Power = Power.D3, wake_timer_ms: int = 0, yield_ms: int = 0
    ) -> PowerReply:
        """Capture frames from now on, speak not yet. `mac`: the host's; `arm`: bits of `Arm`; `yield_ms`: real time for
        which it leaves the wire to the host after a wake. BAD_STATE, UNSUPPORTED, BAD_ADDR, BAD_INTERVAL."""
        yielding = {"yield_ms": yield_ms} if yield_ms else {}
        body = {"arm": arm, "mac": mac, "epoch": epoch, "target": int(target), **yielding, "wake_timer_ms": wake_timer_ms}
        return self._write_as(PowerReply.of, Command.PREPARE, body)

    def commit(self, epoch: int) -> PowerReply:
        """The device speaks as the host. WAKE_PENDING: a captured frame wakes, nothing was taken over."""
        return self._write_as(PowerReply.of, Command.COMMIT, {"epoch": epoch})

    def abort(self, epoch: int) -> PowerReply:
        """Back to D0 from prepare."""
        return self._write_as(PowerReply.of, Command.ABORT, {"epoch": epoch})

    def host_awake(self, epoch: int) -> PowerReply:
        """The device stops speaking as the host and goes on buffering."""
        return self._write_as(PowerReply.of, Command.HOST_AWAKE, {"epoch": epoch})

    def drain(self, ack: int, max_bytes: int = DRAIN_BYTES) -> Drain:
        """Buffered frames after index `ack`; those up to it are freed."""
        timeout_s = TIMEOUT_S + max_bytes * REPLY_BYTE_S
        return self._read_as(Drain.of, Command.DRAIN, {"ack": ack, "max_bytes": max_bytes}, timeout_s=timeout_s)

    def release(self) -> Release:
        """The host has everything: slots and buffers are freed, the device is silent. BAD_STATE."""
        return self._write_as(Release.of, Command.RELEASE)

    # -- test builds ---------------------------------------------------------------------------------------------------

    def fault_inject(self, kind: Fault, n: int, delay_ms: int = 0) -> None:
        """What happens to the next n replies after this one's. UNSUPPORTED outside test builds."""
        self._write(Command.FAULT_INJECT, {"n": n, "kind": int(kind), "delay_ms": delay_ms})

    def set_clock_scale(self, minute_us: int) -> None:
        """How long a minute of every interval lasts, µs. UNSUPPORTED outside test builds."""
        self._write(Command.SET_CLOCK_SCALE, {"minute_us": minute_us})


def _state(reply: Mapping[str, Any]) -> SlotInfo:
    return SlotInfo.of(reply["state"])


def _states(reply: Mapping[str, Any]) -> tuple[SlotInfo, ...]:
    ends = reply.get("ends") or [()] * len(reply["slots"])
    return tuple(SlotInfo.of(row, end) for row, end in zip(reply["slots"], ends, strict=True))


def check_abi(hello: Mapping[str, Any]) -> None:
    """Raises RIG-B02 when the firmware is older or newer than this rig."""
    abi, version = hello.get("abi", 0), hello.get("version", "of unknown version")
    if abi == ABI:
        return
    fix = "`rig flash` brings the firmware of this rig" if abi < ABI else "update the rig: `git pull && make`"
    raise BenchError("RIG-B02", f"firmware {version} speaks offload API {abi}; this rig needs {ABI}", fix)
