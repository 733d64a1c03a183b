"""Benches without a host: devices on cables of their own, made when a test first needs one, and kept for those that follow."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pytest

from rig.device import tape
from rig.device.tape import TapeInMemory
from rig.errors import RigError
from rig.net.capture import CapturedFrame, write_frames
from rig.runner.bench_fixture import COMBINATION, bench_config
from rig.runner.combinations import Combination, check
from rig.runner.device_mark import facts_of, needs_of, skip_what_it_cannot
from rig.runner.wakes.ledger import DEVICE_ALONE
from rig.runner.witness import FILES, WITNESS
from rig.suite.light_evidence import OfDoor
from rig.suite.wire_door import DeviceOnWire, WireDoor

if TYPE_CHECKING:
    from rig.config import BenchConfig


class LightBenches:
    """The devices of one process, by their configuration."""

    def __init__(self) -> None:
        self._devices: dict[BenchConfig, DeviceOnWire] = {}

    def door(self, request: pytest.FixtureRequest, combination: Combination) -> WireDoor:
        """For one test; skips it when the device lacks what its marks ask for."""
        check(combination.device)
        item = request.node
        item.stash[COMBINATION] = combination
        config = bench_config(item, request.config, combination)
        facts, needs = facts_of(request.config, combination.device), needs_of(item)
        if facts.known(needs):
            skip_what_it_cannot(facts, needs)
        door = self._attached(config)
        if not facts.met(needs):
            facts.meet(door.client, needs)
        item.stash[DEVICE_ALONE] = OfDoor(door, self._devices[config].tape)
        item.stash[WITNESS] = lambda: sorted(door.crossed)
        item.stash[FILES] = lambda directory: _leave(door, self._devices[config].tape, directory)
        return door

    def _attached(self, config: BenchConfig) -> WireDoor:
        """One that the test before has broken is replaced."""
        if config in self._devices:
            try:
                return WireDoor(self._devices[config])
            except RigError:
                self._devices.pop(config).close()
        self._devices[config] = DeviceOnWire(config)
        return WireDoor(self._devices[config])

    def __enter__(self) -> LightBenches:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        while self._devices:
            self._devices.popitem()[1].close()


def _leave(door: WireDoor, said: TapeInMemory, directory: Path) -> None:
    """As a bench does, but for a timeline: there is no host. What the device does not answer for any more comes last."""
    said.write(directory / tape.FILE)
    write_frames(directory / "wire.pcapng", "device", [CapturedFrame(frame.t_ns, frame.data) for frame in sorted(door.crossed)])
    counters = door.client.counters()
    (directory / "counters.json").write_text(json.dumps(counters, indent=1) + "\n", encoding="utf-8")
