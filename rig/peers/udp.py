"""A UDP peer: a datagram socket of its machine's kernel that keeps what comes, answers as told, and sends when a test says so."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rig.clock import WAIT_S
from rig.net.namespace import Namespace
from rig.peers.connection import quietly
from rig.timeline import TimelineWriter

LARGEST_DATAGRAM_BYTES = 65_535


@dataclass(frozen=True)
class Datagram:
    """One that came."""

    data: bytes
    sender: tuple[str, int]
    """Address and port."""


class UdpPeer:
    """Bound to an address of its namespace. `responder` says what goes back for each datagram. Context manager."""

    def __init__(self, namespace: Namespace, address: str, timeline: TimelineWriter, port: int = 0) -> None:
        self.sock = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.address: str = address
        self.port: int = self.sock.getsockname()[1]
        self.responder: Callable[[bytes], Sequence[bytes]] = lambda _data: ()
        self._timeline = timeline
        self._received: list[Datagram] = []
        self._closed = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"udp-{self.port}", daemon=True)
        self._reader.start()

    @property
    def received(self) -> list[Datagram]:
        with self._changed:
            return list(self._received)

    def send(self, data: bytes, to: tuple[str, int]) -> int:
        """Returns CLOCK_MONOTONIC ns just before."""
        t_ns = time.monotonic_ns()
        self._timeline.add("PUSH", connection=f"udp {to[0]} port {to[1]}", bytes=len(data))
        self.sock.sendto(data, to)
        return t_ns

    def wait_received(self, count: int = 1, timeout_s: float = WAIT_S) -> Datagram:
        """The `count`-th datagram. Raises AssertionError with what came."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= count, timeout_s):
                raise AssertionError(f"{count} datagrams did not come within {timeout_s} s; received {self._received!r}")
            return self._received[count - 1]

    def close(self) -> None:
        """A shutdown wakes the reader; of a socket that is connected to nobody it fails, and wakes it all the same."""
        if not self._closed:
            self._timeline.add("PEER_CLOSED", address=self.address, port=self.port)
        self._closed = True
        quietly(lambda: self.sock.shutdown(socket.SHUT_RDWR))
        self._reader.join(1)
        self.sock.close()

    def __enter__(self) -> UdpPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        while True:
            try:
                data, name = self.sock.recvfrom(LARGEST_DATAGRAM_BYTES)
            except ConnectionRefusedError:
                continue  # an earlier answer met a closed port
            except OSError:
                return
            if self._closed:
                return
            sender = (name[0], name[1])
            self._timeline.add("PEER_RECEIVED", connection=f"udp {sender[0]} port {sender[1]}", bytes=len(data))
            with self._changed:
                self._received.append(Datagram(data, sender))
                self._changed.notify_all()
            for answer in self.responder(data):
                quietly(partial(self.sock.sendto, answer, sender))
