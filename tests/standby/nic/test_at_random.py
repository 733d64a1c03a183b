"""A driver that is killed at any moment, also while it takes over, beside a device that answers late or restarts and a system
that dies as well. Whenever nothing more happens, all agree: on whether the host sleeps, and on what is held.

    RIG_SEED=7 RIG_LIVES=40 .venv/bin/python -m pytest tests/standby/nic/test_at_random.py    others, and more of them
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from random import Random

import pytest

from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.errors import DeviceError
from rig.peers import PushServer
from rig.standby.nic import journal, server
from rig.standby.nic.phase import Phase
from rig.standby.wire import nic
from rig.standby.wire.line import What

from .conftest import FAULTS, Parts
from .random_system import Believed, Connection, RandomSystem
from .served import Served
from .test_killed import Killed

SILENT = FAULTS["the device is silent"]
SEED = int(os.environ.get("RIG_SEED", "1"))
LIVES = int(os.environ.get("RIG_LIVES", "4"))
ROUNDS = 4
"""Of faults, each with a rest behind it, in one life."""
REST_S = 20.0
AFTER_RESTART_S = 1.6
"""Until the driver has heard of a device's restart, at the latest."""


class Life:
    def __init__(self, parts: Parts, served: Served, server: PushServer, chance: Random) -> None:
        self._parts = parts
        self._served = served
        self._chance = chance
        self.system = RandomSystem(parts, served, chance, server, {"one": Connection(parts.sock, parts.server)}, {"one"})
        self._calm = True
        self._within = False
        self._killed_in: int | None = None
        """Points that the driver still passes."""
        self._fault_in: int | None = None
        """Requests that the device still answers."""
        self._fault_when = "before"
        self._faults = 0
        self._fault = SILENT()
        self._restarted_s = 0.0

    # -- faults --------------------------------------------------------------------------------------------------------

    def point(self, name: str, when: str) -> None:
        """As Injector: before and after each step, request, note and message of the driver's."""
        if self._calm:
            return
        if not self._within and self._chance.random() < 0.12:  # in the middle of the driver's work
            self._within = True
            self.system.step()
            self._within = False
        if self._killed_in is not None:
            self._killed_in -= 1
            if self._killed_in <= 0:
                self._killed_in = None
                self.system.log.append(f"killed at {name} {when}, {self._parts.driver._phase.now.value}")
                raise Killed
        if name.isupper() and when == self._fault_when and self._fault_in is not None:
            self._fault_in -= 1
            if self._fault_in <= 0:
                self._faults -= 1
                self._fault_in = 1 if self._faults > 0 else None
                self.system.log.append(f"{self._fault} at {name} {when}")
                raise self._fault

    def _one_more(self) -> None:
        chance = self._chance
        what = chance.random()
        if what < 0.36:
            self._killed_in = chance.choice((chance.randrange(1, 8), chance.randrange(1, 40)))
        elif what < 0.55:
            self._fault_in, self._fault_when = chance.randrange(1, 12), chance.choice(("before", "after"))
            self._faults = chance.choice((1, 1, 2, 8))
            self._fault = chance.choice((SILENT, SILENT, SILENT, _lease_over))()
        elif what < 0.60:
            self.system.dies()
        elif what < 0.63:
            self._restart_device()
        elif what < 0.70:
            self._parts.knock(b"who is there")
        self.system.step()
        self._turn(chance.randrange(1, 4))

    def _restart_device(self) -> None:
        self.system.log.append("the device restarts")
        self._parts.device_process.power_cut()
        self._parts.device_process.start()
        self._restarted_s = time.monotonic()

    def _turn(self, count: int) -> None:
        """So many turns of the driver's loop."""
        for _ in range(count):
            turned = iter((False, True))
            try:
                self._parts.until(lambda turned=turned: next(turned), "")  # type: ignore[misc]
            except Killed:
                self._begin_anew()
            self.system.read()
            self._parts.has_heard()

    def _begin_anew(self) -> None:
        chance = self._chance
        if chance.random() < 0.5:
            self._killed_in = chance.randrange(1, 25)
        if chance.random() < 0.2:
            self.system.dies()
        if chance.random() < 0.08:
            self._restart_device()
        while True:
            try:
                self._served.start_driver_anew(adopting=False)
                return
            except Killed:  # while it takes over
                continue

    # -- rest ----------------------------------------------------------------------------------------------------------

    def live(self) -> None:
        self._parts.driver.notes.write()
        self._begin_anew()
        self._rest()
        for _ in range(ROUNDS):
            self._calm = False
            for _ in range(self._chance.randrange(2, 9)):
                self._one_more()
            self._rest()

    def _rest(self) -> None:
        self._calm, self._killed_in, self._fault_in = True, None, None
        end_s, quiet = time.monotonic() + REST_S, 0
        while quiet < 8:
            assert time.monotonic() < end_s, f"no rest: {self.system.said}, {self._parts.driver._phase.now}"
            self._turn(1)
            known = time.monotonic() > self._restarted_s + AFTER_RESTART_S
            quiet = quiet + 1 if known and self._is_quiet() else 0
        self._restarted_s = 0.0
        self._all_agree()

    def _is_quiet(self) -> bool:
        driver, system = self._parts.driver, self.system
        rests = driver.asleep or driver.idle
        return rests and not driver._mending._left and not system.said and not system.unread()

    def _all_agree(self) -> None:
        parts, system, driver = self._parts, self.system, self._parts.driver
        assert system.believed is (Believed.ASLEEP if driver.asleep else Believed.AWAKE)
        assert not (system.hold and driver.asleep)
        assert parts.gate.is_open is not driver.asleep
        assert not parts.timeline.find("SERVICE_FAULT")
        assert not parts.errors
        assert {connection.key for connection in driver.registry.all()} == system.held
        assert {pattern.key for pattern in driver.registry.patterns.all()} == system.patterns
        if driver._phase.now is Phase.AWAKE:
            driver.be_ready()
        slots = {connection.slot for connection in driver.registry.all() if connection.slot is not None}
        assert {slot.ref for slot in parts.client.slots()} == slots
        numbers = {pattern.number for pattern in driver.registry.patterns.all()}
        assert {pattern.id for pattern in parts.client.patterns()} == numbers


