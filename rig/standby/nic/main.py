"""The driver's process. The supervisor forks it (rig/standby/supervisor/), with `DriverSettings`, in the host's namespace.

It takes the device, and serves the system. One thread: from the wake event to the SIGCONT of whom it is for nothing else runs,
and where the machine allows it nobody else has its processor: a driver of a real host is the kernel's.
When the system dies the driver goes on, and the next one has the same line.
"""

from __future__ import annotations

import socket
from pathlib import Path

from rig.decoders import decoded
from rig.device.link import Link
from rig.device.tape import Tape
from rig.process import go_before_others, go_behind_others, ignore_sigint, name_process
from rig.standby.nic.assembly import hear_line, make_driver, read_line
from rig.standby.nic.journal import Journal
from rig.standby.nic.loop import Loop
from rig.standby.nic.pass_through import PassThrough
from rig.standby.nic.place import Place
from rig.standby.nic.server import LineToSystem, Server
from rig.standby.nic.settings import DriverSettings
from rig.standby.wire import nic
from rig.standby.wire.faults import fault_of
from rig.standby.wire.line import Line
from rig.standby.wire.refusing import refuse_all
from rig.timeline import TimelineWriter

PRIORITY = 2
"""Before the system's (urgency.py): it waits for the driver."""


def _go_first() -> None:
    go_before_others(PRIORITY)


PLACE = Place(_go_first, go_behind_others)


def main(settings: bytes, line_fd: int, journal_fd: int) -> None:
    """Serve the system at the other end of the line. The journal is that of the driver before, or empty."""
    name_process("driver")
    ignore_sigint()
    PLACE.first()
    given = decoded(DriverSettings, settings)
    line: Line[nic.ToDriver] = Line(socket.socket(fileno=line_fd), nic.ToDriver)
    try:
        process = _Process(given, line, Journal(journal_fd))
        process.start()
    except Exception as error:
        refuse_all(line, fault_of(error, "the start of the driver"))
    else:
        process.run()


class _Process:
    """Everything that there is one of."""

    def __init__(self, settings: DriverSettings, line: Line[nic.ToDriver], journal: Journal) -> None:
        self._timeline = TimelineWriter(settings.timeline_fd, "host")
        self._loop = Loop(self._on_error)
        tape = Tape(Path(settings.tape)) if settings.tape else None
        self._link = Link(settings.port, baudrate=settings.baudrate, timeline=self._timeline, pumped=True, tape=tape)
        self._to_system = LineToSystem(line, self._loop)
        self._driver = make_driver(settings, self._link, self._loop, self._timeline, self._to_system.tell, journal, place=PLACE)
        self._passing = PassThrough(self._link, self._loop, lambda number, reply: self._server.answer(number, reply, "request"))
        self._server = Server(
            line, self._to_system, self._driver, self._passing, lambda: dict(vars(self._link.stats)), self._timeline, self._loop
        )
        self._line = line

    def start(self) -> None:
        """Raises what stands against it."""
        self._server.owe(self._driver.start())

    def run(self) -> None:
        """Until nobody is there to be served."""
        self._loop.watch(self._link.fileno(), lambda: hear_line(self._link, self._loop))
        self._loop.watch(self._line.fileno(), self._server.readable)
        self._loop.run(self._before_wait)
        self._link.close()

    def _before_wait(self) -> float | None:
        due_s = read_line(self._link, self._loop)
        self._passing.look()
        return due_s

    def _on_error(self, error: Exception) -> None:
        self._server.on_fault("loop", error)
