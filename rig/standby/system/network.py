"""The host's own network, as conditions and system triggers see it: its link and its addresses, from the kernel.

The gate's closing changes neither: the host's link is up while it sleeps, and nobody looks then. What has changed over a sleep is
seen after it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Protocol

import msgspec

from rig.net.interface_news import InterfaceNews


class NetworkState(msgspec.Struct, frozen=True):
    """Of the interface that the offload device shares with the host."""

    link: bool = True
    addresses: tuple[str, ...] = ()
    """Sorted; those with which a host reaches others than its neighbours: no link-local ones."""

    @property
    def connected(self) -> bool:
        return self.link and bool(self.addresses)


class HostNetwork(Protocol):
    def now(self) -> NetworkState:
        """As the kernel has it."""

    def subscribe(self, heard: Callable[[], None]) -> None:
        """It is called on the loop when something may have changed."""

    async def connect(self, address: str, port: int) -> socket.socket:
        """A TCP connection to an IP address. Raises OSError."""


class KernelNetwork:
    """Of this process's namespace, watched on the running loop. `interface`: the one whose link is the host's."""

    def __init__(self, interface: str) -> None:
        self._news = InterfaceNews(interface)
        self._listeners: list[Callable[[], None]] = []
        asyncio.get_running_loop().add_reader(self._news.fileno(), self._hear)

    def now(self) -> NetworkState:
        state = self._news.now()
        return NetworkState(state.carrier, state.addresses)

    def subscribe(self, heard: Callable[[], None]) -> None:
        self._listeners.append(heard)

    async def connect(self, address: str, port: int) -> socket.socket:
        version = ipaddress.ip_address(address).version
        sock = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _hear(self) -> None:
        self._news.now()
        for heard in self._listeners:
            heard()
