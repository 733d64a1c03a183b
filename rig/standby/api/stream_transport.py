"""A transport over TCP: its bytes come from a ByteStream, and go to it."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from rig.clock import Deadline
from rig.net.tcp_info import TCP_ESTABLISHED, queued_bytes, tcp_info
from rig.standby.api import session
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.tls import TlsLayer, client_context
from rig.standby.api.transport import Transport
from rig.standby.wire.hresult import HostError, HResult

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.00005, 0.002
"""From below a round trip on this machine to well below one of a real network."""


def protect(
    stream: ByteStream,
    server_name: str,
    deadline: Deadline,
    client_certificate: Path | None = None,
    *,
    any_certificate: bool = False,
) -> None:
    """Put TLS between the stream and the socket: returns after the handshake, with a server whose certificate is for
    `server_name`, or with any one. Raises TlsError, TimeoutError, OSError of the kernel: the connection is of no use then."""
    context = client_context(session.current().trusted, client_certificate, any_certificate=any_certificate)
    layer = TlsLayer(context, server_name)
    stream.put_on(layer)
    stream.flush()
    while not layer.established:
        stream.wait_readable(deadline)
        stream.receive(0)


class StreamTransport(Transport):
    """What greets its peer in a protocol of its own does so in `_shake_hands`."""

    def __init__(self) -> None:
        super().__init__()
        self._stream: ByteStream | None = None

    def _shake_hands(self, stream: ByteStream, deadline: Deadline) -> None:
        """Whatever has to be agreed with the peer before the app has a connection. Raises OSError."""

    @property
    def established(self) -> bool:
        sock = self._socket
        return sock is not None and tcp_info(sock).state == TCP_ESTABLISHED

    @property
    def stream(self) -> ByteStream | None:
        """Of the open connection."""
        return self._stream if self._socket is not None else None

    @property
    def protected(self) -> bool:
        """Whether its bytes pass through TLS: then its keys are this process's, and nobody else can speak on it."""
        stream = self._stream
        return stream is not None and isinstance(stream.layer, TlsLayer)

    def unsent_bytes(self) -> int:
        """Bytes that the peer has not acknowledged."""
        return queued_bytes(self._opened("unsent_bytes"))[1]

    def wait_acknowledged(self, timeout_s: float) -> None:
        """Asked again and again: the kernel tells of acknowledgements only on the error queue, and what lies there would
        complete posted reads."""
        deadline, pause_s = Deadline(timeout_s), FIRST_PAUSE_S
        while self.established and self.unsent_bytes() and not deadline.expired:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def close(self) -> None:
        """As that of every transport; TLS says so to the peer before."""
        stream = self._stream
        if stream is not None and self._socket is not None:
            stream.say_goodbye()
        super().close()

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout_s)
        try:
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, self.keep_alive)
        except BaseException:
            sock.close()
            raise
        return sock

    def _greet(self, sock: socket.socket, deadline: Deadline) -> None:
        stream = ByteStream(sock, shared=self.channel_id is not None)
        self._shake_hands(stream, deadline)
        self._stream = stream

    def _open_stream(self, call: str) -> ByteStream:
        """Of the open connection. Raises HostError ILLEGAL_METHOD_CALL."""
        self._check_own(call)
        stream = self._stream
        if self._socket is None or stream is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"{call} on socket {self.socket_id}, which is not connected")
        return stream
