"""report.md: the run as a CI job summary.

Job summaries above 1 MiB are not shown at all, so the text stops in time and says what it left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from rig.report.compare import Comparison
from rig.report.model import Run, TestResult
from rig.report.table import MOST_TROUBLES, summary, unproved
from rig.report.wakes import HEARD, Ledger, Unplanned, ledger_of

LIMIT_BYTES = 900_000
"""Below 1 MiB with room for what else a job writes into its summary."""

TRACE_CHARS = 4000
"""The end of a traceback says what went wrong."""

OUTPUT_CHARS = 1500
"""The last lines of what a test wrote."""


def render(run: Run, since: Comparison | None = None) -> str:
    text = ""
    used = 0
    for part in _parts(run, since):
        used += len(part.encode())
        if used > LIMIT_BYTES:
            return text + "\nThe rest is left out, as it would be too long for a job summary: see report.html.\n"
        text += part
    return text


def _parts(run: Run, since: Comparison | None) -> Iterator[str]:
    yield f"# Offload rig: {headline(run)}\n\n{summary(run)}\n\n"
    if since is not None:
        yield f"{since.text}\n\n" + "".join(f"* newly broken: `{id_}`\n" for id_ in since.broken) + "\n"
    for test in run.troubles:
        yield _trouble(test)
    for paragraph in unproved(run):
        yield f"```text\n{_fenced(paragraph)}\n```\n\n"
    yield from _wakes(ledger_of(run))
    yield "## Requirements\n\n" + _requirements(run) + "\n\n"
    yield "## Facts\n\n" + tabulate(run.facts.items(), ["fact", "value"], tablefmt="github") + "\n"


def headline(run: Run) -> str:
    if run.exit_code is None:
        return "killed"
    return {0: "passed", 1: "failed", 2: "interrupted", 5: "nothing ran", 6: "bench error", 7: "flaky"}.get(
        run.exit_code, f"exit code {run.exit_code}"
    )


def _trouble(test: TestResult) -> str:
    names = ", ".join(test.requirements) or "no requirement"
    traces = [phase.trace for attempt in test.attempts for phase in attempt.phases if phase.trace]
    blocks = "".join(f"```text\n{_fenced(trace[-TRACE_CHARS:])}\n```\n\n" for trace in traces)
    details = f"<details><summary>traces</summary>\n\n{blocks}</details>\n\n"
    place = f"at `{test.at}`\n\n" if test.at else ""
    files = f"files: `{test.folder}`\n\n" if test.folder else ""
    return f"## {test.verdict}: `{test.id}`\n\n{names}: {_inline(test.reason)}\n\n{place}{files}{_output(test)}{details}"


def _output(test: TestResult) -> str:
    """The last lines that each stream got."""
    last = next((attempt.output for attempt in reversed(test.attempts) if attempt.output), [])
    return "".join(f"{name}:\n\n```text\n{_fenced(text[-OUTPUT_CHARS:])}\n```\n\n" for name, text in last)


def _fenced(text: str) -> str:
    return text.rstrip().replace("```", "` ` `")


def _wakes(ledger: Ledger) -> Iterator[str]:
    """Unplanned wakes one by one; then all, by reason."""
    if not ledger.reasons and not ledger.not_judged:
        return
    counted = f"{ledger.count} times the device woke the host; {len(ledger.unplanned) or 'none'} of them unplanned."
    yield f"## Wakes\n\n{counted} {HEARD}\n\n"
    lines = [
        *(f"not all wakes of `{test.id}` are judged: {_inline(why)}" for test, why in ledger.not_judged),
        *(_unplanned(wake) for wake in ledger.unplanned),
    ]
    more = [f"and {len(lines) - MOST_TROUBLES} more in results.jsonl"] if len(lines) > MOST_TROUBLES else []
    if lines:
        yield "".join(f"* {line}\n" for line in [*lines[:MOST_TROUBLES], *more]) + "\n"
    if ledger.reasons:
        rows = [[one.name, one.count, one.unplanned or "", _ms(one.median_ms), _ms(one.slowest_ms)] for one in ledger.reasons]
        heads = ["reason", "wakes", "unplanned", "median ms", "slowest ms"]
        yield tabulate(rows, heads, tablefmt="github", disable_numparse=True) + "\n\n"


def _unplanned(wake: Unplanned) -> str:
    rule, frame = (f", {words}" if words else "" for words in (wake.rule, wake.frame))
    return f"unplanned: {wake.reason}{rule}{_inline(frame)}: {_inline(wake.why)}, in `{wake.test.id}`"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _requirements(run: Run) -> str:
    rows = [
        [result.requirement.id, result.requirement.title, str(result.verdict), len(result.tests), _inline(result.reason)]
        for result in run.covered
    ]
    return tabulate(rows, ["requirement", "title", "verdict", "tests", "reason"], tablefmt="github")


def _inline(text: str) -> str:
    """One line that does not break a table."""
    return text.partition("\n")[0].replace("|", "\\|")
