"""What the engine is supposed to be, in a page: power, owner, epoch, slots, lists, kept frames and wakes. No timers but the
host's and the lease's, no counters, no bytes: a frame is its kind and the thing it is for.

The table of offload_rc.h in words: PREPARED, WOKEN and AWAKE keep what the host will want; D3 answers, consumes or wakes;
D0 and EXPIRED are deaf. Slots are in a VLAN or in none; offloads and patterns are in none. Nothing here looks at the firmware.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from tests.engine.engine_lib import (
    AWAKE,
    BAD_ARG,
    BAD_INTERVAL,
    BAD_STATE,
    D0,
    D3,
    DUP_ID,
    DUP_TUPLE,
    EXPIRED,
    LIST_FULL,
    NO_SLOT,
    NOT_ACCEPTED,
    NOT_FOUND,
    OK,
    PREPARED,
    STALE_EPOCH,
    STALE_HANDLE,
    WAKE_PENDING,
    WOKEN,
)

NONE, HOST, DEVICE = 0, 1, 2
SLOTS, PATTERNS, OFFLOADS, FRAMES = 16, 32, 16, 33
ARM_TCP, ARM_PATTERNS = 1, 2


class Kind(Enum):
    """Frames to this host that are well formed. The first four are for the slot of a port."""

    DATA = "new bytes at RCV.NXT"
    ACK = "an acknowledgement without data"
    OLD = "bytes that were received before"
    RESET = "a reset at RCV.NXT"
    PATTERN = "what a bitmap pattern describes"
    ARP = "who has the address of an offload"
    OTHER = "something nobody asked for"


class State(Enum):
    IDLE, LIVE, WOKEN, BROKEN, PAUSED = range(5)


@dataclass
class Slot:
    number: int
    generation: int
    port: int
    keep: bool
    state: State
    resumes_to: State = State.IDLE
    idle_ms: int = 0
    vid: int = 0
    """0: in no VLAN."""


@dataclass(frozen=True)
class Frame:
    kind: Kind
    about: int
    """Port, pattern id or offload id."""
    vid: int = 0
    """Of the VLAN that it comes in, 0: none."""


@dataclass
class Model:
    power: int = D0
    owner: int = HOST
    epoch: int = 1
    arm: int = 0
    slots: dict[int, Slot] = field(default_factory=dict)
    """By number."""
    generations: list[int] = field(default_factory=lambda: [1] * SLOTS)
    patterns: set[int] = field(default_factory=set)
    offloads: set[int] = field(default_factory=set)
    kept: list[tuple[int, Frame, int | None]] = field(default_factory=list)
    """Index since prepare, frame, number of the slot that it is known to belong to."""
    next_index: int = 1
    lost: int = 0
    wakes: int = 0
    event: bool = False
    timer_us: int | None = None
    lease_us: int | None = None
    heard_us: int = 0

    # -- objects -------------------------------------------------------------------------------------------------------------

    def _free(self, slot: Slot) -> None:
        del self.slots[slot.number]
        self.generations[slot.number] += 1

    def attach(self, lease_us: int, now_us: int) -> int:
        """Returns how many slots were freed."""
        freed = self._forget_owner()
        self.lease_us = lease_us
        self.renew(now_us)
        self._become(D0, HOST)
        return freed

    def _forget_owner(self) -> int:
        freed = list(self.slots.values())
        for slot in freed:
            self._free(slot)
        self.patterns.clear()
        self.offloads.clear()
        self._forget_frames()
        return len(freed)

    def renew(self, now_us: int) -> None:
        self.heard_us = now_us

    def add_slot(self, port: int, keep: bool, idle_ms: int = 0, vid: int = 0) -> tuple[int, Slot | None]:
        if self.power not in (D0, PREPARED):
            return BAD_STATE, None
        same = next((s for s in self.slots.values() if (s.port, s.vid) == (port, vid)), None)
        if same is not None and same.state not in (State.IDLE, State.PAUSED):
            return DUP_TUPLE, None
        free = [n for n in range(SLOTS) if n not in self.slots]
        if same is None and not free:
            return NO_SLOT, None
        number = same.number if same is not None else free[0]
        state = State.IDLE if keep and self.power == D0 else State.LIVE
        now = State.PAUSED if same is not None and same.state is State.PAUSED else state
        self.slots[number] = Slot(number, self.generations[number], port, keep, now, state, idle_ms, vid)
        return OK, self.slots[number]

    def _by_handle(self, number: int, generation: int) -> Slot | None:
        slot = self.slots.get(number)
        return slot if slot is not None and slot.generation == generation else None

    def pause_slot(self, number: int, generation: int) -> int:
        slot = self._by_handle(number, generation)
        if slot is None:
            return STALE_HANDLE
        if slot.state not in (State.IDLE, State.LIVE):
            return BAD_STATE
        slot.resumes_to, slot.state = slot.state, State.PAUSED
        return OK

    def resume_slot(self, number: int, generation: int) -> int:
        slot = self._by_handle(number, generation)
        if slot is None:
            return STALE_HANDLE
        if slot.state is not State.PAUSED:
            return BAD_STATE
        slot.state = slot.resumes_to
        return OK

    def update_slot(self, number: int, generation: int, idle_ms: int | None) -> int:
        slot = self._by_handle(number, generation)
        if slot is None:
            return STALE_HANDLE
        if slot.state in (State.BROKEN, State.WOKEN):
            return BAD_STATE
        if idle_ms is None:
            return BAD_ARG
        if not 10 <= idle_ms <= 86_400_000:
            return BAD_INTERVAL
        slot.idle_ms = idle_ms
        return OK

    def remove_slot(self, number: int, generation: int) -> int:
        slot = self._by_handle(number, generation)
        if slot is None:
            return STALE_HANDLE
        self._free(slot)
        return OK

    def add_to(self, held: set[int], limit: int, id_: int, *powers: int) -> int:
        """A pattern or an offload."""
        if self.power not in powers:
            return NOT_ACCEPTED
        if id_ in held:
            return DUP_ID
        if len(held) == limit:
            return LIST_FULL
        held.add(id_)
        return OK

    def remove_from(self, held: set[int], id_: int) -> int:
        if id_ not in held:
            return NOT_FOUND
        held.remove(id_)
        return OK

    # -- power ---------------------------------------------------------------------------------------------------------------

    def _become(self, power: int, owner: int) -> None:
        self.power, self.owner = power, owner
        self.epoch += 1

    def _forget_frames(self) -> None:
        self.kept.clear()
        self.next_index = 1
        self.lost = 0
        self.event = False

    def _refusal(self, epoch: int, *powers: int) -> int:
        if self.power not in powers:
            return BAD_STATE
        return OK if epoch == self.epoch else STALE_EPOCH

    def _end_standby(self) -> None:
        for slot in list(self.slots.values()):
            if not slot.keep:
                self._free(slot)
            elif slot.state is State.PAUSED:
                slot.resumes_to = State.IDLE
            else:
                slot.state = State.IDLE

    def prepare(self, epoch: int, arm: int) -> int:
        rc = self._refusal(epoch, D0)
        if rc == OK:
            self.arm = arm
            self._forget_frames()
            self._become(PREPARED, NONE)
        return rc

    def commit(self, epoch: int, timer_us: int | None) -> int:
        rc = self._refusal(epoch, PREPARED)
        if rc != OK:
            return rc
        waking = next((frame for _, frame, _ in self.kept if self._wakes(frame)), None)
        if waking is not None or self.lost:
            self._mark(waking)
            self._wake(AWAKE)
            return WAKE_PENDING
        captured = [frame for _, frame, _ in self.kept]
        self.kept.clear()
        self._become(D3, DEVICE)
        self.timer_us = timer_us
        for frame in captured:
            self._consume(frame)
        return OK

    def abort(self, epoch: int) -> int:
        rc = self._refusal(epoch, PREPARED, AWAKE)
        if rc == OK:
            self._end_standby()
            self._become(D0, HOST)
        return rc

    def host_awake(self, epoch: int) -> int:
        rc = self._refusal(epoch, D3, WOKEN)
        if rc == OK:
            self._become(AWAKE, NONE)
        return rc

    def release(self) -> int:
        if self.power != AWAKE:
            return BAD_STATE
        self._end_standby()
        self.kept.clear()
        self.event = False
        self._become(D0, HOST)
        return OK

    def drain(self, up_to: int) -> None:
        self.kept = [row for row in self.kept if row[0] > up_to]

    def _wake(self, power: int) -> None:
        self.wakes += 1
        self.event = True
        self.power = power

    # -- frames --------------------------------------------------------------------------------------------------------------

    def slot_of(self, frame: Frame) -> Slot | None:
        """The slot that a frame belongs to, while it speaks for its connection."""
        if frame.kind not in (Kind.DATA, Kind.ACK, Kind.OLD, Kind.RESET):
            return None
        deaf = State.IDLE, State.PAUSED
        mine = [s for s in self.slots.values() if self._is_for(s, frame)]
        return next((s for s in mine if s.state not in deaf), None)

    def _is_for(self, slot: Slot, frame: Frame) -> bool:
        return (slot.port, slot.vid) == (frame.about, frame.vid)

    def _in_a_vlan_of_ours(self, frame: Frame) -> bool:
        return frame.vid == 0 or any(s.vid == frame.vid for s in self.slots.values())

    def _wakes(self, frame: Frame) -> bool:
        slot = self.slot_of(frame)
        if frame.kind in (Kind.DATA, Kind.RESET):
            return slot is not None and slot.state is not State.BROKEN and bool(self.arm & ARM_TCP)
        wanted = frame.kind is Kind.PATTERN and frame.about in self.patterns and frame.vid == 0
        return wanted and bool(self.arm & ARM_PATTERNS)

    def _mark(self, frame: Frame | None) -> None:
        """What a waking frame does to its slot."""
        slot = self.slot_of(frame) if frame is not None else None
        if slot is None or frame is None or slot.state is State.BROKEN:
            return
        slot.state = State.BROKEN if frame.kind is Kind.RESET else State.WOKEN

    def _consume(self, frame: Frame) -> None:
        """The device deals with it as the host. Only a reset leaves a trace."""
        slot = self.slot_of(frame)
        if slot is not None and frame.kind is Kind.RESET:
            slot.state = State.BROKEN

    def _keep(self, frame: Frame, slot: Slot | None) -> None:
        known = slot.number if slot is not None else None
        if frame.kind is Kind.DATA and known is not None and any(f == frame and s == known for _, f, s in self.kept):
            return
        if len(self.kept) == FRAMES:
            self.lost += 1
            return
        self.kept.append((self.next_index, frame, known))
        self.next_index += 1

    def _is_the_devices_business(self, frame: Frame) -> bool:
        """While the host is on its way."""
        slot = self.slot_of(frame)
        if frame.kind is Kind.ARP:
            return frame.about in self.offloads and frame.vid == 0
        consumed = frame.kind in (Kind.ACK, Kind.OLD) or (frame.kind is Kind.RESET and not self._wakes(frame))
        return slot is not None and slot.state is State.LIVE and consumed

    def receive(self, frame: Frame) -> None:
        if self.power == PREPARED:
            self._keep(frame, None)  # of any VLAN: who will be in it is not known before commit
            return
        if not self._in_a_vlan_of_ours(frame):
            return
        if self.power == D3 and self._wakes(frame):
            slot = self.slot_of(frame)
            self._mark(frame)
            self._keep(frame, slot)
            self._wake(WOKEN)
        elif self.power == D3 or (self.power == WOKEN and self._is_the_devices_business(frame)):
            self._consume(frame)
        elif self.power == WOKEN:
            if self._wakes(frame):
                self._mark(frame)
            self._keep(frame, self.slot_of(frame))
        elif self.power == AWAKE:
            slot = self.slot_of(frame)
            self._keep(frame, slot if slot is not None and slot.state is State.WOKEN else None)

    def lease_end_us(self) -> int | None:
        """None: no lease runs."""
        return self.heard_us + self.lease_us if self.lease_us is not None and self.power not in (D0, EXPIRED) else None

    def clock(self, now_us: int) -> None:
        """Time has come to this, and everything due until then was done."""
        timer_us = self.timer_us if self.power == D3 else None
        lease_us = self.lease_end_us()
        if timer_us is not None and timer_us <= now_us and (lease_us is None or timer_us < lease_us):
            self._wake(WOKEN)
        if lease_us is not None and lease_us <= now_us:
            self._forget_owner()
            self._become(EXPIRED, NONE)
            self._wake(EXPIRED)
