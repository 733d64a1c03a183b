"""DatagramSocket: a UDP socket, as far as channels have to do with one: they take it, and refuse it when they are waited for."""

from __future__ import annotations

import socket

from rig.standby.api.stream_socket import StreamSocket


class DatagramSocket(StreamSocket):
    """Nothing to acknowledge, nothing to keep alive: no device keeps a connection that there is not (CCT-050)."""

    @property
    def established(self) -> bool:
        return False

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock
