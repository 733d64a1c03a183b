"""Descriptors that came with a message. They belong to the message: what nobody takes is closed with it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WithDescriptors:
    """The answer to a `Fetch`. The descriptors stay whose they are: duplicates are sent."""

    answer: Any
    fds: Sequence[int]


class Descriptors:
    """A context manager: on leaving, the descriptors that nobody took are closed."""

    def __init__(self, fds: Sequence[int] = ()) -> None:
        self._fds = list(fds)

    def __enter__(self) -> Descriptors:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, fd: int) -> None:
        """One more."""
        self._fds.append(fd)

    def __len__(self) -> int:
        return len(self._fds)

    @property
    def fds(self) -> tuple[int, ...]:
        """Those that are left; they stay the message's."""
        return tuple(self._fds)

    def take(self) -> int | None:
        """The first that is left; the caller closes it. None when there is none."""
        return self._fds.pop(0) if self._fds else None

    def take_socket(self) -> socket.socket | None:
        """The first that is left, as a socket of whatever kind it is. Raises OSError when it is no socket; it is closed then."""
        fd = self.take()
        if fd is None:
            return None
        try:
            return socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
            raise

    def taken(self) -> Descriptors:
        """All that are left, which are the message's no longer."""
        fds, self._fds = self._fds, []
        return Descriptors(fds)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


def duplicates(fds: Sequence[int]) -> Descriptors:
    """Of all of them. Raises OSError for one that is closed, and keeps none open."""
    if any(fd < 0 for fd in fds):
        raise OSError(errno.EBADF, "a descriptor that is to be sent is closed")
    made = Descriptors()
    try:
        for fd in fds:
            made.add(os.dup(fd))
    except OSError:
        made.close()
        raise
    return made
