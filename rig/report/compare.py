"""What changed since the run before: the tests that both runs finished, by what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rig.errors import UsageError
from rig.report.model import Run, load
from rig.results.record import RESULTS
from rig.results.verdict import Verdict

LOOK_BACK = 10
"""Runs looked at for one that shares a test with this one: others' selections may lie between."""

GOOD = frozenset({Verdict.PASSED})
BAD = frozenset({Verdict.FAILED, Verdict.BENCH_ERROR, Verdict.FLAKY})


@dataclass(frozen=True)
class Comparison:
    """This run beside an earlier one of the same reports directory. Ids of tests, in this run's order."""

    before: str
    """Name of the earlier run."""
    broken: list[str]
    """Passed then, now failed, flaky or a bench error."""
    mended: list[str]
    """The other way."""
    shared: int
    """Tests that both runs finished."""
    slower: float
    """Time of the shared tests, this run's over the earlier one's."""

    @property
    def text(self) -> str:
        """One line."""
        found = (("broken", self.broken), ("mended", self.mended))
        changes = ", ".join(f"{len(ids)} newly {word}" for word, ids in found if ids) or "no change"
        return f"since {self.before}: {changes} in {self.shared} tests of both, {self.slower:.2f} times the time"


def with_last(run: Run) -> Comparison | None:
    """The newest earlier run that shares a finished test with `run`, compared; None where there is none."""
    for directory in earlier(run.directory)[:LOOK_BACK]:
        try:
            compared = compare(run, load(directory))
        except (UsageError, KeyError, ValueError, TypeError):  # a damaged record costs the comparison, not the report
            continue
        if compared is not None:
            return compared
    return None


def earlier(run_dir: Path) -> list[Path]:
    """The runs beside `run_dir` that began before it, newest first: names begin with the time."""
    try:
        beside = sorted(run_dir.parent.iterdir(), reverse=True)
    except OSError:
        return []
    return [path for path in beside if path.name < run_dir.name and not path.is_symlink() and (path / RESULTS).is_file()]


def compare(run: Run, before: Run) -> Comparison | None:
    """None when no test was finished in both."""
    then = {test.id: test for test in before.tests if test.verdict in GOOD | BAD}
    pairs = [(then[test.id], test) for test in run.tests if test.id in then and test.verdict in GOOD | BAD]
    if not pairs:
        return None
    took = sum(old.duration_s for old, _ in pairs)
    return Comparison(
        before.name,
        [new.id for old, new in pairs if old.verdict in GOOD and new.verdict in BAD],
        [new.id for old, new in pairs if old.verdict in BAD and new.verdict in GOOD],
        len(pairs),
        sum(new.duration_s for _, new in pairs) / took if took else 1.0,
    )
