"""A `Sleep` of the judge on a device behind a `StandbyDoor`, and what the device did otherwise than the model.

Its segments go to the device in one burst: those that neither wake nor are answered show by the counters and by the state of the
slots, answers by the frames that were sent for each slot, in order. One that wakes is the last, and ends the sleep.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields

from rig.device.numbers import FrameFlag, Power, SlotState, WakeReason
from rig.device.offload_types import SlotInfo, SlotRef
from rig.inject.frames import Flow
from rig.suite.differential.answer import Answer, due, faults
from rig.suite.differential.connection import Connection
from rig.suite.differential.segment import Framer
from rig.suite.differential.trial import Expected, Sleep
from rig.suite.peer_frames import HOST_IP, HOST_MAC, HOST_PORT, PEER_IP, PEER_MAC, PEER_PORT
from rig.suite.standby_door import QUIET_MS, StandbyDoor

NOT_OF_THE_SLOT = ("from_us", "ts_recent_us", "broken", "challenge_acks", "dup_data", "paws_drops", "peer_ka_answered")
NAMES = tuple(f.name for f in fields(Connection) if f.name not in NOT_OF_THE_SLOT)
TOLD = ("snd_una", "snd_nxt", "rcv_nxt", "snd_wnd", "ts_recent", "challenge_acks", "dup_data", "paws_drops", "peer_ka_answered")
TSVAL_SPARE_S = 0.5
"""Between the test's clock and the device's, which is asked over a line."""
COUNTERS = (
    "rx_total", "rx_bad_len", "rx_bad_ip_csum", "rx_bad_l4_csum", "rx_not_us", "rx_vlan_drop", "rx_frag", "rx_offload_answered",
    "rx_slot_consumed", "rx_wake", "rx_buffered", "rx_dropped_policy", "rx_overflow", "tx_frames", "wake_tcp_data",
    "wake_tcp_fin", "wake_tcp_rst", "rst_in_window", "rst_out_of_window", "rst_challenged", "syn_challenged", "ack_invalid",
    "tcp_out_of_window", "tcp_bad_flags", "tcp_no_ts", "paws_drop", "dup_data_acked", "peer_ka_answered", "zero_window_answered",
    "ack_rate_limited",
)  # fmt: skip
"""Of counters.h: those that segments for a slot move, or must not."""

Judged = Sequence[tuple[int, Expected]]


def flow(number: int) -> Flow:
    """Of a sleep's connection of that number, from the peer to the host."""
    return Flow(PEER_MAC.hex(":"), HOST_MAC.hex(":"), PEER_IP, HOST_IP, PEER_PORT, HOST_PORT + number)


