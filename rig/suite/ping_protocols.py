"""Two protocols with pings of their own, as strict as their specifications: WebSocket (RFC 6455) and MQTT 3.1.1.

A server's end is the `responder` of a PushConnection: it takes the bytes of the stream as they come, keeps what it
understood, writes down every fault and then says nothing more. The client's side is what an app sends and how it reads.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from rig.clock import Deadline

WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""
TEXT, PING, PONG, FIN, MASKED = 0x1, 0x9, 0xA, 0x80, 0x80


class ServerEnd(ABC):
    """`pings` in order of arrival, `messages` of the app, `faults` in words."""

    ping_payload = ""
    """What a chat app calls the keep-alive of this protocol."""

    def __init__(self) -> None:
        self.pings: list[bytes] = []
        self.messages: list[bytes] = []
        self.faults: list[str] = []
        self.answering = True
        self.spoil: Callable[[bytes], bytes] = lambda pong: pong
        """What becomes of an answer on its way out."""
        self._rest = b""
        self._changed = threading.Condition()

    def __call__(self, data: bytes) -> list[bytes]:
        """Bytes of the stream; returns what to answer, each by itself: two pongs in one segment are data to the device."""
        with self._changed:
            self._rest += data
            out = [answer for answer in self._answers() if answer]
            self._changed.notify_all()
        return out

    def wait(self, what: str, count: int, timeout_s: float = 10.0) -> None:
        """Until `count` pings or messages have come. Raises AssertionError with what did."""
        deadline = Deadline(timeout_s)
        with self._changed:
            came = self._changed.wait_for(lambda: self.faults or len(getattr(self, what)) >= count, deadline.remaining_s)
        assert came and not self.faults, f"{count} {what} were awaited: {getattr(self, what)}, faults {self.faults}"  # noqa: PT018

    def _answers(self) -> Iterator[bytes]:
        while not self.faults and (taken := self._take()) is not None:
            yield taken

    def _fault(self, text: str) -> bytes:
        self.faults.append(text)
        return b""

    def _pong(self, pong: bytes) -> bytes:
        return self.spoil(pong) if self.answering else b""

    @abstractmethod
    def _take(self) -> bytes | None:
        """The answer to the first whole unit of `_rest`, which is taken from it; None when there is none."""

    @abstractmethod
    def greeting(self) -> bytes:
        """What a client sends first; the server's answer to it is `welcomed`."""

    @abstractmethod
    def up(self, text: bytes) -> bytes:
        """A message of the client."""

    @abstractmethod
    def down(self, text: bytes) -> bytes:
        """A message of the server."""

    @abstractmethod
    def heard(self, stream: bytes) -> tuple[list[bytes], int]:
        """(messages, pongs) in what a client read since the greeting's answer. Raises ValueError for anything else."""


class WebSocketEnd(ServerEnd):
    """A server end without extensions: unfragmented frames of up to 125 bytes."""

    ping_payload = "websocket"

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[bytes] = []
        self._open = False

    def greeting(self) -> bytes:
        key = base64.b64encode(bytes(16))
        return (
            b"GET / HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

    def up(self, text: bytes) -> bytes:
        mask = secrets.token_bytes(4)
        return bytes([FIN | TEXT, MASKED | len(text)]) + mask + bytes(b ^ mask[at % 4] for at, b in enumerate(text))

    def down(self, text: bytes) -> bytes:
        return bytes([FIN | TEXT, len(text)]) + text

    def heard(self, stream: bytes) -> tuple[list[bytes], int]:
        messages, pongs = [], 0
        while stream:
            kind, length = struct.unpack_from("BB", stream)
            body, stream = stream[2 : 2 + length], stream[2 + length :]
            if kind not in (FIN | TEXT, FIN | PONG) or length > 125 or len(body) < length:
                raise ValueError(f"no frame of a server: {kind:#x}, {length} bytes, of which {len(body)} are there")
            pongs += kind == FIN | PONG
            messages += [body] if kind == FIN | TEXT else []
        return messages, pongs

    def _take(self) -> bytes | None:
        return self._take_frame() if self._open else self._take_request()

    def _take_request(self) -> bytes | None:
        head, end, rest = self._rest.partition(b"\r\n\r\n")
        if not end:
            return None
        self._rest, self._open = rest, True
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        accept = base64.b64encode(hashlib.sha1(fields[b"Sec-WebSocket-Key"] + WS_GUID).digest())
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        return answer + accept + b"\r\n\r\n"

    def _take_frame(self) -> bytes | None:
        if len(self._rest) < 2:
            return None
        kind, second = self._rest[:2]
        if kind not in (FIN | TEXT, FIN | PING) or not second & MASKED or second & 0x7F > 125:
            return self._fault(f"a client's frame begins with {self._rest[:2].hex()}: text or ping, masked, short")
        end = 6 + (second & 0x7F)
        if len(self._rest) < end:
            return None
        mask, masked, self._rest = self._rest[2:6], self._rest[6:end], self._rest[end:]
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        if kind == FIN | TEXT:
            self.messages.append(body)
            return b""
        self.masks.append(mask)
        self.pings.append(body)
        return self._pong(bytes([FIN | PONG, len(body)]) + body)


class MqttEnd(ServerEnd):
    """A broker's end: CONNECT first, then PINGREQ and PUBLISH of quality of service 0, up to 127 bytes each."""

    ping_payload = "mqtt"
    CONNECT, CONNACK, PUBLISH, PINGREQ, PINGRESP = 0x10, b"\x20\x02\x00\x00", 0x30, b"\xc0\x00", b"\xd0\x00"
    TOPIC = b"\x00\x01t"

    def greeting(self) -> bytes:
        body = b"\x00\x04MQTT\x04\x02\x00\x01\x00\x01c"
        return bytes([self.CONNECT, len(body)]) + body

    def up(self, text: bytes) -> bytes:
        return bytes([self.PUBLISH, len(self.TOPIC) + len(text)]) + self.TOPIC + text

    down = up

    def heard(self, stream: bytes) -> tuple[list[bytes], int]:
        messages, pongs = [], 0
        while stream:
            packet, stream = stream[: 2 + stream[1]], stream[2 + stream[1] :]
            if packet == self.PINGRESP:
                pongs += 1
            elif packet[0] == self.PUBLISH and packet[2:5] == self.TOPIC and len(packet) == 2 + packet[1]:
                messages.append(packet[5:])
            else:
                raise ValueError(f"no packet of a broker: {packet.hex()}")
        return messages, pongs

    def _take(self) -> bytes | None:
        if len(self._rest) < 2 or len(self._rest) < 2 + self._rest[1]:
            return None
        end = 2 + self._rest[1]
        packet, self._rest = self._rest[:end], self._rest[end:]
        if packet[0] == self.CONNECT and packet[2:8] == b"\x00\x04MQTT" and not self.messages + self.pings:
            return self.CONNACK
        if packet == self.PINGREQ:
            self.pings.append(packet)
            return self._pong(self.PINGRESP)
        if packet[0] == self.PUBLISH and packet[2:5] == self.TOPIC:
            self.messages.append(packet[5:])
            return b""
        return self._fault(f"a client's packet {packet.hex()}: PINGREQ or PUBLISH")


def counters_of(pings: list[bytes]) -> list[int]:
    """The counters in the application data of WebSocket pings."""
    return [int.from_bytes(ping, "little") for ping in pings]


def stream_of(messages: list[Any]) -> bytes:
    """What an app read, as one stream."""
    return b"".join(messages)
