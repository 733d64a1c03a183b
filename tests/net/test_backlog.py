"""Waiting for the kernel's received frames: they may be worked off while who waits has no processor."""

from __future__ import annotations

import pytest

from rig.errors import BenchError
from rig.net import backlog
from rig.net.backlog import Backlogs


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Backlogs:
    """Whoever waits looks again when all of his time is over."""
    monkeypatch.setattr(backlog, "DRAIN_TIMEOUT_S", 0.0)
    return Backlogs()


def test_what_is_found_worked_off_late_is_worked_off(late: Backlogs, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([[(10, 2), (5, 0)], [(12, 0), (5, 0)]])
    monkeypatch.setattr(late, "_read", lambda: next(looks))
    late.drain()
    late.close()


def test_what_is_not_is_said(late: Backlogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "_read", lambda: [(10, 2)])
    with pytest.raises(BenchError, match="RIG-N08"):
        late.drain()
    late.close()
