"""Changes to a namespace's network that each bench makes anew: pyroute2 writes the message of each content once, then it is kept.

A bench makes twenty, and pyroute2 needs half a millisecond of a processor for each.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from rig.errors import BenchError
from rig.net import netlink

KEPT = 4096
"""Messages of some 100 bytes: those of all topologies, with the descriptors that their namespaces happen to have."""

Frozen = tuple[tuple[str, Any], ...]


class Changes:
    """The methods of pyroute2's IPRoute that change something, for the namespace of the thread that has opened it."""

    def __init__(self, kernel: socket.socket) -> None:
        self._kernel = kernel

    def link(self, command: str, **settings: Any) -> None:
        self._make("link", command, settings)

    def brport(self, command: str, **settings: Any) -> None:
        self._make("brport", command, settings)

    def fdb(self, command: str, **settings: Any) -> None:
        self._make("fdb", command, settings)

    def addr(self, command: str, **settings: Any) -> None:
        self._make("addr", command, settings)

    def route(self, command: str, **settings: Any) -> None:
        self._make("route", command, settings)

    def _make(self, what: str, command: str, settings: Mapping[str, Any]) -> None:
        """Raises BenchError RIG-N06."""
        self._kernel.send(_message(what, command, _frozen(settings)))
        [error] = netlink.acknowledgements(self._kernel.recv(netlink.ANSWER_BYTES))
        if error:
            asked = f"{what} {command} {dict(settings)}"
            raise BenchError("RIG-N06", f"the kernel refused a network change: {os.strerror(error)}: {asked}", "rig doctor")


@contextmanager
def changes() -> Iterator[Changes]:
    """Of the calling thread's namespace: call it through `Namespace.run`."""
    with netlink.kernel() as kernel:
        yield Changes(kernel)


@lru_cache(KEPT)
def _message(what: str, command: str, settings: Frozen) -> bytes:
    """The kernel answers it, as pyroute2 asks it to; it heeds neither the sequence number nor the sender in it."""
    from pyroute2 import IPBatch

    with IPBatch() as compiler:
        getattr(compiler, what)(command, **_thawed(settings))
        return bytes(compiler.batch)


def _frozen(settings: Mapping[str, Any]) -> Frozen:
    return tuple((key, _frozen(value) if isinstance(value, Mapping) else value) for key, value in settings.items())


def _thawed(settings: Frozen) -> dict[str, Any]:
    return {key: _thawed(value) if isinstance(value, tuple) else value for key, value in settings}
