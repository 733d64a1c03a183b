"""A push service in the server namespace of a real network, hosts that speak its line by hand, posters that may be anybody."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, TypeVar

from rig.clock import WAIT_S, Clock
from rig.net.network import Network
from rig.peers.authority import Authority
from rig.peers.push_service import PushService
from rig.push_line import (
    Acknowledged,
    ChannelClosed,
    ChannelKind,
    ChannelOpened,
    CloseChannel,
    FrameReader,
    FromService,
    Hello,
    Message,
    Notify,
    OpenChannel,
    Ping,
    Pong,
    Power,
    Welcome,
    frame,
)
from rig.timeline import Timeline

M = TypeVar("M", bound=Message)

HOST = "host-0123456789abcdef"


class PushBench:
    def __init__(self, network: Network, authority: Authority, timeline: Timeline, stack: ExitStack) -> None:
        self.network = network
        self.authority = authority
        self.timeline = timeline
        self._stack = stack

    def serve(self, *, minute_us: int = 50_000, secure: bool = False, port: int = 0, line_port: int = 0) -> PushService:
        address = self.network.topology.server.ip4
        tls = self.authority.server_context(address) if secure else None
        trusted = self.authority.trusted if secure else None
        where = (self.network.namespaces["server"], address, self.timeline.writer("server"))
        return self._stack.enter_context(
            PushService(*where, Clock(minute_us), port, line_port, tls=tls, line_tls=tls, trusted=trusted)
        )

    def host(self, service: PushService, power: Power | None = None, **hello: Any) -> HostEnd:
        """One that has said hello, and is welcome."""
        host = self.stranger(service)
        host.hello(power or Power(), **hello)
        return host

    def secure_host(self, service: PushService) -> HostEnd:
        """The same over TLS."""
        host = self.stranger(service, secure=True)
        host.hello(Power())
        return host

    def stranger(self, service: PushService, *, secure: bool = False) -> HostEnd:
        """Somebody that has connected to where hosts do."""
        sock = self.socket(service.address, service.line_port)
        if secure:
            trust = ssl.create_default_context(cafile=str(self.authority.trusted))
            sock = trust.wrap_socket(sock, server_hostname=service.address)
            self._stack.callback(sock.close)
        return HostEnd(sock)

    def socket(self, address: str, port: int) -> socket.socket:
        """Of the host's machine, connected."""
        sock = self.network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._stack.callback(sock.close)
        sock.settimeout(WAIT_S)
        sock.connect((address, port))
        return sock

    def ask(self, service: PushService, request: bytes) -> bytes:
        """All that is answered to some bytes, until the service closes."""
        sock = self.socket(service.address, service.port)
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


class HostEnd:
    """A host's end of a line, without any behaviour."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.service_id = ""
        self._reader: FrameReader[FromService] = FrameReader(FromService)
        self._messages: list[FromService] = []
        self._requests = 0

    def say(self, *messages: Message) -> None:
        self.sock.sendall(b"".join(map(frame, messages)))

    def hear(self, kind: type[M]) -> M:
        """The next message, which is of that kind."""
        while not self._messages:
            data = self.sock.recv(65536)
            assert data, f"the service closed the line before a {kind.__name__}"
            self._messages += self._reader.feed(data)
        message = self._messages.pop(0)
        assert isinstance(message, kind), message
        return message

    def set_power(self, power: Power) -> None:
        """Returns when the service knows: a post comes over a line of its own, and may overtake this one."""
        self._requests += 1
        self.say(power, Ping(self._requests))
        while Pong(self._requests) not in self._messages:
            data = self.sock.recv(65536)
            assert data, "the service closed the line before a Pong"
            self._messages += self._reader.feed(data)
        self._messages.remove(Pong(self._requests))

    def hello(self, power: Power, *, host: str = HOST, run: str = "", last: int = 0) -> Welcome:
        self.say(Hello(host, run, last, power))
        welcome = self.hear(Welcome)
        self.service_id = welcome.service
        return welcome

    def open(self, app: str = "mail", kind: ChannelKind = ChannelKind.PRIMARY, name: str = "") -> str:
        """The channel's URI."""
        self._requests += 1
        self.say(OpenChannel(self._requests, app, kind, name))
        opened = self.hear(ChannelOpened)
        assert opened.request == self._requests
        return opened.uri

    def close_channel(self, app: str = "mail", kind: ChannelKind = ChannelKind.PRIMARY, name: str = "") -> None:
        self._requests += 1
        self.say(CloseChannel(self._requests, app, kind, name))
        assert self.hear(ChannelClosed).request == self._requests

    def take(self) -> Notify:
        """The next notification, acknowledged."""
        notify = self.hear(Notify)
        self.say(Acknowledged(notify.number))
        return notify

    def ended(self) -> bool:
        """Waits for the service to end the line; nothing else came."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            return True
        return not data


def raw_post(path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as bytes, with these headers and no others."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
