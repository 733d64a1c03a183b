"""A worker that died in a run without a record (`pytest -n` without --rig-reports): as in one that has it, the test that it ran
is repeated once, and only a second death is an error. xdist alone would call the first one a failure of the test.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from rig.errors import BenchError
from rig.runner.combinations import asked_devices

DIED: pytest.StashKey[set[str]] = pytest.StashKey()
"""Set on the session's config: the tests that a worker has died of."""


def died() -> BenchError:
    """What is said of its test."""
    fix = "its last words are on stderr; run the test alone, with -n 0"
    return BenchError("RIG-R15", "the worker that ran this test died", fix)


def repeat_once(config: pytest.Config, test: str, report: pytest.TestReport, sched: Any) -> None:
    """`test`: its id. Those that are none of the rig's are left to xdist."""
    deaths = config.stash.setdefault(DIED, set())
    if not _has_bench(config, test):
        return
    report.longrepr = str(died())
    if test not in deaths:
        repeat(test, report, sched)
    deaths.add(test)


def repeat(test: str, report: pytest.TestReport, sched: Any) -> None:
    """Hand the test out once more. Of a scope (--dist loadscope) xdist does so by itself, with all that was not run."""
    with contextlib.suppress(NotImplementedError):
        sched.mark_test_pending(test)
    report.outcome = "rerun"  # type: ignore[assignment]  # as pytest-rerunfailures calls what is neither passed nor failed


def _has_bench(config: pytest.Config, test: str) -> bool:
    """By its id, which is all that this process knows of it: the parameters of a test with a bench begin with the device."""
    parameters = test.partition("[")[2]
    return any(parameters.startswith(f"{device.replace('/', '_')}-") for device in asked_devices(config))
