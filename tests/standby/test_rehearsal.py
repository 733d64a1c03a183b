"""A process that waits to be a task host does a run of nothing meanwhile: it leaves nothing behind."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from pathlib import Path

import pytest

from rig.standby.api import session
from rig.standby.app.crew import Crew
from rig.standby.app.rehearsal import TASK, rehearse


def test_the_task_is_imported_and_run_by_who_rehearses_and_no_descriptor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = (TASK.entry_point or "").rpartition(".")
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(session, "_current", None)
    crew = Crew()
    crew.start()
    gc.collect()  # what tests before have left open is not closed in between
    before, handlers = sorted(Path("/proc/self/fd").iterdir()), [signal.getsignal(number) for number in signal.valid_signals()]
    rehearse(crew, [])
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert [signal.getsignal(number) for number in signal.valid_signals()] == handlers
    ran: list[int] = []
    monkeypatch.setattr(getattr(sys.modules[module], name), "run", lambda *_: ran.append(threading.get_ident()))
    rehearse(crew, [])
    assert ran == [threading.get_ident()]
