"""DatagramSocket: a UDP socket, as far as channels have to do with one: they take it, and refuse it when they are waited for."""

from __future__ import annotations

import socket

from rig.standby.api.transport import Transport


class DatagramSocket(Transport):
    """Nothing to acknowledge, nothing to keep alive: no device keeps a connection that there is not (CCT-050)."""

    def connect(self, host: str, port: int, *, timeout_s: float = 10.0) -> None:
        """To one peer. Raises as StreamSocket.connect."""
        self._connect(host, port, timeout_s)

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock
