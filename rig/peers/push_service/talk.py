"""What hosts say, and what they are answered."""

from __future__ import annotations

from collections.abc import Callable

from rig.events import TimelineEvent as E
from rig.peers.push_service.channels import TooManyChannels
from rig.peers.push_service.core import Core
from rig.peers.push_service.host_line import HostLine
from rig.peers.push_service.hosts import Host
from rig.push_line import (
    Acknowledged,
    ChannelClosed,
    ChannelOpened,
    CloseApp,
    CloseChannel,
    FromHost,
    Goodbye,
    Hello,
    LineFault,
    OpenChannel,
    Ping,
    Pong,
    Power,
    Refusal,
    Refused,
    Welcome,
)
from rig.timeline import TimelineWriter


class Talk:
    """`channel_uri` is the door's: it makes a URI of an address's secret."""

    def __init__(self, core: Core, timeline: TimelineWriter) -> None:
        self._core = core
        self._timeline = timeline
        self.channel_uri: Callable[[str], str] = str

    def said(self, line: HostLine, message: FromHost) -> None:
        """Raises LineFault for what makes no sense now."""
        with self._core.changed:
            if isinstance(message, Hello):
                self._hello(line, message)
            elif not line.host:
                raise LineFault(f"{type(message).__name__} before Hello")
            elif (host := self._core.hosts.get(line.host)) is not None and host.line is line:
                self._said(host, line, message)
            self._core.changed.notify_all()

    def over(self, line: HostLine) -> None:
        with self._core.changed:
            why = line.why or str(line.read_error or "the host closed it")
            host = self._core.hosts.get(line.host)
            if host is not None and host.line is line:
                host.lost(self._core.clock.now_ms)
            self._timeline.add(E.PUSH_LINE_DOWN, line=line.number, why=why)
            self._core.changed.notify_all()

    def _hello(self, line: HostLine, hello: Hello) -> None:
        if line.host:
            raise LineFault("a second Hello")
        host = self._core.hosts.named(hello.host)
        if host is None:
            raise LineFault("too many hosts")
        last = hello.last if hello.service == self._core.id else 0
        if last > host.mailbox.last:
            raise LineFault(f"{last} is acknowledged, {host.mailbox.last} is the last that was sent")
        if host.line is not None:
            host.line.end("the host has a newer one")
        line.greeted(hello.host)
        host.line = line
        self._timeline.add(E.PUSH_LINE_UP, line=line.number, acknowledged=last, unacknowledged=host.mailbox.unacknowledged)
        line.put(Welcome(self._core.id, last))
        host.mailbox.connect(line, last, hello.power, self._core.clock.now_ms)

    def _said(self, host: Host, line: HostLine, message: FromHost) -> None:
        now_ms = self._core.clock.now_ms
        match message:
            case Power():
                host.mailbox.set_power(message, now_ms)
            case Acknowledged(number) if number > host.mailbox.last:
                raise LineFault(f"{number} is acknowledged, {host.mailbox.last} is the last that was sent")
            case Acknowledged(number):
                host.mailbox.acknowledge(number, now_ms)
            case OpenChannel():
                line.put(self._opened(host, message, now_ms))
            case CloseChannel():
                line.put(self._closed(host, message))
            case CloseApp(request, app):
                for channel in self._core.channels.close_app(host.id, app):
                    host.mailbox.close(channel)
                line.put(ChannelClosed(request))
            case Ping(number):
                line.put(Pong(number))
            case Goodbye():
                host.lost(None)
                line.end("the host said goodbye")

    def _opened(self, host: Host, asked: OpenChannel, now_ms: int) -> ChannelOpened | Refused:
        try:
            address = self._core.channels.open(host.id, asked.app, asked.kind, asked.id, now_ms)
        except TooManyChannels:
            return Refused(asked.request, Refusal.TOO_MANY_CHANNELS)
        return ChannelOpened(asked.request, self.channel_uri(address.secret), address.expires_ms - now_ms)

    def _closed(self, host: Host, asked: CloseChannel) -> ChannelClosed | Refused:
        channel = self._core.channels.close(host.id, asked.app, asked.kind, asked.id)
        if channel is None:
            return Refused(asked.request, Refusal.NO_SUCH_CHANNEL)
        host.mailbox.close(channel)
        return ChannelClosed(asked.request)
