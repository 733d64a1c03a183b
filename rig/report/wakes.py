"""The run's ledger of wakes: how often the device woke the host for what, and those that nobody had asked for, first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from rig.report.model import Run, TestResult
from rig.results.record import NOT_JUDGED

HEARD = "The time is from the frame's last bit until the host had the event, where a host was there to have it."


@dataclass(frozen=True)
class Unplanned:
    """One wake that spoils its test."""

    test: TestResult
    reason: str
    rule: str
    """The slot or pattern that the device named; empty for neither."""
    frame: str
    why: str


@dataclass(frozen=True)
class Reason:
    """All wakes of one reason."""

    name: str
    count: int
    unplanned: int
    median_ms: float | None
    """From the frame's last bit until the host had the event; None where no frame woke."""
    slowest_ms: float | None


@dataclass(frozen=True)
class Ledger:
    unplanned: list[Unplanned]
    reasons: list[Reason]
    """Those with unplanned wakes first, then by count."""
    not_judged: list[tuple[TestResult, str]]
    """Tests with wakes that nobody knows any more, and why."""

    @property
    def count(self) -> int:
        return sum(reason.count for reason in self.reasons)


def ledger_of(run: Run) -> Ledger:
    rows = [(test, row) for test in run.tests for attempt in test.attempts for row in attempt.wakes]
    not_judged = [(test, str(row["planned"])) for test, row in rows if row["reason"] == NOT_JUDGED]
    rows = [(test, row) for test, row in rows if row["reason"] != NOT_JUDGED]
    unplanned = [
        Unplanned(test, str(row["reason"]), _rule(row), str(row.get("frame", "")), _why(row)) for test, row in rows if _why(row)
    ]
    counts = Counter(str(row["reason"]) for _, row in rows)
    reasons = [_reason(name, [row for _, row in rows if str(row["reason"]) == name]) for name in counts]
    in_order = sorted(reasons, key=lambda reason: (-reason.unplanned, -reason.count, reason.name))
    return Ledger(unplanned, in_order, not_judged)


def _reason(name: str, rows: list[Mapping[str, Any]]) -> Reason:
    times = [float(row["heard_ms"]) for row in rows if "heard_ms" in row]
    unplanned = sum(bool(_why(row)) for row in rows)
    return Reason(name, len(rows), unplanned, median(times) if times else None, max(times, default=None))


def _why(row: Mapping[str, Any]) -> str:
    return str(row["fault"]) or ("" if row["planned"] else "the test neither made it nor waited for it")


def _rule(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in ("slot", "pattern") if name in row)
