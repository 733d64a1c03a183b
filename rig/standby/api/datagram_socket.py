"""DatagramSocket: a UDP socket. What comes is raised to handlers; there is nothing to read from (SAT-022).

    sock = DatagramSocket()
    sock.add_message_received(lambda sock, args: print(args.remote_address, args.data))
    sock.bind(4000)
    sock.send_to(b"here", "198.51.100.7", 4000)

A channel takes one, and refuses it when it is waited for: nothing to acknowledge, nothing to keep alive, no device keeps a
connection that there is not (CCT-050).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from rig.standby.api.addresses import Address, bound, plain, resolved
from rig.standby.api.arrivals import GONE, Arrivals
from rig.standby.api.data_reader import DataReader
from rig.standby.api.ownership import SocketActivityContext
from rig.standby.api.posted_read import PostedRead
from rig.standby.wire.socket_enums import SocketActivityKind

LONGEST_BYTES = 65_536
"""Above what a datagram can have: none is cut."""


class DatagramRead(PostedRead):
    """Completes with one datagram."""

    content = b""
    source: Address = "", 0

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def take(self) -> bool:
        try:
            self.content, source = self.sock.recvfrom(LONGEST_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:  # its checksum was wrong
            return False
        self.source = plain(source)
        return True


class DatagramSocketMessageReceivedEventArgs:
    """One datagram; or, of a connected socket, that the peer's host refused one of ours."""

    def __init__(self, read: DatagramRead) -> None:
        self.remote_address, self.remote_port = read.source
        self._read = read

    @property
    def data(self) -> bytes:
        """All of it. Raises OSError when it is a refusal."""
        if self._read.error is not None:
            raise self._read.error
        return self._read.content

    def get_data_reader(self) -> DataReader:
        """Of all of it. Raises as `data`."""
        return DataReader.from_buffer(self.data)


@dataclass(frozen=True)
class DatagramOutput:
    """Where a DataWriter stores to."""

    write: Callable[[bytes], None]


MessageReceived: TypeAlias = Callable[["DatagramSocket", DatagramSocketMessageReceivedEventArgs], None]


class DatagramSocket(Arrivals):
    """Any thread may call. Handlers are called one at a time, in the order of the datagrams."""

    kind = SocketActivityKind.DATAGRAM_SOCKET

    def add_message_received(self, handler: MessageReceived) -> None:
        """`handler(socket, args)` for each datagram. Before `bind` or `connect`, else HostError ILLEGAL_METHOD_CALL; one from the
        broker gets its first handler in the task, and raises what has waited (SAT-022)."""
        self._add(handler)

    def remove_message_received(self, handler: MessageReceived) -> None:
        """It is not called any more. Without any the kernel keeps what comes, as much as it has room for."""
        self._remove(handler)

    def bind(self, port: int = 0, host: str = "") -> None:
        """Receive at a port, 0 for any that is free, of one address of the host or of all IPv4 ones. Raises OSError, HostError
        ILLEGAL_METHOD_CALL when it is bound or connected, NOT_SUPPORTED_FOR_SOCKET for one that shall wake where no such one can
        (SAT-005)."""
        self._begin(lambda: bound(host, port, socket.SOCK_DGRAM))

    def connect(self, host: str, port: int, *, timeout_s: float = 10.0) -> None:
        """To one peer: datagrams of others are not received. Raises as `bind`."""
        self._ownership.check_bind()
        self._connect(host, port, timeout_s)
        self._listen()

    def send(self, data: bytes) -> None:
        """One datagram to the peer that it is connected to. Raises OSError, with what came back of an earlier one too."""
        self._opened("send").send(data)

    def send_to(self, data: bytes, host: str, port: int) -> None:
        """One datagram. Raises OSError."""
        sock = self._opened("send_to")
        _, _, address = resolved(host, port, socket.SOCK_DGRAM, sock.family)
        sock.sendto(data, address)

    def output(self, host: str, port: int) -> DatagramOutput:
        """For a DataWriter: each `store` is one datagram to that address."""
        return DatagramOutput(lambda data: self.send_to(data, host, port))

    @property
    def local_address(self) -> Address:
        return plain(self._opened("local_address").getsockname())

    @property
    def local_port(self) -> int:
        return self.local_address[1]

    def transfer_ownership(
        self, socket_id: str, context: SocketActivityContext | None = None, keep_alive_time: timedelta | None = None
    ) -> None:
        """As StreamSocket's (SAT-010); nothing is lost: what has not come to a handler yet goes along. A socket of a channel
        stays with it."""
        self._transfer_quietly(socket_id, context, keep_alive_time)

    # -- below ---------------------------------------------------------------------------------------------------------

    def _connected(self, host: str, port: int, timeout_s: float) -> socket.socket:
        family, protocol, address = resolved(host, port, socket.SOCK_DGRAM)
        sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
        try:
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _next(self, sock: socket.socket) -> DatagramRead:
        return DatagramRead(sock, self._arrived, self._release, socket_id=self.socket_id, channel_id=None)

    def _arguments(self, operation: DatagramRead) -> DatagramSocketMessageReceivedEventArgs | None:
        gone = operation.error is not None and operation.error.errno in GONE
        return DatagramSocketMessageReceivedEventArgs(operation) if not gone else None
