"""The sender's half of "exactly once": messages keep a number and stay here until they are acknowledged. See `inbox.py`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rig.standby.wire.descriptors import Descriptors, duplicates
from rig.standby.wire.line import Line, What, datagram, send_datagram


@dataclass(frozen=True)
class _Kept:
    what: What
    data: bytes
    descriptors: Descriptors
    """Duplicates: the sender may close its own when it has given up waiting."""


class Outbox:
    """For any thread. A call is acknowledged by its answer, a notice by ACKNOWLEDGED."""

    def __init__(self, line: Line[Any]) -> None:
        self._line = line
        self._lock = threading.Lock()
        """Held while something is sent, so that messages go in the order of their numbers."""
        self._last = 0
        self._kept: dict[int, _Kept] = {}

    def send(self, what: What, body: Any, fds: Sequence[int] = (), expect: Callable[[int], object] = int) -> None:
        """`expect` hears the number before the message goes. Raises HostError for what cannot be sent, OSError when the other
        side is gone for good; nothing is kept then."""
        with self._lock:
            number = self._last + 1
            kept = _Kept(what, datagram(what, number, body), duplicates(fds))
            self._last = number
            self._kept[number] = kept
            expect(number)
            try:
                send_datagram(self._line.sock, kept.data, kept.descriptors.fds)
            except BaseException:
                self._drop(number)
                raise

    def answered(self, number: int) -> None:
        """Of a call."""
        with self._lock:
            self._drop(number)

    def acknowledged(self, last: int) -> None:
        """All up to `last` are done. Calls among them stay until their answer is here: it may have been lost on the way."""
        with self._lock:
            self._drop_notices(last)

    def resume(self, last: int) -> None:
        """The other side is a new one, whose predecessor has done all up to `last`: send again what it has not done or not
        answered. Raises OSError when it is gone, too."""
        with self._lock:
            self._drop_notices(last)
            for kept in self._kept.values():
                send_datagram(self._line.sock, kept.data, kept.descriptors.fds)
            send_datagram(self._line.sock, datagram(What.RESUMED, self._last))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def _drop_notices(self, last: int) -> None:
        for number in [n for n, kept in self._kept.items() if n <= last and kept.what is What.NOTICE]:
            self._drop(number)

    def _drop(self, number: int) -> None:
        kept = self._kept.pop(number, None)
        if kept is not None:
            kept.descriptors.close()
