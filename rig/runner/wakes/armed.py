"""What the device held at each of its wakes, from what was said on the control channel alone.

A WRITE counts when its reply has come and is no refusal, at the moment of its reply: `rig/device/tape.py` says what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.numbers import Command, EventKind, FrameFlag, SlotFlag, WakeReason
from rig.device.offload_types import Event
from rig.device.tape import Said
from rig.errors import BenchError

NO_SLEEP = (WakeReason.LEASE_EXPIRED, WakeReason.FIRMWARE_STALLED)
"""Told in an event, and no end of a sleep."""
KEPT_ACROSS = int(SlotFlag.KEEP)


@dataclass
class Sleep:
    """From prepare on."""

    number: int
    asked_ns: int
    """When prepare went out."""
    arm: int
    mac: bytes
    epoch: int
    """Of an event before commit."""
    wake_timer_ms: int
    committed_ns: int = 0
    """When commit went out; 0: not yet."""
    speaks_ns: int = 0
    """When the reply to commit came; 0: not yet."""
    committed_epoch: int = -1
    ended_ns: int = 0
    """When host awake, abort or release went out."""
    yield_ms: int = 0


@dataclass(frozen=True)
class Added:
    """When the device was given something whose intervals have been the same since."""

    asked_ns: int
    answered_ns: int


@dataclass
class Armed:
    """What the device holds."""

    sleep: Sleep | None = None
    slots: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """By slot and generation: add_tcp_slot_req, as updated since."""
    patterns: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    offloads: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    since: dict[tuple[int, int] | int, Added] = field(default_factory=dict)
    """By handle of a slot and id of an offload; of those that were updated, paused or met another clock scale nothing."""
    whole: bool = True
    """False once a request that arms went without an answer: what is held is not known any more."""
    minute_us: int = REAL_MINUTE_US
    steady: bool = True
    """Since commit the clock scale has been one: the wake timer, which keeps that of commit, is of it."""
    boot: int = 0


@dataclass
class Wake:
    """One event of the device, and what it held then."""

    event: Event
    heard_ns: int
    armed: Armed
    boot: int
    synced: tuple[int, int] | None
    """(host's ns, device's us) of one moment."""
    synced_within_ns: int
    """How far these may be apart."""
    disturbed: bool
    """The test has told the device to lose or delay what it says."""
    misdelivered: str = ""
    """What is wrong with how the frames came that the device kept."""
    drained: bytes = b""
    """The waking frame, where it did not come with the event."""

    on_wire: bytes = b""
    """The same as it was on the cable, whole."""

    @property
    def decided_ns(self) -> int | None:
        """By the device's own clock, as early as it may have been; None where that was never compared with ours."""
        if self.synced is None:
            return None
        host_ns, device_us = self.synced
        return host_ns + (self.event.t_wake_us - device_us) * 1000 - self.synced_within_ns

    @property
    def saved(self) -> bytes:
        """What the device kept of the frame."""
        return self.event.frame or self.drained

    @property
    def frame(self) -> bytes:
        """Empty where there is none, or not all of it."""
        whole = self.event.saved_bytes >= self.event.original_bytes
        return self.on_wire or (self.saved if whole else b"")

    @property
    def reason(self) -> str:
        try:
            return WakeReason(self.event.reason).name
        except ValueError:
            return f"0x{self.event.reason:04x}"


