"""`rig log` prints what a device kept, and nothing of it is a command for the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from rig.cli import build
from rig.commands import log
from rig.device.offload_types import DeviceLog


class Device:
    def log(self, since: int) -> DeviceLog:
        return DeviceLog(text="one\nred \x1b[31m\ttwo\n", next=16, lost=0)


def test_control_characters_are_shown_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def device_at(*_: Any) -> Iterator[Device]:
        yield Device()

    monkeypatch.setattr(log, "device_at", device_at)
    outcome = CliRunner().invoke(build(), ["log", "--port", "/dev/null"])
    assert outcome.output == "one\nred \\x1b[31m\ttwo\n"
