"""A machine that has no process left just then: a host cannot be without its driver, and waits for what does transfers."""

from __future__ import annotations

import os
import socket

import pytest

from rig.events import TimelineEvent as E
from rig.standby.supervisor.companion import Companion, CompanionKind


def idle(line_fd: int) -> None:
    os._exit(0)


def refuse(line_fd: int, why: str) -> None:
    os._exit(0)


def no_process() -> int:
    raise OSError(11, "Resource temporarily unavailable")


DRIVER = CompanionKind(name="driver", what="the driver", ended=E.DRIVER_TERMINATED, program=idle)
TRANSFERS = CompanionKind(
    name="transfers",
    what="transfers",
    ended=E.TRANSFERS_TERMINATED,
    program=idle,
    refuse=refuse,
    waits_for_a_message=True,
)


def test_one_that_the_host_cannot_be_without(monkeypatch: pytest.MonkeyPatch) -> None:
    companion = Companion(DRIVER)
    assert companion.is_due()
    monkeypatch.setattr(os, "fork", no_process)
    with pytest.raises(OSError, match="unavailable"):
        companion.start()


def test_one_that_it_can_be_without_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    companion = Companion(TRANSFERS)
    assert companion.may_be_called
    assert not companion.is_due()
    with socket.socket(fileno=os.dup(companion.systems_fd)) as system:
        system.send(b"a word")
    assert companion.is_due()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", no_process)
        assert not companion.start()
    assert companion.is_due()
    assert not companion.may_be_called, "the supervisor's poll would never wait"
    assert companion.start()
    assert not companion.is_due()
    os.waitpid(companion.pid, 0)
    assert companion.died("signal SIGKILL") is None
    assert companion.is_due(), "whoever has transfers has them still"
