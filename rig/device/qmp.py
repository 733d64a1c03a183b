"""QEMU's machine protocol (QMP) on a socket pair: one JSON object a line, a greeting first, events in between.

For what no wire of the emulated board carries: the state of its Ethernet cable.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from rig.errors import BenchError

ANSWER_TIMEOUT_S = 10.0
"""QEMU answers in a millisecond; a machine that is busy with something else may keep it from that."""


class Monitor:
    """One QEMU's monitor. `theirs` is for the process that is started; what it is asked waits until it runs."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.settimeout(ANSWER_TIMEOUT_S)
        self._lines = self._ours.makefile("rb")
        self._greeted = False

    def execute(self, command: str, **arguments: Any) -> None:
        """Raises BenchError RIG-B06 when QEMU refuses, or does not answer."""
        if not self._greeted:
            self._answer("its greeting", "QMP")
            self._greeted = True
            self.execute("qmp_capabilities")
        request = {"execute": command, "arguments": arguments}
        try:
            self._ours.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise _silent(command) from error
        self._answer(command, "return")

    def close(self) -> None:
        for resource in (self._lines, self._ours, self.theirs):
            resource.close()

    def _answer(self, what: str, key: str) -> None:
        while key not in (message := self._next(what)):
            if "error" in message:
                raise BenchError("RIG-B06", f"QEMU refused {what}: {message['error'].get('desc', message['error'])}")

    def _next(self, what: str) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise _silent(what) from error
        if not line:
            raise _silent(what)
        message: dict[str, Any] = json.loads(line)
        return message


def _silent(what: str) -> BenchError:
    return BenchError("RIG-B06", f"QEMU's monitor did not answer {what}", "`rig doctor`; is the device running?")
