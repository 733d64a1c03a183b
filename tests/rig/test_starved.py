"""How long a process has gone without a processor: asked of one that may end at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig import starved
from rig.device.factory import emulated
from rig.device.prepared import prepared_flash
from rig.device.tape import TapeInMemory
from rig.starved import Starved, stolen_ms, waited_ms
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
    door: Any = SimpleNamespace(starved=Starved(300.0, {0: 40.0, 1: 50.0, 2: 500.0}))
    evidence = OfDoor(door, TapeInMemory())
    door.starved = Starved(20.0, {1: 90.0, 2: 10.0, 3: 70.0})
    assert evidence.starved() == Starved(0.0, {1: 40.0, 2: 0.0}), "one processor went, one began anew, one came"


def test_what_was_stolen_is_told_by_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sum of all is not: it would count once more what each of them stood."""
    monkeypatch.setattr(starved, "STAT", tmp_path / "stat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 2, 3})
    assert stolen_ms() == {}
    starved.STAT.write_text(
        "cpu  9 9 9 9 9 9 9 30 0 0\ncpu0 1 2 3 4 5 6 7 20 9 9\ncpu2 1 2 3 4 5 6 7 10\ncpu5 1 2 3 4 5 6 7 8\nintr 5\n"
    )
    assert stolen_ms() == {0: 200.0, 2: 100.0}, "of those that we may run on, and that there are"
    starved.STAT.write_text("cpu0 1 2 3 4\n")
    assert stolen_ms() == {}


def test_what_this_machine_says_is_of_the_processors_that_it_gives_us() -> None:
    assert stolen_ms().keys() == os.sched_getaffinity(0)


def test_a_process_of_this_machine_stands_with_it_from_its_start_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(starved, "STAT", tmp_path / "stat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    starved.STAT.write_text("cpu0 1 2 3 4 5 6 7 20 9 9\n")
    with emulated("native", flash=prepared_flash("native")) as device:
        starved.STAT.write_text("cpu0 1 2 3 4 5 6 7 25 9 9\n")
        assert device.starved.stolen_ms == {0: 50.0}
        device.power_cut()
        device.start()
        assert device.starved.stolen_ms == {0: 50.0}, "of a device that was off meanwhile too: one more is no harm"
