"""The push service without a network of its own: what the host says is kept, and what a test says is what the host hears."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import TypeVar

from rig.push_line import (
    Acknowledged,
    ChannelClosed,
    ChannelKind,
    ChannelOpened,
    CloseApp,
    CloseChannel,
    FrameReader,
    FromHost,
    Hello,
    LineFault,
    Message,
    Notify,
    OpenChannel,
    Ping,
    Pong,
    Power,
    Welcome,
    frame,
)
from tests.standby.fake_app import tcp_pair

M = TypeVar("M")


class FakePushService:
    """On the loop of the test; `dial` is what FakeNetwork answers a connection with."""

    def __init__(self, name: str = "first") -> None:
        self.name = name
        self.lines: list[socket.socket] = []
        """Each connection that the host has made, the newest last."""
        self.heard: list[FromHost] = []
        self.kept: dict[int, Notify] = {}
        """Not acknowledged yet."""
        self.number = 0
        self.answers: Callable[[FromHost], None] = self.answer
        self.refuses = False
        self._more = asyncio.Event()

    def dial(self) -> socket.socket:
        if self.refuses:
            raise ConnectionRefusedError("the service is down")
        ours, theirs = tcp_pair()
        theirs.setblocking(False)
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines.append(theirs)
        asyncio.get_running_loop().add_reader(theirs.fileno(), self._look, theirs, FrameReader[FromHost](FromHost))
        return ours

    # -- what it says --------------------------------------------------------------------------------------------------

    def post(self, app: str, content: bytes, *, kind: ChannelKind = ChannelKind.PRIMARY, channel: str = "") -> int:
        """Sent on the newest line, and on each next one until it is acknowledged. Returns its number."""
        self.number += 1
        self.kept[self.number] = Notify(self.number, app, content, kind, channel, {"x-wns-type": "wns/raw"})
        with contextlib.suppress(OSError, IndexError):
            self.say(self.kept[self.number])
        return self.number

    def say(self, message: Message) -> None:
        self.say_bytes(frame(message))

    def say_bytes(self, data: bytes) -> None:
        self.lines[-1].send(data)

    def answer(self, message: FromHost) -> None:
        match message:
            case Hello():
                self.say(Welcome(self.name, message.last if message.service == self.name else 0))
                for number in sorted(self.kept):
                    self.say(self.kept[number])
            case Acknowledged(number):
                self.kept = {n: notify for n, notify in self.kept.items() if n > number}
            case OpenChannel(request):
                self.say(ChannelOpened(request, f"http://push.example/{message.app}/{message.id}", 30 * 24 * 3_600_000))
            case CloseChannel(request) | CloseApp(request):
                self.say(ChannelClosed(request))
            case Ping(number):
                self.say(Pong(number))

    def hang_up(self, *, reset: bool = False) -> None:
        """The newest line."""
        line = self.lines[-1]
        asyncio.get_running_loop().remove_reader(line.fileno())
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    # -- what it hears -------------------------------------------------------------------------------------------------

    def all(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    @property
    def power(self) -> Power:
        """As the host has told it last."""
        told = [message.power if isinstance(message, Hello) else message for message in self.heard]
        return [message for message in told if isinstance(message, Power)][-1]

    async def until(self, holds: Callable[[], bool], limit_s: float = 600.0) -> None:
        async with asyncio.timeout(limit_s):
            while not holds():
                self._more.clear()
                await self._more.wait()

    async def until_acknowledged(self, limit_s: float = 600.0) -> None:
        await self.until(lambda: not self.kept, limit_s)

    def close(self) -> None:
        for line in self.lines:
            if line.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(line.fileno())
                line.close()

    def _look(self, line: socket.socket, reader: FrameReader[FromHost]) -> None:
        try:
            data = line.recv(1 << 17)
            messages = reader.feed(data)
        except (OSError, LineFault):
            data, messages = b"", []
        if not data:
            asyncio.get_running_loop().remove_reader(line.fileno())
            line.close()
        for message in messages:
            self.heard.append(message)
            with contextlib.suppress(OSError):
                self.answers(message)
        self._more.set()