class Asleep:
    """One sleep. `differences` runs it, and leaves the device in D0."""

    def __init__(self, door: StandbyDoor, sleep: Sleep) -> None:
        self._door = door
        self._judged = sleep.expected()
        self._connections = sleep.connections
        self._framers = [Framer(flow(number)) for number in range(len(sleep.connections))]

    def differences(self) -> list[str]:
        """In words; empty for a device that does what the model does."""
        self._begin()
        try:
            return list(self._looked_at())
        finally:
            self._end()

    def _begin(self) -> None:
        door = self._door
        door.prepare()
        self._began_s = time.monotonic()  # before the device looks at its clock: its answer may be late
        began_us = door.device_us()
        self._refs: list[SlotRef] = []
        for number, connection in enumerate(self._connections):
            given = {name: getattr(connection, name) for name in NAMES}
            self._refs.append(door.add_slot(local_port=HOST_PORT + number, t0_us=began_us, ka_idle_ms=QUIET_MS, **given))
        door.commit()
        self._counted, self._wakes = door.counters(), door.wakes
        door.take_sent()

    def _end(self) -> None:
        if self._door.status().power is not Power.AWAKE:
            self._door.host_awake()
        self._door.release()

    def _looked_at(self) -> Iterator[str]:
        self._door.send(*(self._framers[number].frame(one.step.segment) for number, one in self._judged))
        sent = [frame.frame for frame in self._door.take_sent()]
        early = self._wrong_wake()
        if early:
            yield early
            return  # what came behind it was kept for the host
        yield from self._wrong_answers(sent)
        yield from self._wrong_counters()
        for number, ref in enumerate(self._refs):
            yield from self._wrong_state(number, self._door.slot(ref))

    # -- the wake ------------------------------------------------------------------------------------------------------

    def _wrong_wake(self) -> str:
        number, last = self._judged[-1]
        wanted, woke = last.outcome.wake, self._door.wakes - self._wakes
        if woke != (wanted is not WakeReason.NONE):
            return f"woke, {self._the_wake()}" if woke else f"did not wake, expected: {wanted.name}"
        if not woke:
            return ""
        event, ref = self._door.event(), self._refs[number]
        if (event.reason, event.slot, event.gen) != (wanted, ref.slot, ref.gen):
            got = f"{WakeReason(event.reason).name} of slot {event.slot}, generation {event.gen}"
            return f"woke, {got}; expected: {wanted.name} of slot {ref.slot}, generation {ref.gen}"
        frame = self._framers[number].frame(last.step.segment)
        kept = self._waking_frames()
        return "" if kept == [frame] else f"woke with {[data.hex() for data in kept]}, the waking frame is {frame.hex()}"

    def _the_wake(self) -> str:
        event = self._door.event()
        frames = self._waking_frames()
        mine = [n for n, (to, one) in enumerate(self._judged, 1) if self._framers[to].frame(one.step.segment) in frames]
        which = f"by segment {mine[0]}" if mine else f"by {[frame.hex() for frame in frames]}"
        return f"{WakeReason(event.reason).name} {which}"

    def _waking_frames(self) -> list[bytes]:
        return [frame.data for frame in self._door.drain() if frame.flags & FrameFlag.WAKE]

    # -- answers, counters, slots --------------------------------------------------------------------------------------

    def _wrong_answers(self, sent: Sequence[bytes]) -> Iterator[str]:
        spare_s = time.monotonic() - self._began_s + TSVAL_SPARE_S
        for number, connection in enumerate(self._connections):
            head = self._framers[number].answer_head
            wanted = [due(one.before, 0, head) for to, one in self._judged if to == number and one.outcome.answered]
            got = [frame for frame in sent if frame[34:36] == (HOST_PORT + number).to_bytes(2, "big")]
            if len(got) != len(wanted):
                yield f"sent {len(got)} answers for slot {number}, {len(wanted)} expected"
            for frame, right in zip(got, wanted, strict=False):
                wrong = faults(Answer.of_frame(frame), right, int(spare_s * connection.ts_hz))
                yield from (f"answer for slot {number}: {fault}" for fault in wrong)
        strange = [frame for frame in sent if not 0 <= int.from_bytes(frame[34:36], "big") - HOST_PORT < len(self._connections)]
        if strange:
            yield f"frames that nobody asked for: {[frame.hex() for frame in strange]}"

    def _wrong_counters(self) -> Iterator[str]:
        """A name that the device does not count is absent (contract, section 5)."""
        wanted = Counter({"rx_total": len(self._judged), "tx_frames": sum(one.outcome.answered for _, one in self._judged)})
        for _, one in self._judged:
            wanted.update((one.outcome.ends_in, *one.outcome.counters))
        counted = self._door.counters()
        for name in COUNTERS:
            more = counted.get(name, 0) - self._counted.get(name, 0)
            if name in counted and more != wanted[name]:
                yield f"counted {more} more of {name}, {wanted[name]} expected"

    def _wrong_state(self, number: int, slot: SlotInfo) -> Iterator[str]:
        mine = [one for to, one in self._judged if to == number]
        after = mine[-1].after if mine else self._connections[number]
        if mine and mine[-1].outcome.wake is not WakeReason.NONE:
            wanted = SlotState.BROKEN if after.broken else SlotState.WOKEN
            if slot.state is not wanted:
                yield f"slot {number} is {slot.state.name}, expected: {wanted.name}"
            return
        for name in TOLD:
            if getattr(slot, name) != getattr(after, name):
                yield f"{name} of slot {number} is {getattr(slot, name)}, expected: {getattr(after, name)}"


def differences(door: StandbyDoor, sleep: Sleep) -> list[str]:
    return Asleep(door, sleep).differences()
