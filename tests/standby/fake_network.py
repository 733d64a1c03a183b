"""The host's network as the system knows it, without a kernel: the test says what it is."""

from __future__ import annotations

import socket
from collections.abc import Callable

from rig.standby.system.network import NetworkState

CONNECTED = NetworkState(addresses=("192.0.2.10",))
NO_LINK = NetworkState(link=False, addresses=("192.0.2.10",))
NO_ADDRESS = NetworkState()


class FakeNetwork:
    def __init__(self, state: NetworkState = CONNECTED) -> None:
        self._state = state
        self._listeners: list[Callable[[], None]] = []
        self.dial: Callable[[], socket.socket] | None = None
        """Who answers a connection."""

    def now(self) -> NetworkState:
        return self._state

    def subscribe(self, heard: Callable[[], None]) -> None:
        self._listeners.append(heard)

    async def connect(self, address: str, port: int) -> socket.socket:
        if self.dial is None or not self._state.connected:
            raise ConnectionRefusedError(f"nobody listens at {address}:{port}")
        return self.dial()

    def become(self, state: NetworkState) -> None:
        self._state = state
        for heard in self._listeners:
            heard()
