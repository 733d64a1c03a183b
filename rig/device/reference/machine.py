"""Who owns the host's identity, what the host has put in, and what is kept for it (sections 2 to 4 of the contract)."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.contract import LEASE_DEFAULT_MS
from rig.device.numbers import (
    NO_PATTERN,
    NO_SLOT,
    Arm,
    EventKind,
    FrameFlag,
    OffloadRc,
    Owner,
    PatternType,
    Power,
    SlotFlag,
    SlotState,
    WakeReason,
)
from rig.device.reference.numbers import EVENT_FRAME_BYTES, EVENTS, FRAMES, SAVED_BYTES, SLOTS, WAKE_COUNTERS
from rig.device.reference.patterns import Pattern
from rig.device.reference.slot import LIVE, Slot

NO_FLAG = FrameFlag(0)
BUSY_US = 1000
"""After which a probe is tried again that the wire did not take."""


class Machine:
    """`transmit`: whether the wire took the frame."""

    def __init__(self, transmit: Callable[[bytes], bool]) -> None:
        self._transmit = transmit
        self._born_ns = time.monotonic_ns()
        self.minute_us = REAL_MINUTE_US
        self.epoch = 1
        self.power, self.owner = Power.D0, Owner.HOST
        self.owner_id = 0
        self.lease_ms = 0
        self._lease_from_us = 0
        self.arm, self.mac = Arm(0), bytes(6)
        self.slots: list[Slot | None] = [None] * SLOTS
        self.gens = [1] * SLOTS
        self.patterns: dict[int, Pattern] = {}
        self.frames: deque[list[Any]] = deque()
        """frame_row of offload.cddl."""
        self.lost = 0
        self._next_index = 1
        self.events: deque[list[Any]] = deque()
        self._event_number = 0
        self.wakes = 0
        self.last_wake_reason = WakeReason.NONE
        self._wake_timer_ms = 0
        self._committed_us = 0
        self.counters: Counter[str] = Counter()

    def now_us(self) -> int:
        return (time.monotonic_ns() - self._born_ns) // 1000

    def send(self, frame: bytes) -> bool:
        took = self._transmit(frame)
        self.counters["tx_frames" if took else "tx_busy_retry"] += 1
        return took

    # -- the host's identity -------------------------------------------------------------------------------------------

    def attach(self, owner_id: int, lease_ms: int = LEASE_DEFAULT_MS) -> int:
        """How many slots a host before has left."""
        freed = self._forget_host()
        self.owner_id, self.lease_ms = owner_id, lease_ms
        self.renew_lease()
        self._turn(Power.D0, Owner.HOST)
        return freed

    def prepare(self, arm: Arm, mac: bytes, wake_timer_ms: int) -> None:
        self.arm, self.mac, self._wake_timer_ms = arm, mac, wake_timer_ms
        self.lost, self._next_index, self.last_wake_reason = 0, 1, WakeReason.NONE
        self.frames.clear()
        self.events.clear()
        self._turn(Power.PREPARED, Owner.NONE)

    def commit(self) -> None:
        self._committed_us = self.now_us()
        self._turn(Power.D3, Owner.DEVICE)

    def host_awake(self) -> None:
        self._turn(Power.AWAKE, Owner.NONE)

    def end_standby(self) -> None:
        """Of release and abort: what is not to be kept is free."""
        for slot in self.live_slots():
            if not slot.flags & SlotFlag.KEEP:
                self.free(slot)
            elif slot.state is SlotState.PAUSED:
                slot.resumes_to = SlotState.IDLE
            else:
                slot.state = SlotState.IDLE
        self._turn(Power.D0, Owner.HOST)

    def _turn(self, power: Power, owner: Owner) -> None:
        self.power, self.owner = power, owner
        self.epoch += 1

    def _forget_host(self) -> int:
        slots = self.live_slots()
        for slot in slots:
            self.free(slot)
        self.patterns.clear()
        self.frames.clear()
        self.events.clear()
        self.lost, self.arm = 0, Arm(0)
        return len(slots)

    # -- the lease -----------------------------------------------------------------------------------------------------

    def renew_lease(self) -> None:
        self._lease_from_us = self.now_us()

    def lease_left_ms(self) -> int:
        if not self.lease_ms or self.power is Power.EXPIRED:
            return 0
        left_us = self._lease_from_us + self._scaled_us(self.lease_ms) - self.now_us()
        return max(0, left_us * 60_000 // self.minute_us)

    def _lease_end_us(self) -> int | None:
        runs = self.lease_ms and self.power not in (Power.D0, Power.EXPIRED)
        return self._lease_from_us + self._scaled_us(self.lease_ms) if runs else None

    def _end_lease(self) -> None:
        self._forget_host()
        self.counters["lease_expired"] += 1
        self._turn(Power.EXPIRED, Owner.NONE)
        self._tell(WakeReason.LEASE_EXPIRED, None, NO_PATTERN, None)

    # -- slots ---------------------------------------------------------------------------------------------------------

    def live_slots(self) -> list[Slot]:
        return [slot for slot in self.slots if slot is not None]

    def slot_at(self, number: int, gen: int) -> Slot | None:
        slot = self.slots[number] if number < SLOTS else None
        return slot if slot is not None and slot.gen == gen else None

    def place_for(self, cfg: Mapping[str, Any]) -> int | OffloadRc:
        """The number of a slot; that of a connection which is kept or paused is its own."""
        for slot in self.live_slots():
            ends = slot.local, slot.remote, slot.local_port, slot.remote_port
            if ends == (cfg["local"], cfg["remote"], cfg["local_port"], cfg["remote_port"]):
                return OffloadRc.DUP_TUPLE if slot.knows_its_frames else slot.number
        return next((number for number, slot in enumerate(self.slots) if slot is None), OffloadRc.NO_SLOT)

    def add_slot(self, number: int, cfg: Mapping[str, Any]) -> Slot:
        kept = SlotFlag(cfg["flags"]) & SlotFlag.KEEP and self.power is Power.D0
        state, was = SlotState.IDLE if kept else SlotState.ACTIVE, self.slots[number]
        slot = Slot(number, self.gens[number], cfg, state, self.now_us())
        if was is not None and was.state is SlotState.PAUSED:
            slot.state = SlotState.PAUSED
        self.slots[number] = slot
        return slot

    def free(self, slot: Slot) -> None:
        self.slots[slot.number] = None
        self.gens[slot.number] = self.gens[slot.number] % 0xFFFF + 1

    # -- frames and wakes ----------------------------------------------------------------------------------------------

    def keep(self, frame: bytes, flags: FrameFlag = NO_FLAG, pattern_id: int = NO_PATTERN) -> bool:
        """For the host, in order; False: there is no room."""
        if len(self.frames) == FRAMES:
            self.lost += 1
            return False
        if frame[0] & 1:
            flags |= FrameFlag.MULTICAST
        row = [self._next_index, self.now_us(), len(frame), int(flags), pattern_id, frame[:SAVED_BYTES]]
        self.frames.append(row)
        self._next_index += 1
        return True

    def acknowledge_frames(self, up_to: int) -> None:
        while self.frames and self.frames[0][0] <= up_to:
            self.frames.popleft()

    def wake(
        self, reason: WakeReason, slot: Slot | None = None, pattern_id: int = NO_PATTERN, frame: list[Any] | None = None
    ) -> None:
        """One event a sleep; a reason that comes later marks its slot."""
        if slot is not None and slot.state is not SlotState.BROKEN:
            slot.state = SlotState.WOKEN
        if self.power not in (Power.D3, Power.PREPARED):
            self.counters["wake_suppressed"] += 1
            return
        self.counters[WAKE_COUNTERS.get(reason, f"wake_{reason.name.lower()}")] += 1
        self.counters["wake_while_prepare"] += self.power is Power.PREPARED
        self._tell(reason, slot, pattern_id, frame)
        self.power = Power.WOKEN if self.power is Power.D3 else Power.AWAKE

    def _tell(self, reason: WakeReason, slot: Slot | None, pattern_id: int, frame: list[Any] | None) -> None:
        self.wakes += 1
        self._event_number += 1
        self.last_wake_reason = reason
        now_us = self.now_us()
        late = int(WakeReason.RX_WHILE_PREPARE) if self.power is Power.PREPARED else 0
        received_us, length, data = (frame[1], frame[2], frame[5]) if frame is not None else (now_us, 0, b"")
        number, gen = (slot.number, slot.gen) if slot is not None else (NO_SLOT, 0)
        l2 = int(bool(frame is not None and frame[3] & FrameFlag.MULTICAST))
        carried = data if frame is not None and frame[0] == 1 and len(data) <= EVENT_FRAME_BYTES else b""
        self.events.append([
            self._event_number, int(EventKind.WAKE), number, gen, self.epoch, int(reason), late, l2, self.wakes, pattern_id,
            received_us, now_us, len(data), length, carried,
        ])  # fmt: skip
        if len(self.events) > EVENTS:
            self.events.popleft()
            self.counters["events_lost"] += 1

    def event_after(self, after: int) -> list[Any] | None:
        """Those up to it are freed; a number of an earlier boot frees nothing."""
        if after <= self._event_number:
            while self.events and self.events[0][0] <= after:
                self.events.popleft()
        return self.events[0] if self.events else None

    # -- time ----------------------------------------------------------------------------------------------------------

    def _scaled_us(self, specification_ms: int) -> int:
        return specification_ms * self.minute_us // 60_000

    def next_due_us(self) -> int | None:
        """When `poll` is to be called again."""
        dues = [self._lease_end_us(), self._wake_timer_us()]
        if self.power in (Power.D3, Power.WOKEN):
            dues += [slot.due_us(self.minute_us) for slot in self.live_slots() if slot.state in LIVE]
        return min((due for due in dues if due is not None), default=None)

    def _wake_timer_us(self) -> int | None:
        if self.power is not Power.D3 or not self._wake_timer_ms:
            return None
        return self._committed_us + self._scaled_us(self._wake_timer_ms)

    def poll(self) -> None:
        now_us = self.now_us()
        if (end := self._lease_end_us()) is not None and now_us >= end:
            self._end_lease()
        if (timer := self._wake_timer_us()) is not None and now_us >= timer:
            self.wake(WakeReason.HOST_TIMER)
        if self.power in (Power.D3, Power.WOKEN):
            for slot in self.live_slots():
                if slot.state in LIVE and now_us >= slot.due_us(self.minute_us):
                    self._keep_alive(slot, now_us)

    def _keep_alive(self, slot: Slot, now_us: int) -> None:
        if slot.unanswered >= slot.ka_cnt:
            slot.lost += slot.unanswered
            slot.state, slot.close_reason = SlotState.BROKEN, int(WakeReason.KA_TIMEOUT)
            self.counters["ka_timeout"] += 1
            if slot.flags & SlotFlag.WAKE_ON_TIMEOUT and self.arm & Arm.TCP:
                self.wake(WakeReason.KA_TIMEOUT, slot)
            return
        if not self.send(slot.segment((slot.snd_una - 1) % 2**32, now_us)):
            slot.arm(now_us - slot.wait_ms * self.minute_us // 60_000 + BUSY_US, slot.wait_ms)
            return
        slot.sent += 1
        slot.unanswered += 1
        slot.state = SlotState.PROBING
        slot.arm(now_us, slot.ka_intvl_ms)
        self.counters["ka_tx"] += 1

    def matching(self, frame: bytes) -> Pattern | None:
        """Of all that match, each with a hit, the one that is reported."""
        found = []
        for pattern in self.patterns.values():
            armed = Arm.MAGIC if pattern.type is PatternType.MAGIC else Arm.PATTERNS
            if self.arm & armed and pattern.matches(frame, self.mac):
                found.append(pattern)
        for pattern in found:
            pattern.hits += 1
        return min(found, key=lambda pattern: (-pattern.priority, pattern.id), default=None)
