"""From what happened to one word, and from all words to an exit code.

A bench error says nothing about the device, so it is retried once; a failed assertion is final, and so is
firmware that crashes or answers against the contract. A test that needed the second try is flaky, never passed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from rig.exit_codes import Exit

MAX_ATTEMPTS = 2
"""Only bench errors are retried, and once: a bench that fails twice in a row is broken."""


class Verdict(StrEnum):
    """Ordered from worst to best: the worst of a requirement's tests is the requirement's."""

    FAILED = "failed"
    """The device or the host under test did wrong."""
    BENCH_ERROR = "bench error"
    """The bench misbehaved: nothing is known about the device."""
    FLAKY = "flaky"
    """A bench error first, passed when repeated."""
    QUARANTINED = "quarantined"
    """Known and set aside; does not count."""
    NOT_RUN = "not run"
    """Selected, but the run ended before."""
    UNPROVED = "unproved"
    """Of a requirement: none of its tests was possible here, as on a device that lacks a capability."""
    UNPROVED_IN_PART = "unproved in part"
    """Of a requirement: some of its tests passed, and some were not possible here."""
    PASSED = "passed"
    SKIPPED = "skipped"
    """Of a test: not possible here; the reason says why."""
    NOT_COVERED = "not covered"
    """No selected test names the requirement."""


def of_attempt(phases: Sequence[Verdict]) -> Verdict:
    """The verdict of one attempt from its phases': the worst of them."""
    for verdict in (Verdict.FAILED, Verdict.BENCH_ERROR, Verdict.SKIPPED):
        if verdict in phases:
            return verdict
    return Verdict.PASSED if len(phases) == 3 else Verdict.NOT_RUN


def of_test(attempts: Sequence[Verdict]) -> Verdict:
    """The verdict of a test from its attempts', in order."""
    if not attempts:
        return Verdict.NOT_RUN
    if attempts[-1] is Verdict.PASSED and len(attempts) > 1:
        return Verdict.FLAKY
    return attempts[-1]


def of_requirement(tests: Collection[Verdict]) -> Verdict:
    """The verdict of a requirement from its tests', on one device or on all: the worst, in the order of the enumeration. What a
    skipped test would have shown is unproved, whatever the others have shown."""
    worst = next((verdict for verdict in Verdict if verdict in tests), Verdict.NOT_COVERED)
    if worst is Verdict.PASSED and Verdict.SKIPPED in tests:
        return Verdict.UNPROVED_IN_PART
    return Verdict.UNPROVED if worst is Verdict.SKIPPED else worst


def exit_code(tests: Collection[Verdict], *, strict: bool = False) -> int:
    """The run's exit code when nothing interrupted it. Failure beats bench error beats flaky."""
    if Verdict.FAILED in tests:
        return Exit.FAILED
    if Verdict.BENCH_ERROR in tests:
        return Exit.BENCH_ERROR
    if Verdict.NOT_RUN in tests:
        return Exit.INTERRUPTED
    if Verdict.FLAKY in tests:
        return Exit.FLAKY if strict else Exit.PASSED
    return Exit.PASSED if Verdict.PASSED in tests else Exit.NOTHING_RAN
