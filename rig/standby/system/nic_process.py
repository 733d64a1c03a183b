"""The driver's process, seen from the system: the calls of `Driver` over a line, without ever waiting for it on the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rig.device.objects import SlotRef
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.system.driver import DriverNotice, OffloadedConnection
from rig.standby.wire import nic
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import Line
from rig.standby.wire.peer import Peer


class NicProcess:
    """A `Driver`. The line is the same for each system (`incarnation` 1, 2, ...): answers to one before are passed over. A driver
    that could not start answers every call with the fault that stood against it. `on_gone`: its process has ended."""

    def __init__(
        self,
        line: Line[nic.FromDriver],
        incarnation: int,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._peer = Peer(line, self._on_notice, on_gone=on_gone, on_fault=on_fault, first_call=incarnation << 32)
        self._hear: Callable[[DriverNotice], None] | None = None
        self._unheard: deque[DriverNotice] = deque()

    def subscribe(self, hear: Callable[[DriverNotice], None]) -> None:
        self._hear = hear
        while self._unheard:
            hear(self._unheard.popleft())

    async def reserve(self, connection: OffloadedConnection) -> SlotRef:
        call = nic.Reserve(
            connection.key, dict(connection.names), connection.network_minutes, connection.payload, connection.resume
        )
        return await self._peer.call(call, (connection.fd,))

    async def give_back(self, key: str) -> None:
        await self._peer.call(nic.GiveBack(key))

    async def update(self, key: str, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        await self._peer.call(nic.Update(key, network_minutes, payload, resume))

    async def payload_state(self, key: str) -> PayloadState | None:
        return await self._peer.call(nic.GetPayloadState(key))

    async def enter(self, keys: list[str], wake_timer_ms: int) -> nic.Entered | nic.NotIdle:
        return await self._peer.call(nic.Enter(keys, wake_timer_ms))

    async def wake(self, cause: str) -> None:
        await self._peer.call(nic.Wake(cause))

    async def held(self) -> nic.Held:
        return await self._peer.call(nic.GetHeld())

    async def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float, retries: int
    ) -> dict[str, Any]:
        return await self._peer.call(nic.DeviceRequest(op, group, command, dict(body), timeout_s, retries))

    async def link_stats(self) -> dict[str, int]:
        return await self._peer.call(nic.LinkStats())

    def close(self) -> None:
        """It ends when its line does."""
        self._peer.close()

    def _on_notice(self, notice: nic.FromDriver, descriptors: Descriptors) -> None:
        if self._hear is not None:
            self._hear(notice)
        else:
            self._unheard.append(notice)
