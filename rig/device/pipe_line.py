"""Two pipes as the serial line of a process: its stdin and its stdout."""

from __future__ import annotations

import contextlib
import fcntl
import os

HELD_BYTES = 4096
"""Of what the device says and nobody reads; the least of a pipe. The next reader finds no more of the last one's than that."""


class PipeLine:
    """It stays over restarts of the process. `stdin`, `stdout`: the process's ends; `port`: what a Link opens, also in another
    process that inherits `port_fds`."""

    def __init__(self) -> None:
        self.stdin, self._to_device = os.pipe()
        self._from_device, self.stdout = os.pipe()
        os.set_blocking(self.stdin, False)
        fcntl.fcntl(self.stdout, fcntl.F_SETPIPE_SZ, HELD_BYTES)
        self.port_fds: tuple[int, ...] = (self._from_device, self._to_device)
        self.port = f"fd://{self._from_device},{self._to_device}"

    def drop_input(self) -> None:
        """What was sent to the device and not read: a device without power hears nothing."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.stdin, 65536):
                pass

    def close(self) -> None:
        for fd in (self.stdin, self.stdout, *self.port_fds):
            os.close(fd)
