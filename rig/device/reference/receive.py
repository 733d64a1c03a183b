"""What becomes of a frame (section 4 of the contract). Each ends in one counter, and `rx_total` is their sum."""

from __future__ import annotations

from dataclasses import dataclass

from rig.device.numbers import NO_PATTERN, Arm, FrameFlag, OffloadRc, Power, SlotFlag, SlotState, WakeReason
from rig.device.reference.connection import Verdict, judged
from rig.device.reference.machine import Machine
from rig.device.reference.patterns import Pattern
from rig.device.reference.segment import FIN, BadFrame, Frame, Kind, taken_apart
from rig.device.reference.slot import Slot

HEARD = (Verdict.PURE_ACK, Verdict.DATA, Verdict.FIN_ALONE, Verdict.PROBE, Verdict.ANSWER)


@dataclass
class Judgement:
    """What a frame means while the device speaks for the host; nothing is done yet."""

    ends_in: str = "rx_dropped_policy"
    wake: WakeReason = WakeReason.NONE
    slot: Slot | None = None
    verdict: Verdict | None = None
    detail: str = ""
    pattern: Pattern | None = None

    @property
    def pattern_id(self) -> int:
        return self.pattern.id if self.pattern is not None else NO_PATTERN


class Receiver:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def frame(self, data: bytes) -> None:
        machine = self._machine
        machine.counters["rx_total"] += 1
        if machine.power in (Power.D0, Power.EXPIRED):
            machine.counters["rx_dropped_policy"] += 1
            return
        try:
            frame = self._ours(data)
        except BadFrame as why:
            machine.counters[str(why)] += 1
            return
        if machine.power is Power.D3:
            self._asleep(frame)
        elif machine.power is Power.WOKEN:
            self._woken(frame)
        else:
            self._keep(frame)

    def commit(self) -> OffloadRc:
        """What was captured is judged as if it came now; the first that wakes leaves all of it to the host."""
        machine = self._machine
        rows = list(machine.frames)
        for row in rows:
            judgement = self._judged(taken_apart(row[5]))
            if judgement.wake is not WakeReason.NONE:
                machine.counters["rx_buffered"] -= 1
                self._wake_by(row, judgement)
                return OffloadRc.WAKE_PENDING
        if machine.lost:
            machine.wake(WakeReason.BUFFER_FULL)
            return OffloadRc.WAKE_PENDING
        machine.commit()
        machine.frames.clear()
        for row in rows:
            machine.counters["rx_buffered"] -= 1
            self._asleep(taken_apart(row[5])) if machine.power is Power.D3 else self._keep(taken_apart(row[5]))
        return OffloadRc.OK

    def _ours(self, data: bytes) -> Frame:
        """Raises BadFrame."""
        if len(data) >= 14:
            own, group = data[:6] == self._machine.mac, data[0] & 1
            if not (own or group) or data[6] & 1 or data[6:12] == self._machine.mac:
                raise BadFrame("rx_not_us")
        return taken_apart(data)

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judged(self, frame: Frame) -> Judgement:
        judgement = Judgement()
        if frame.kind is Kind.TCP and not frame.is_group:
            self._judge_connection(frame, judgement)
        elif frame.kind is Kind.HIDDEN:
            self._judge_hidden(frame, judgement)
        if judgement.ends_in != "rx_slot_consumed":
            judgement.pattern = self._machine.matching(frame.unpadded)
            if judgement.pattern is not None and judgement.wake is WakeReason.NONE:
                judgement.wake = WakeReason.PACKET
        if judgement.wake is not WakeReason.NONE:
            judgement.ends_in = "rx_wake"
        return judgement

    def _judge_connection(self, frame: Frame, judgement: Judgement) -> None:
        machine = self._machine
        slot = next((slot for slot in machine.live_slots() if slot.knows_its_frames and slot.is_between(frame)), None)
        if slot is None or slot.state is SlotState.BROKEN:
            return
        verdict, detail = judged(slot, frame, machine.now_us())
        judgement.slot, judgement.verdict, judgement.detail = slot, verdict, detail
        if verdict not in (Verdict.DATA, Verdict.FIN_ALONE):
            judgement.ends_in = "rx_slot_consumed"
        if not machine.arm & Arm.TCP:
            return
        if verdict is Verdict.DATA and slot.flags & SlotFlag.WAKE_ON_DATA:
            judgement.wake = WakeReason.TCP_DATA
        elif verdict is Verdict.RESET and slot.flags & SlotFlag.WAKE_ON_RST:
            judgement.wake = WakeReason.TCP_RST
        elif verdict in (Verdict.DATA, Verdict.FIN_ALONE) and frame.flags & FIN and slot.flags & SlotFlag.WAKE_ON_FIN:
            judgement.wake = WakeReason.TCP_FIN

    def _judge_hidden(self, frame: Frame, judgement: Judgement) -> None:
        """It may be a connection's, and shows no ports: the host can tell."""
        if frame.fragment:
            judgement.ends_in = "rx_frag"
        if frame.is_group or not self._machine.arm & Arm.TCP or (frame.fragment and frame.proto != 6):
            return
        for slot in self._machine.live_slots():
            if slot.knows_its_frames and slot.state is not SlotState.BROKEN and slot.is_between(frame, ports=False):
                judgement.slot, judgement.wake = slot, WakeReason.UNPARSEABLE_IN_SLOT
                return

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _asleep(self, frame: Frame) -> None:
        judgement = self._judged(frame)
        self._apply(frame, judgement)
        self._machine.counters[judgement.ends_in] += 1
        if judgement.wake is not WakeReason.NONE:
            self._machine.keep(frame.data, FrameFlag.WAKE, judgement.pattern_id)
            self._machine.wake(judgement.wake, judgement.slot, judgement.pattern_id, self._machine.frames[-1])

    def _woken(self, frame: Frame) -> None:
        """The host is on its way: what it will hear anyway is left to it."""
        judgement = self._judged(frame)
        slot, verdict = judgement.slot, judgement.verdict
        own = slot is not None and judgement.ends_in == "rx_slot_consumed"
        if own and slot is not None and (slot.state is not SlotState.WOKEN or verdict is Verdict.PROBE):
            self._apply(frame, judgement)
            self._machine.counters[judgement.ends_in] += 1
            return
        if slot is not None and judgement.wake is not WakeReason.NONE:
            self._break_if_reset(judgement)
            self._machine.wake(judgement.wake, slot)
        self._keep(frame)

    def _keep(self, frame: Frame) -> None:
        self._machine.counters["rx_buffered" if self._machine.keep(frame.data) else "rx_overflow"] += 1

    def _wake_by(self, row: list[object], judgement: Judgement) -> None:
        self._break_if_reset(judgement)
        row[3] = int(str(row[3])) | int(FrameFlag.WAKE)
        row[4] = judgement.pattern_id
        self._machine.counters["rx_wake"] += 1
        self._machine.wake(judgement.wake, judgement.slot, judgement.pattern_id, row)

    def _break_if_reset(self, judgement: Judgement) -> None:
        if judgement.slot is not None and judgement.verdict is Verdict.RESET:
            judgement.slot.state, judgement.slot.close_reason = SlotState.BROKEN, int(WakeReason.TCP_RST)

    def _apply(self, frame: Frame, judgement: Judgement) -> None:
        slot, verdict, now_us = judgement.slot, judgement.verdict, self._machine.now_us()
        if judgement.detail:
            self._machine.counters[judgement.detail] += 1
        if slot is None or verdict is None:
            return
        if verdict is Verdict.PURE_ACK:
            self._machine.counters["ka_rx_ack"] += slot.unanswered > 0
            slot.take_ack(frame, now_us)
        slot.paws += judgement.detail == "paws_drop"
        slot.repeated += judgement.detail == "dup_data_acked"
        self._break_if_reset(judgement)
        self._answer(slot, verdict, judgement.detail, now_us)
        if verdict in HEARD and judgement.detail != "paws_drop":
            slot.heard(frame, now_us)

    def _answer(self, slot: Slot, verdict: Verdict, detail: str, now_us: int) -> None:
        challenge = verdict is Verdict.CHALLENGE
        probe = verdict is Verdict.PROBE and bool(slot.flags & SlotFlag.ANSWER_PEER_KA)
        if not (challenge or probe or verdict is Verdict.ANSWER):
            return
        if not (slot.challenges if challenge else slot.answers).take(now_us):
            self._machine.counters["ack_rate_limited"] += 1
            return
        if self._machine.send(slot.segment(slot.snd_nxt, now_us)):
            slot.challenged += challenge
            self._machine.counters["rst_challenged"] += detail == "rst_in_window"
            slot.peer_probes_answered += probe
            self._machine.counters["peer_ka_answered"] += probe
