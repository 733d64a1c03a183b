"""Channels of apps on hosts, and the addresses that reach them (RAW-015, RAW-016)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from rig.peers.push_service.clock import DAY_MS
from rig.push_line import ChannelKind

LIFE_MS = 30 * DAY_MS
RENEWED_MS = 15 * DAY_MS
"""An address with less than this left is not given out again: the app gets a new one, and the old one lives out its time."""
ALTERNATE_CHANNELS = 1000
"""Of one app (RAW-016)."""
HOST_CHANNELS = 5000
"""Of one host: no host fills the service."""
REMEMBERED = 10_000
"""Addresses that are of no use any more, whose posters hear 410; the oldest of more are as unknown as any."""
SECRET_BYTES = 16


class TooManyChannels(Exception):
    """The app or the host has as many as it may."""


class UnknownAddress(Exception):
    """No channel has, or had, it (404)."""


class GoneAddress(Exception):
    """Its channel was closed, or its 30 days are over (410)."""


@dataclass(eq=False)
class Address:
    """The end of a channel's URI: 128 random bits, so that who has it was given it."""

    channel: Channel
    expires_ms: int
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(SECRET_BYTES))


@dataclass(eq=False)
class Channel:
    """Of one app on one host. `id` is that of an alternate channel or a tile."""

    host: str
    app: str
    kind: ChannelKind
    id: str
    addresses: list[Address] = field(default_factory=list)
    """That are of use, oldest first."""

    @property
    def name(self) -> str:
        """As records have it."""
        return self.id or str(self.kind)

    @property
    def is_open(self) -> bool:
        return bool(self.addresses)

    @property
    def expires_ms(self) -> int:
        """While it is open."""
        return self.addresses[-1].expires_ms


class Channels:
    """Of all hosts."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[tuple[str, ChannelKind, str], Channel]] = {}
        """By host; then by app, kind, id."""
        self._addresses: dict[str, Address] = {}
        self._gone: OrderedDict[str, Address] = OrderedDict()

    def all(self) -> list[Channel]:
        """In the order of their opening, host by host."""
        return [channel for of_host in self._channels.values() for channel in of_host.values()]

    def has_some(self, host: str) -> bool:
        return host in self._channels

    def open(self, host: str, app: str, kind: ChannelKind, name: str, now_ms: int) -> Address:
        """The address that it has, or a new one. Raises TooManyChannels."""
        self._expire(now_ms)
        of_host = self._channels.setdefault(host, {})
        key = (app, kind, "" if kind is ChannelKind.PRIMARY else name)
        channel = of_host.get(key)
        if channel is None:
            _check_room(of_host, app, kind)
            channel = of_host[key] = Channel(host, *key)
        if not channel.addresses or channel.addresses[-1].expires_ms - now_ms < RENEWED_MS:
            address = Address(channel, now_ms + LIFE_MS)
            channel.addresses.append(address)
            self._addresses[address.secret] = address
        return channel.addresses[-1]

    def close(self, host: str, app: str, kind: ChannelKind, name: str) -> Channel | None:
        """This address of it and all before (RAW-015). None: there is no such channel."""
        key = (app, kind, "" if kind is ChannelKind.PRIMARY else name)
        channel = self._channels.get(host, {}).get(key)
        if channel is not None:
            self._forget(channel)
        return channel

    def close_app(self, host: str, app: str) -> list[Channel]:
        closed = [channel for channel in self._channels.get(host, {}).values() if channel.app == app]
        for channel in closed:
            self._forget(channel)
        return closed

    def at(self, secret: str, now_ms: int) -> Channel:
        """Raises UnknownAddress, GoneAddress."""
        self._expire(now_ms)
        if address := self._addresses.get(secret):
            return address.channel
        raise GoneAddress if secret in self._gone else UnknownAddress

    def app_of(self, secret: str) -> str | None:
        """Also of an address that is gone; None: unknown."""
        address = self._addresses.get(secret) or self._gone.get(secret)
        return None if address is None else address.channel.app

    def _expire(self, now_ms: int) -> None:
        """Addresses stand in the order in which they expire: all live equally long."""
        while (first := next(iter(self._addresses.values()), None)) is not None and first.expires_ms <= now_ms:
            first.channel.addresses.remove(first)
            self._end(first)
            if not first.channel.is_open:
                self._forget(first.channel)

    def _forget(self, channel: Channel) -> None:
        for address in channel.addresses:
            self._end(address)
        channel.addresses.clear()
        of_host = self._channels[channel.host]
        del of_host[channel.app, channel.kind, channel.id]
        if not of_host:
            del self._channels[channel.host]

    def _end(self, address: Address) -> None:
        del self._addresses[address.secret]
        self._gone[address.secret] = address
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)


def _check_room(of_host: dict[tuple[str, ChannelKind, str], Channel], app: str, kind: ChannelKind) -> None:
    alternates = sum(channel.app == app and channel.kind is ChannelKind.ALTERNATE for channel in of_host.values())
    if len(of_host) >= HOST_CHANNELS or (kind is ChannelKind.ALTERNATE and alternates >= ALTERNATE_CHANNELS):
        raise TooManyChannels
