"""A PTY as the serial line of a process: it has one end, who opens `port` the other."""

from __future__ import annotations

import os
import tty

from rig.readable import readable


class PtyLine:
    """It stays over restarts of the process."""

    def __init__(self) -> None:
        # The slave stays open here: without anyone on it the device's end would see a hang-up all the time.
        self.fd, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)

    def drop_input(self) -> None:
        """What was sent to the device and not read: a device without power hears nothing."""
        while readable(self.fd, 0):
            os.read(self.fd, 65536)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._slave)
