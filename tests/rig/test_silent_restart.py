"""A device that restarts and is silent again: the host speaks for itself without asking it anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rig.errors import BenchError
from rig.standby.system.service import Service


def test_the_host_takes_the_network_before_it_asks_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def silent(*_: Any) -> Any:
        raise BenchError("RIG-B03", "no SMP answer")

    service = Service.__new__(Service)
    service.timeline = SimpleNamespace(add=lambda event, **_: done.append(event))  # type: ignore[assignment]
    service.standby = SimpleNamespace(device_lost=lambda reason: done.append(f"lost: {reason.name}"))  # type: ignore[assignment]
    service.nic = SimpleNamespace(client=SimpleNamespace(hello=silent))  # type: ignore[assignment]
    monkeypatch.setattr(service, "_attach", silent)
    with pytest.raises(BenchError):
        service._on_device_restart(8)
    assert done == ["RESUME_REQUIRED", "lost: FIRMWARE_STALLED"]
