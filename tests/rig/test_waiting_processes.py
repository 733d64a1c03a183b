"""How long a process has waited for a processor: asked of one that may end at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig.children import waited_ms
from rig.device.tape import TapeInMemory
from rig.suite.light_evidence import OfDoor


def test_a_process_that_ends_while_it_is_asked_has_waited_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ProcessLookupError

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, ended)
    assert waited_ms(os.getpid()) == 0
    monkeypatch.undo()
    monkeypatch.setattr(Path, "read_text", ended)
    assert waited_ms(os.getpid()) == 0


def test_a_device_that_has_ended_is_not_judged_harder() -> None:
    door: Any = SimpleNamespace(starved_ms=300.0)
    evidence = OfDoor(door, TapeInMemory())
    door.starved_ms = 20.0
    assert evidence.starved_ms() == 0
