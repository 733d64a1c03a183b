"""The writing half of a serial line that several threads share: whole frames, one after another."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from rig.clock import Deadline

if TYPE_CHECKING:
    from rig.device.link_stats import Stats
    from rig.device.port import Endpoint


class LineWriter:
    """`gone` is called with the error when the port is away; nothing is written any more then."""

    def __init__(self, endpoint: Endpoint, stats: Stats, gone: Callable[[OSError], None]) -> None:
        self._endpoint = endpoint
        self._stats = stats
        self._gone = gone
        self._lock = threading.Lock()
        self._dirty = True
        self._over = False

    def write(self, frame: bytes, deadline: Deadline) -> None:
        """Send all of it. A cut-off write is healed by the newline that starts the next one; the retry does the rest."""
        with self._lock:
            if self._over:
                return
            data = memoryview(b"\n" + frame if self._dirty else frame)
            self._dirty = True
            while data:
                try:
                    sent = os.write(self._endpoint.write_fd, data)
                except BlockingIOError:
                    if not self._wait_writable(deadline):
                        return
                    continue
                except OSError as error:
                    self._over = True
                    self._gone(error)
                    return
                self._stats.tx_bytes += sent
                data = data[sent:]
            self._dirty = False

    def close(self) -> None:
        """Gives the port back, when no write is under way any more."""
        with self._lock:
            self._over = True
            self._endpoint.close()

    def _wait_writable(self, deadline: Deadline) -> bool:
        poller = select.poll()
        poller.register(self._endpoint.write_fd, select.POLLOUT)
        return bool(poller.poll(deadline.remaining_s * 1000))
