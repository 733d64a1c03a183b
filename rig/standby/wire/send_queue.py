"""What goes to a peer from an asyncio loop that never waits for it: kept beyond the socket's buffer, up to a bound."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rig.standby.wire.descriptors import Descriptors, duplicates
from rig.standby.wire.line import Line, send_datagram

UNREAD_MESSAGES = 256
"""What is kept for a peer beyond its socket's buffer."""
GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN})
"""What the kernel says of a peer that is."""


@dataclass(frozen=True)
class _Unsent:
    data: bytes
    descriptors: Descriptors
    """Duplicates: whoever sent them may have given up meanwhile, and their numbers be another file's."""


class SendQueue:
    """`on_full` is called when the peer has left too much unread, or the kernel does not take descriptors that wait; what comes
    after that is dropped by `close`."""

    def __init__(self, line: Line[Any], on_full: Callable[[], None]) -> None:
        self._line = line
        self._on_full = on_full
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[_Unsent] = deque()

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Never waits: who reads the line notices that the peer has gone. Raises OSError for a descriptor that is closed, or that
        the kernel does not take."""
        if not self._unsent and self._sent(data, fds):
            return
        if len(self._unsent) >= UNREAD_MESSAGES:
            self._on_full()
            return
        copies = duplicates(fds)
        if not self._unsent:
            self._loop.add_writer(self._line.fileno(), self._writable)
        self._unsent.append(_Unsent(data, copies))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._unsent)

    def _sent(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            send_datagram(self._line.sock, data, fds)
        except BlockingIOError:
            return False
        except OSError as error:
            if fds and error.errno not in GONE:  # a descriptor that is closed, or too many on their way: nothing went out
                raise
        return True

    def _writable(self) -> None:
        while self._unsent:
            first = self._unsent[0]
            try:
                if not self._sent(first.data, first.descriptors.fds):
                    return
            except OSError:  # the kernel does not take its descriptors, and who sent it has long gone on
                self._on_full()
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
