"""The system and the device as an app's sealed keep-alive knows them, over a connection whose other end is OpenSSL's."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from rig.device.payload import TOKENS_BYTES, PayloadKeepAlive, PayloadState, fresh_masks
from rig.peers.authority import Authority
from rig.standby.api import session
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.sealed_keep_alive import SealedKeepAlive
from rig.standby.api.tls import TlsLayer, client_context
from rig.standby.wire.app_channels import GetPayloadState, SetPayload, StopPayload
from rig.standby.wire.hresult import HostError, HResult
from tests.standby.tls_peer import NAME, TlsPeer, shake_hands

PONG = b"\x8a\x84"
AHEAD = TOKENS_BYTES // 32
FRAME = re.compile(rb"(?s)\x8a\x84(.{4})(.{4})|<([a-z]*)>")
"""A masked pong of four bytes (RFC 6455 section 5.2), or a word of the app's."""


@dataclass
class FakeSystem:
    """Fulfils what the keep-alive needs of `rig.standby.api.App`. The device sends into `sock`, as the app does."""

    sock: socket.socket
    payload: PayloadKeepAlive | None = None
    sent: int = 0
    stopped: bool = False
    busy: int = 0
    """So often the device has not been asked yet."""
    knows: bool = True
    takes: bool = True
    """The device has room for payloads."""
    name: str = "app"
    instance: int = 1
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """On the timeline."""

    @property
    def timeline(self) -> Any:
        return SimpleNamespace(add=lambda event, **detail: self.told.append((event, detail)))

    def notify(self, notice: Any) -> None:
        """FollowSuspension."""

    def call(self, call: Any) -> Any:
        match call:
            case SetPayload(_, payload):
                self.payload, self.sent, self.stopped = payload, 0, False
                return None
            case GetPayloadState():
                return PayloadState(sent=self.sent, taken=self.takes)
            case StopPayload():
                return self._stop()
        raise AssertionError(call)

    def _stop(self) -> PayloadState:
        if self.busy:
            self.busy -= 1
            raise HostError(HResult.INVALID_STATE, "not known yet")
        if not self.knows:
            raise HostError(HResult.ELEMENT_NOT_FOUND, "nobody knows")
        self.stopped = True
        return PayloadState(sent=self.sent)

    def device_sends(self, count: int) -> None:
        """As many as it has, at most."""
        if self.payload is None or self.stopped or not self.takes:
            return
        for number in range(self.sent, min(self.sent + count, AHEAD, self.payload.tokens_left or 0)):
            self.sock.sendall(self.payload.payload(number))
            self.sent += 1


class Pongs:
    """An app's end with its keep-alive, and the server, which is the judge. Close it."""

    def __init__(self, authority: Authority, masks: int = 4096) -> None:
        ours, self.wire = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.wire.setblocking(False)
        self.server = TlsPeer(authority.server_context(NAME, oldest=ssl.TLSVersion.TLSv1_3))
        layer = TlsLayer(client_context(authority.trusted), NAME)
        shake_hands(layer, self.server)
        self.stream = ByteStream(ours)
        self.stream.put_on(layer)
        self.system = FakeSystem(ours)
        self._before = session._current
        session._current = self.system  # type: ignore[assignment]
        self.keep_alive = SealedKeepAlive("c", self.stream, PayloadKeepAlive.websocket_pong(fresh_masks(masks)))
        self.keep_alive.begin()

    def suspend(self) -> None:
        self.keep_alive._seal()

    def write(self, word: bytes) -> None:
        self.stream.write(b"<%s>" % word)

    def push(self, data: bytes) -> bytes | None:
        """Of the server; what the app reads."""
        self.wire.sendall(self.server.said(data))
        return self.stream.receive()

    def heard(self) -> tuple[list[int], list[bytes]]:
        """Counters of the pongs and the app's words, as the server takes them. Raises ssl.SSLError for a record out of order."""
        try:
            while data := self.wire.recv(1 << 16):
                self.server.receive(data)
        except BlockingIOError:
            pass
        received = bytes(self.server.received)
        frames = list(FRAME.finditer(received))
        assert sum(len(frame.group()) for frame in frames) == len(received), received
        pongs = [frame for frame in frames if frame[1] is not None]
        counters = [struct.unpack("<I", bytes(a ^ b for a, b in zip(frame[1], frame[2], strict=True)))[0] for frame in pongs]
        return counters, [frame[3] for frame in frames if frame[3] is not None]

    def close(self) -> None:
        self.keep_alive.forget()
        session._current = self._before
        self.stream.sock.close()
        self.wire.close()
