"""What the last run into a folder of reports leaves to the next: which tests failed, on what, and how long each took."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rig.errors import RigError
from rig.results.verdict import Verdict

TO_REPEAT = (Verdict.FAILED, Verdict.BENCH_ERROR)


@dataclass(frozen=True)
class LastRun:
    """`reports/latest`, which may still be going on or have been killed; empty where there is none."""

    failed: list[str] = field(default_factory=list)
    """Ids of the tests that failed or met a bench error."""
    devices: list[str] = field(default_factory=list)
    """That these ran on."""
    topologies: list[str] = field(default_factory=list)
    took_s: dict[str, float] = field(default_factory=dict)
    """Seconds of each test, by id."""

    @classmethod
    def of(cls, reports: Path) -> LastRun:
        from rig.report.model import load

        try:
            tests = load(reports / "latest").tests
        except RigError:
            return cls()
        failed = [test for test in tests if test.verdict in TO_REPEAT]
        return cls(
            [test.id for test in failed],
            list(dict.fromkeys(test.device for test in failed if test.device)),
            list(dict.fromkeys(test.topology for test in failed if test.topology)),
            {test.id: test.duration_s for test in tests if test.attempts},
        )
