"""An address that takes SYNs and never answers: a listener whose queue is full, which its kernel stops for (RFC 793 would have it
answer; Linux drops the SYN, as a server under load, or a firewall, does).
"""

from __future__ import annotations

import socket
from types import TracebackType

from rig.clock import WAIT_S
from rig.net.namespace import Namespace
from rig.timeline import TimelineWriter


class BlackHole:
    """`port` of an address in that namespace. Context manager."""

    def __init__(self, namespace: Namespace, address: str, timeline: TimelineWriter) -> None:
        self.address = address
        self._timeline = timeline
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = namespace.socket(family, socket.SOCK_STREAM)
        self._listener.bind((address, 0))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._in_the_way = namespace.socket(family, socket.SOCK_STREAM)
        self._in_the_way.settimeout(WAIT_S)
        self._in_the_way.connect((address, self.port))  # a queue of 0 holds one

    def __enter__(self) -> BlackHole:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timeline.add("PEER_CLOSED", address=self.address, port=self.port)
        self._in_the_way.close()
        self._listener.close()
