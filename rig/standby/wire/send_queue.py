"""What goes to a peer from an asyncio loop that never waits for it: kept beyond the socket's buffer, up to a bound."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import Line, send_datagram

UNREAD_MESSAGES = 256
"""What is kept for a peer beyond its socket's buffer."""


@dataclass(frozen=True)
class _Unsent:
    data: bytes
    descriptors: Descriptors
    """Duplicates: whoever sent them may have given up meanwhile, and their numbers be another file's."""


class SendQueue:
    """`on_full` is called when the peer has left too much unread; what comes after that is dropped by `close`."""

    def __init__(self, line: Line[Any], on_full: Callable[[], None]) -> None:
        self._line = line
        self._on_full = on_full
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[_Unsent] = deque()

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Never waits: who reads the line notices that the peer has gone. Raises OSError for a descriptor that is closed."""
        if not self._unsent and self._sent(data, fds):
            return
        if len(self._unsent) >= UNREAD_MESSAGES:
            self._on_full()
            return
        if not self._unsent:
            self._loop.add_writer(self._line.fileno(), self._writable)
        self._unsent.append(_Unsent(data, Descriptors([os.dup(fd) for fd in fds])))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._unsent)

    def _sent(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            send_datagram(self._line.sock, data, fds)
        except BlockingIOError:
            return False
        except OSError as error:
            if fds and error.errno == errno.EBADF:  # of a socket that its owner has closed meanwhile: nothing went out
                raise
            # else the peer is gone
        return True

    def _writable(self) -> None:
        while self._unsent:
            first = self._unsent[0]
            if not self._sent(first.data, first.descriptors.fds):
                return
            self._unsent.popleft()
            first.descriptors.close()
        self._loop.remove_writer(self._line.fileno())

    def close(self) -> None:
        """Before the line is closed."""
        self._loop.remove_writer(self._line.fileno())
        for unsent in self._unsent:
            unsent.descriptors.close()
        self._unsent.clear()
