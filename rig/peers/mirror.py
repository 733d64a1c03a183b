"""A WebSocket server in C: the test server of libwebsockets, whose mirror says to all what one client says.

The test has a client of its own beside it, on the server's machine: what that says the host hears, and the other way round. Over
TLS: with nginx before it.
"""

from __future__ import annotations

from contextlib import ExitStack

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from rig.clock import WAIT_S, Deadline
from rig.host_port import host_and_port
from rig.net.namespace import Namespace
from rig.peers.program import MIRROR, Program, find, free_port
from rig.timeline import TimelineWriter

SUBPROTOCOL = Subprotocol("lws-mirror-protocol")
"""A client that asks for no subprotocol gets another of its services, not the mirror."""


class Mirror(Program):
    """For clients that ask for SUBPROTOCOL. What it says are texts, also what was said to it as binary."""

    def __init__(self, namespace: Namespace, address: str, timeline: TimelineWriter) -> None:
        """Raises BenchError RIG-T01 where it is not installed, RIG-T07 where it ends."""
        port = free_port(namespace, address)
        self._clients = ExitStack()
        super().__init__([find(MIRROR, MIRROR), f"--port={port}", "-d", "3"], namespace, address, timeline, port)
        try:
            connecting = connect(self.url(), sock=self.connect(), subprotocols=[SUBPROTOCOL], compression=None)
            self._client = self._clients.enter_context(connecting)
        except BaseException:
            self.close()
            raise

    def url(self) -> str:
        return f"ws://{host_and_port(self.address, self.port)}/"

    def push_text(self, text: str) -> None:
        """To every client that is connected."""
        self._client.send(text)

    def wait_text(self, text: str, timeout_s: float = WAIT_S) -> None:
        """Somebody has said it, the test perhaps. Raises TimeoutError."""
        deadline = Deadline(timeout_s)
        while self._client.recv(deadline.remaining_s) != text:
            pass

    def close(self) -> None:
        try:
            self._clients.close()
        finally:
            super().close()