def _lease_over() -> Exception:
    return DeviceError(GROUP_OFFLOAD, OffloadRc.RESUME_REQUIRED, OffloadRc.RESUME_REQUIRED.name, "what was asked")


@pytest.mark.parametrize("seed", range(SEED, SEED + LIVES))
def test_in_the_end_all_agree(
    parts: Parts, served: Served, second: PushServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    life = Life(parts, served, second, Random(seed))
    with ExitStack() as stack:
        if seed % 3:
            life.system.connections["two"] = life.system.connect()
            stack.callback(lambda: life.system.connections["two"].sock.close())
        monkeypatch.setattr(parts.inject, "also", life.point)
        _pass_points(monkeypatch, life)
        try:
            life.live()
        except BaseException as error:
            error.add_note("\n".join([f"RIG_SEED={seed} RIG_LIVES=1; what happened last:", *life.system.log[-60:]]))
            raise


def _pass_points(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """Of what the driver writes into its journal, and of what it says. Of a connection that was taken and not noted the system
    hears at the next entry (test_agreement.py): no kill there."""
    write, send = journal.Journal.write, server.LineToSystem.send

    def noted(self: journal.Journal, note: journal.Note) -> None:
        life.point("note", "before")
        write(self, note)
        life.point("note", "after")

    def sent(self: server.LineToSystem, what: What, number: int, body: object) -> None:
        reserved = isinstance(life.system.said.get(number), nic.Reserve)
        life.point("send", "before")
        send(self, what, number, body)
        if not reserved:
            life.point("send", "after")

    monkeypatch.setattr(journal.Journal, "write", noted)
    monkeypatch.setattr(server.LineToSystem, "send", sent)
