"""A user's board on any serial port that pyserial opens."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

from rig.device.base import Device
from rig.device.link import Link
from rig.device.offload import OffloadClient
from rig.device.port import open_port
from rig.errors import BenchError

ResetLine = Literal["none", "dtr", "rts"]
PULSE_S = 0.05
"""How long the reset line is held; boards sample it within a few ms."""


class BoardDevice(Device):
    """`reset_line`: the modem line wired to the board's reset, active when asserted; "none" when there is no wire."""

    kind: ClassVar[str] = "board"

    def __init__(self, port: str, *, baudrate: int = 115200, reset_line: ResetLine = "none") -> None:
        self.port = port
        self.baudrate = baudrate
        self._reset_line = reset_line

    def start(self) -> None:
        """See whether it answers. Raises RIG-B03 (silence) and RIG-B02 (firmware of another contract), S01, S03, S04."""
        with Link(self.port, baudrate=self.baudrate) as link:
            OffloadClient(link).hello()

    def power_cut(self) -> None:
        raise BenchError(
            "RIG-B05", "this board's power cannot be switched by the rig", "leave out what needs it: -k 'not device_restart'"
        )

    def reset(self) -> None:
        """Pulse the reset line. The port must not be open elsewhere. Raises RIG-B05 without a line."""
        if self._reset_line == "none":
            raise BenchError("RIG-B05", "no reset line is wired to this board", 'set reset_line = "dtr" or "rts" in bench.toml')
        endpoint = open_port(self.port, self.baudrate)
        try:
            setattr(endpoint.port, self._reset_line, True)
            time.sleep(PULSE_S)
            setattr(endpoint.port, self._reset_line, False)
        finally:
            endpoint.close()

    def stop(self) -> None:
        """Nothing to give back: links hold the port."""
