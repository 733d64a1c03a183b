"""The engine's library as a door for the differential judge: a virtual clock, and each segment's own verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter

from rig.device.numbers import SlotState, WakeReason
from rig.inject.frames import Flow
from rig.suite.differential.answer import Answer, due, faults
from rig.suite.differential.connection import Connection
from rig.suite.differential.explain import outcome_text
from rig.suite.differential.segment import Framer
from rig.suite.differential.trial import Expected, Trial
from tests.engine.engine_lib import HOST_IP, HOST_MAC, HOST_PORT, OK, PEER_IP, PEER_MAC, PEER_PORT, Engine
from tests.engine.engine_lib import SlotState as Slot

START_US = 60 * 86_400 * 1_000_000
"""Older than any timestamp that is handed over."""
NOT_OF_THE_SLOT = ("from_us", "ts_recent_us", "broken", "challenge_acks", "dup_data", "paws_drops", "peer_ka_answered")
CONFIGURED = [f.name for f in fields(Connection) if f.name not in NOT_OF_THE_SLOT]
FRAMER = Framer(Flow(PEER_MAC.hex(":"), HOST_MAC.hex(":"), PEER_IP, HOST_IP, PEER_PORT, HOST_PORT))
HEAD = FRAMER.answer_head
TOLD = ("snd_una", "snd_nxt", "rcv_nxt", "snd_wnd", "ts_recent", "challenge_acks", "dup_data", "paws_drops", "peer_ka_answered")
_told = attrgetter(*TOLD)
LONGEST_MS = 86_400_000


@dataclass(frozen=True)
class Difference:
    """`what`: in words; `steps`: how many of the trial's led to it."""

    what: str
    steps: int


def difference(trial: Trial) -> Difference | None:
    """The first one between the engine and the model; None when there is none."""
    engine = Engine(now_us=START_US)
    rc, slot, gen = engine.slot_add(
        t0_us=START_US,
        ka_idle_ms=LONGEST_MS,
        ka_intvl_ms=LONGEST_MS,
        **{name: getattr(trial.connection, name) for name in CONFIGURED},
    )
    assert rc == OK, (rc, trial.connection)
    engine.sleep()
    steps: list[Expected] = []
    for one in trial.expected(START_US):
        steps.append(one)
        engine.now_us = one.at_us
        verdict = engine.rx_verdict(FRAMER.frame(one.step.segment))
        sent = engine.take_sent()
        wrong = _wrong_verdict(one, verdict.reason, verdict.wake) or _wrong_answers(one, sent)
        wrong = wrong or _wrong_state(one, engine.slot_get(slot, gen))
        if wrong:
            return Difference(f"{wrong}; expected: {outcome_text(one.outcome)}", len(steps))
    wrong = _wrong_counters(steps, engine.counters)
    return Difference(wrong, len(steps)) if wrong else None


def _wrong_verdict(one: Expected, reason: str, wake: int) -> str:
    if wake != one.outcome.wake:
        return f"wake {WakeReason(wake).name}"
    return "" if reason == one.outcome.ends_in else f"counted {reason}"


def _wrong_answers(one: Expected, sent: list[bytes]) -> str:
    if len(sent) != one.outcome.answered:
        return f"{len(sent)} answers: {[str(Answer.of_frame(frame)) for frame in sent]}"
    wanted = due(one.before, one.at_us, HEAD)
    return "; ".join(fault for frame in sent for fault in faults(Answer.of_frame(frame), wanted))


def _wrong_state(one: Expected, slot: Slot) -> str:
    if one.outcome.wake is not WakeReason.NONE:
        wanted = SlotState.BROKEN if one.after.broken else SlotState.WOKEN
        return "" if slot.state == wanted else f"the slot is {SlotState(slot.state).name}, {wanted.name} is expected"
    if _told(slot) == _told(one.after):
        return ""
    told = zip(TOLD, _told(slot), _told(one.after), strict=True)
    return "; ".join(f"{name} is {is_}, {wanted} is expected" for name, is_, wanted in told if is_ != wanted)


def _wrong_counters(steps: list[Expected], counters: dict[str, int]) -> str:
    wanted = dict.fromkeys(counters, 0)
    wanted["rx_total"] = len(steps)
    for one in steps:
        for name in (one.outcome.ends_in, *one.outcome.counters):
            wanted[name] += 1
        wanted["tx_frames"] += one.outcome.answered
    wanted["buf_high_water"] = counters["buf_high_water"]
    return ", ".join(f"counter {n} {counters[n]}, {wanted[n]} is expected" for n in counters if counters[n] != wanted[n])
