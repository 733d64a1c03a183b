"""The ledger of one test: its wakes as rows of results.jsonl, and those that may not have been as one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from _pytest.outcomes import Failed

from rig.device import tape
from rig.device.numbers import WakeReason
from rig.device.tape import Said
from rig.errors import UsageError
from rig.inject.decoded import decoded, one_line
from rig.net.capture import CapturedFrame
from rig.results.record import NOT_JUDGED
from rig.runner.wakes.armed import Replay
from rig.runner.wakes.judge import Judged, judged
from rig.runner.wakes.planned import Test, how
from rig.starved import Starved

if TYPE_CHECKING:
    from rig.bench import Bench

Reasons = frozenset[str] | None
"""Of the mark `wakes`; None without one, empty for any."""
UNPLANNED = "unplanned wake"
"""What a note of one begins with."""


class Evidence(Protocol):
    """What a test's wakes are judged by. Asked in this order; of a test without a wake for `said` alone."""

    def said(self) -> Iterable[Said]:
        """On the control channel, since the test had the device."""
        ...

    def cut(self) -> str:
        """What of it is not kept, in words; empty: all is."""
        ...

    def from_start(self) -> bool:
        """Whether the first of it is kept."""
        ...

    def frames(self) -> Sequence[CapturedFrame]:
        """Of the device's cable, in order."""
        ...

    def is_whole(self) -> bool:
        """No frame was forgotten or lost."""
        ...

    def starved(self) -> Starved:
        """How long its device has gone without a processor of this machine, which makes it late."""
        ...

    def test(self, reasons: Reasons) -> Test: ...


BENCH: pytest.StashKey[Bench] = pytest.StashKey()
"""Set on a test while it has a bench."""
DEVICE_ALONE: pytest.StashKey[Evidence] = pytest.StashKey()
"""Set on a test that has a device without a bench."""
ROWS: pytest.StashKey[list[dict[str, Any]]] = pytest.StashKey()
"""Set on a test that had one: its wakes."""


class UnplannedWake(Failed):
    """The device woke the host, and nobody had asked for that; or late, or twice. It comes from no line of the test's."""

    def __init__(self, what: str) -> None:
        super().__init__(what, pytrace=False)


def close(item: pytest.Item) -> str:
    """Takes the test's wakes into `ROWS`; gives what is wrong with them, empty: nothing."""
    evidence = evidence_of(item)
    if evidence is None:
        return ""
    rows = entries(evidence, reasons_of(item))
    item.stash[ROWS] = [row_of(row) for row in rows]
    if cut := evidence.cut():
        item.stash[ROWS].append({"reason": NOT_JUDGED, "planned": cut, "fault": ""})
    wrong = [row for row in rows if row.fault or not row.planned]
    return "\n".join(fault_text(row) for row in wrong)


def evidence_of(item: pytest.Item) -> Evidence | None:
    """None of a test without a device."""
    bench = item.stash.get(BENCH, None)
    return OfBench(bench) if bench is not None else item.stash.get(DEVICE_ALONE, None)


class OfBench:
    """Since it was built."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def said(self) -> Iterable[Said]:
        path = self._bench.artefacts / tape.FILE
        return tape.read(path) if path.exists() else ()

    def cut(self) -> str:
        if not tape.is_cut(self._bench.artefacts / tape.FILE):
            return ""
        return f"what was said after the first {tape.MOST_BYTES >> 20} MiB of the control channel is not kept"

    def from_start(self) -> bool:
        return True

    def frames(self) -> Sequence[CapturedFrame]:
        return self._bench.capture.frames(self._bench.network.device_port)

    def is_whole(self) -> bool:
        return self._bench.capture.is_whole

    def starved(self) -> Starved:
        return self._bench.microcontroller.starved

    def test(self, reasons: Reasons) -> Test:
        timeline = self._bench.timeline
        return Test(timeline.records(), timeline.looked_at, self._bench.inject.has_sent, reasons)


def reasons_of(item: pytest.Item) -> Reasons:
    marks = list(item.iter_markers("wakes"))
    if not marks:
        return None
    return frozenset() if any(not mark.args for mark in marks) else frozenset(name for mark in marks for name in mark.args)


def entries(evidence: Evidence, reasons: Reasons) -> list[Judged]:
    """Every wake, judged."""
    said = evidence.said()
    wakes = Replay(begun=evidence.from_start()).run(said)
    if not wakes:
        return []
    starved, test = evidence.starved(), evidence.test(reasons)
    rows = judged(wakes, evidence.frames(), whole=evidence.is_whole(), starved=starved)
    for row in rows:
        row.planned = how(row.wake, test)
        row.heard_ms = None if test.alone else row.heard_ms  # a test without a host asks when it likes
    return rows


def row_of(row: Judged) -> dict[str, Any]:
    """A line of the run's ledger."""
    wake, event = row.wake, row.wake.event
    found: dict[str, Any] = {"reason": wake.reason, "planned": row.planned, "fault": row.fault}
    if event.slot_ref is not None:
        found["slot"] = f"{event.slot}/{event.gen}"
    if event.matched_pattern is not None:
        found["pattern"] = event.matched_pattern
    if wake.frame or wake.saved:
        found["frame"] = one_line(wake.frame or wake.saved)
    for name, value in (("late_ms", row.late_ms), ("heard_ms", row.heard_ms)):
        if value is not None:
            found[name] = round(value, 2)
    return found


def fault_text(row: Judged) -> str:
    """For people: what woke, by which rule, and what speaks against it."""
    wake, event = row.wake, row.wake.event
    by = [f"slot {event.slot}/{event.gen}"] if event.slot_ref is not None else []
    by += [f"pattern {event.matched_pattern}"] if event.matched_pattern is not None else []
    why = row.fault or "nothing in the test made it, waited for it or says that it may come"
    lines = [f"{UNPLANNED} {event.n}: {wake.reason}{' by ' + ', '.join(by) if by else ''}: {why}"]
    if wake.frame or wake.saved:
        lines += [f"  {line}" for line in decoded("frame", wake.frame or wake.saved)]
    else:
        lines.append("  no frame came with it")
    if row.fault == "":
        lines.append('  fix: wait for it (timeline.wait("NIC_WAKE")), or mark the test @pytest.mark.wakes("' + wake.reason + '")')
    return "\n".join(lines)


def check_marks(items: Iterable[pytest.Item]) -> None:
    """Raises UsageError RIG-C27 with the name of the first test whose mark names no reason."""
    for item in items:
        for name in (name for mark in item.iter_markers("wakes") for name in mark.args):
            if name not in WakeReason.__members__:
                near = get_close_matches(str(name), WakeReason.__members__, 1)
                hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(WakeReason.__members__)}"
                raise UsageError("RIG-C27", f"{item.nodeid}: wakes({name!r}): the device has no such reason", hint)
