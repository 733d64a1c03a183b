"""A serial line of a given speed in front of a device that has none.

PTYs and sockets pass bytes at once. To measure how well flashing fills a line, this relay hands each byte on when its last
bit would have arrived: 10 bits a byte (8N1), each direction by itself. Ports that have a real speed need no such thing.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import tty

from rig.device.line_time import line_time_s
from rig.device.port import open_port

BURST_BYTES = 64
"""Bytes handed on together: 5.6 ms of a 115200 baud line, finer than anything measured with it."""


class PacedLine:
    """Relay between `inner`, the device's port, and `port`, a PTY for a Link. A context manager.

    baudrate 0: as fast as it goes; then it only gives a device that sits on a socket a PTY.
    """

    def __init__(self, inner: str, baudrate: int) -> None:
        self._byte_s = line_time_s(1, baudrate) if baudrate else 0.0
        self._endpoint = open_port(inner, baudrate or 115200)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._stop_r, self._stop_w = os.pipe()
        self._carried = {self._endpoint.fd: 0, self._master: 0}
        ways = ((self._endpoint.fd, self._master), (self._master, self._endpoint.write_fd))
        self._threads = [threading.Thread(target=self._relay, args=way, daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> PacedLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def carried_bytes(self) -> int:
        """Taken from either end so far."""
        return sum(self._carried.values())

    def close(self) -> None:
        os.write(self._stop_w, b"x")
        for thread in self._threads:
            thread.join()
        self._endpoint.close()
        for fd in (self._master, self._slave, self._stop_r, self._stop_w):
            os.close(fd)

    def _relay(self, source: int, sink: int) -> None:
        free_at_s = 0.0
        with contextlib.suppress(OSError):
            while (idle := self._wait(source, select.POLLIN)) is not None:
                data = os.read(source, BURST_BYTES)
                if not data:
                    return
                self._carried[source] += len(data)
                # Bytes that waited follow the last ones without a gap, however late this thread woke up.
                free_at_s = (time.monotonic() if idle else free_at_s) + len(data) * self._byte_s
                if (early_s := free_at_s - time.monotonic()) > 0:
                    time.sleep(early_s)
                while data and self._wait(sink, select.POLLOUT) is not None:
                    data = data[os.write(sink, data) :]

    def _wait(self, fd: int, what: int) -> bool | None:
        """Until `fd` is ready: whether it was not so at once. None: the relay is to end."""
        poller = select.poll()
        poller.register(fd, what)
        poller.register(self._stop_r, select.POLLIN)
        idle = not poller.poll(0)
        return None if any(ready == self._stop_r for ready, _ in poller.poll()) else idle