class Replay:
    """Goes through a tape once; `wakes` has what it told."""

    def __init__(self, *, begun: bool = True) -> None:
        """`begun`: the tape has all from the start; else what the device holds is known from the next attach on."""
        self.wakes: list[Wake] = []
        self._armed = Armed(whole=begun)
        self._sleeps = 0
        self._asked: dict[int, Said] = {}
        self._told: set[tuple[int, int]] = set()
        self._synced: tuple[int, tuple[int, int]] | None = None
        """(round trip, moment)"""
        self._disturbed = False

    def run(self, tape: Iterable[Said]) -> list[Wake]:
        for said in tape:
            if not said.by_device:
                self._ask(said)
            elif said.command == Command.EVENT_WAIT:
                self._event(said)
            elif (asked := self._asked.get(said.seq)) is not None and asked.command == said.command and asked.write == said.write:
                del self._asked[said.seq]
                self._answer(asked, said)
        return self.wakes

    def _ask(self, said: Said) -> None:
        lost = self._asked.get(said.seq)
        if lost is not None and lost.write and lost.command < Command.PREPARE:
            self._armed.whole = False
        self._asked[said.seq] = said
        sleep = self._armed.sleep
        if said.command == Command.FAULT_INJECT:
            self._disturbed = True
        elif said.command == Command.COMMIT and sleep is not None:
            sleep.committed_ns = said.t_ns
        elif said.command in (Command.HOST_AWAKE, Command.ABORT, Command.RELEASE) and sleep is not None:
            sleep.ended_ns = sleep.ended_ns or said.t_ns

    def _answer(self, asked: Said, said: Said) -> None:
        reply, body = said.body, asked.body
        if "err" in reply or "rc" in reply:
            return
        if "boot_id" in reply and reply["boot_id"] != self._armed.boot:
            self._booted(reply["boot_id"])
        match asked.command, asked.write:
            case Command.HELLO, True:
                self._armed = Armed(boot=self._armed.boot, minute_us=self._armed.minute_us)
            case Command.TIME_SYNC, _:
                self._sync(asked, said)
            case Command.SET_CLOCK_SCALE, _:
                self._change(minute_us=body["minute_us"], since={}, steady=False)
            case Command.DRAIN, _:
                self._drained(reply)
            case Command.PREPARE, _:
                self._prepared(asked, reply)
            case Command.COMMIT, _ if self._armed.sleep is not None:
                self._armed.sleep.committed_epoch, self._armed.sleep.speaks_ns = reply["epoch"], said.t_ns
                self._change(steady=True)
            case Command.RELEASE | Command.ABORT, _:
                kept = {ref: cfg for ref, cfg in self._armed.slots.items() if cfg["flags"] & KEPT_ACROSS}
                self._change(slots=kept)
            case _:
                self._hold(asked.command, body, reply, Added(asked.t_ns, said.t_ns))

    def _booted(self, boot_id: int) -> None:
        """The first that is heard of is the one that was there."""
        if self._armed.boot == 0:
            self._change(boot=boot_id)
        else:
            self._armed, self._synced = Armed(boot=boot_id), None

    def _hold(self, command: int, body: Mapping[str, Any], reply: Mapping[str, Any], now: Added) -> None:
        armed = self._armed
        match command:
            case Command.ADD_TCP_SLOT:
                ref = reply["slot"], reply["gen"]
                self._change(slots={**armed.slots, ref: dict(body)}, since={**armed.since, ref: now})
            case Command.UPDATE_TCP_SLOT:
                ref = body["slot"], body["gen"]
                self._change(slots={**armed.slots, ref: {**armed.slots.get(ref, {}), **body}}, since=_without(armed.since, ref))
            case Command.PAUSE_TCP_SLOT | Command.RESUME_TCP_SLOT:
                self._change(since=_without(armed.since, (body["slot"], body["gen"])))
            case Command.REMOVE_TCP_SLOT:
                self._change(slots=_without(armed.slots, (body["slot"], body["gen"])))
            case Command.ADD_PATTERN:
                self._change(patterns={**armed.patterns, body["id"]: body})
            case Command.REMOVE_PATTERN:
                self._change(patterns=_without(armed.patterns, body["id"]))
            case Command.ADD_OFFLOAD:
                self._change(offloads={**armed.offloads, body["id"]: body}, since={**armed.since, body["id"]: now})
            case Command.REMOVE_OFFLOAD:
                self._change(offloads=_without(armed.offloads, body["id"]))

    def _change(self, **what: Any) -> None:
        """Not in place: wakes of before keep what was held then."""
        self._armed = replace(self._armed, **what)

    def _prepared(self, asked: Said, reply: Mapping[str, Any]) -> None:
        self._sleeps += 1
        body = asked.body
        times = {"wake_timer_ms": body.get("wake_timer_ms", 0), "yield_ms": body.get("yield_ms", 0)}
        self._change(sleep=Sleep(self._sleeps, asked.t_ns, body["arm"], body["mac"], reply["epoch"], **times))

    def _sync(self, asked: Said, said: Said) -> None:
        round_trip_ns = said.t_ns - asked.t_ns
        device_us = (said.body["t2_us"] + said.body["t3_us"]) // 2
        moment = (asked.t_ns + said.t_ns) // 2, device_us
        if self._synced is None or round_trip_ns <= self._synced[0] * 2:
            self._synced = round_trip_ns, moment

    def _event(self, said: Said) -> None:
        try:
            event = Event.of(said.body["event"])
        except (BenchError, KeyError, TypeError):
            return  # NIC_VIOLATION tells of it
        if event.kind is not EventKind.WAKE or event.reason in NO_SLEEP or (self._armed.boot, event.n) in self._told:
            return
        self._told.add((self._armed.boot, event.n))
        round_trip_ns, synced = self._synced or (0, None)
        held = copy(self._armed)
        held.whole &= not any(asked.write and asked.command < Command.PREPARE for asked in self._asked.values())
        self.wakes.append(Wake(event, said.t_ns, held, self._armed.boot, synced, round_trip_ns // 2, self._disturbed))

    def _drained(self, reply: Mapping[str, Any]) -> None:
        if not self.wakes or self.wakes[-1].armed.sleep is not self._armed.sleep:
            return
        wake, indices = self.wakes[-1], [row[0] for row in reply["frames"]]
        if indices != sorted(set(indices)):
            wake.misdelivered = f"drain hands the kept frames over in the order {indices} (contract section 3: as they came)"
        if wake.drained:
            return
        kept = next((bytes(row[5]) for row in reply["frames"] if row[3] & FrameFlag.WAKE), b"")
        wake.drained = kept
        if not kept and not reply["more"] and wake.event.saved_bytes and not wake.event.frame:
            wake.misdelivered = (
                f"its frame is lost: {wake.event.saved_bytes} bytes saved says the event, drain hands over {indices}"
            )


def _without(held: Mapping[Any, Any], key: Any) -> dict[Any, Any]:
    return {other: value for other, value in held.items() if other != key}
