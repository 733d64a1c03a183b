"""A segment, a connection and what was expected, in words and numbers for who reads a failure."""

from __future__ import annotations

from rig.device.numbers import SlotFlag, WakeReason
from rig.suite.differential.connection import Connection
from rig.suite.differential.options import Malformed, timestamps_of
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import Segment
from rig.suite.differential.sequence import HALF, MOD
from rig.suite.differential.trial import Expected, Sleep, Trial


def _from(number: int, origin: int) -> str:
    distance = (number - origin) % MOD
    return f"{distance - MOD if distance >= HALF else distance:+d}"


def segment_text(segment: Segment, connection: Connection) -> str:
    """<SEQ=..., RCV.NXT+0><ACK=...>: each number with its distance from what it is held against."""
    try:
        stamps = timestamps_of(segment)
        told = f" TSval={stamps[0]} (TS.Recent{_from(stamps[0], connection.ts_recent)}) TSecr={stamps[1]}" if stamps else ""
    except Malformed as what:
        told = f" malformed: {what}"
    return (
        f"[{segment.letters}] SEQ={segment.seq} (RCV.NXT{_from(segment.seq, connection.rcv_nxt)}) "
        f"ACK={segment.ack} (SND.NXT{_from(segment.ack, connection.snd_nxt)}) {segment.length} bytes "
        f"WND={segment.window} URG={segment.urgent}{told} options={segment.options.hex() or 'none'}"
        + (f" data offset={segment.data_offset}" if segment.data_offset is not None else "")
    )


def connection_text(connection: Connection) -> str:
    stamps = ""
    if connection.ts_on:
        stamps = f" TS.Recent={connection.ts_recent} ({connection.ts_recent_age_ms} ms old at the handoff), {connection.ts_hz} Hz"
    names = "|".join(flag.name or "" for flag in SlotFlag if flag in connection.flags) or "none"
    c = connection
    return (
        f"RCV.NXT={c.rcv_nxt} RCV.WND={c.window} Last.ACK.sent={c.rcv_wup} SND.UNA={c.snd_una} SND.NXT={c.snd_nxt} "
        f"SND.WND={c.snd_wnd} SND.WL1={c.snd_wl1} MAX.SND.WND={c.max_snd_wnd} scales snd {c.snd_wscale} rcv {c.rcv_wscale}"
        f"{stamps or ' no timestamps'} flags {names}"
    )


def outcome_text(outcome: Outcome) -> str:
    """ "asleep, answered, counted rst_challenged; RFC 5961 3.2: ..."."""
    wake = f"a wake, {outcome.wake.name}" if outcome.wake is not WakeReason.NONE else "asleep"
    answer = "one ACK" if outcome.answered else "no answer"
    return f"{wake}, {answer}, counted {', '.join((outcome.ends_in, *outcome.counters))}; {outcome.text}"


def failure_text(trial: Trial, seed: str, found: str) -> str:
    """Each segment of the trial with what was expected of it; `found`: what came instead."""
    steps = [line for number, one in enumerate(trial.expected(), 1) for line in _step_lines(number, "", one)]
    return "\n".join([found, f"slot at the handoff: {connection_text(trial.connection)}", *steps, f"seed {seed}"])


def sleep_text(sleep: Sleep, seed: str) -> str:
    """The connections that segments come for, and each segment with what was expected of it."""
    named = sorted({number for number, _ in sleep.segments})
    slots = [f"slot {number} at the handoff: {connection_text(sleep.connections[number])}" for number in named]
    steps = [line for n, (to, one) in enumerate(sleep.expected(), 1) for line in _step_lines(n, f" for slot {to}", one)]
    return "\n".join([*slots, *steps, seed_text(seed)])


def seed_text(seed: str) -> str:
    return f"seed {seed}; the same again: RIG_SEED={seed} rig run -k differential"


def _step_lines(number: int, whose: str, one: Expected) -> list[str]:
    waited = f" after {one.step.wait_us} us" if one.step.wait_us else ""
    return [
        f"segment {number}{whose}{waited}: {segment_text(one.step.segment, one.before)}",
        f"   expected: {outcome_text(one.outcome)}",
    ]
