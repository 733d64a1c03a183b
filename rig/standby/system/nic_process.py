"""The driver's process, seen from the system: the calls of `Driver` over a line, without ever waiting for it on the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import SlotRef
from rig.errors import BenchError
from rig.standby.system.companion_process import CompanionProcess
from rig.standby.system.driver import ConnectionToOffload, DriverNotice, PatternToOffload
from rig.standby.wire import nic
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.line import Line


class NicProcess(CompanionProcess[nic.FromDriver, DriverNotice]):
    """A `Driver`. One that could not start answers every call with the fault that stood against it."""

    def __init__(
        self,
        line: Line[nic.FromDriver],
        incarnation: int,
        *,
        on_gone: Callable[[str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(line, incarnation, on_gone=on_gone, on_fault=on_fault)
        self._held: dict[str, int] = {}
        """Descriptors of what the driver holds, for one that is started anew."""
        self._wanted: set[str] = set()
        """What a driver that was started anew waits for, and this system has not said yet whether it knows it."""
        self._woke_told_ns = 0
        """`told_ns` of the last `Woke` that this system has heard, or was told of by `Held`."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def reserve(self, connection: ConnectionToOffload) -> SlotRef:
        call = nic.Reserve(
            connection.key, dict(connection.names), connection.network_minutes, connection.payload, connection.resume
        )
        self._keep(connection.key, connection.fd)
        try:
            return await self._peer.call(call, (connection.fd,))
        except BaseException:
            self._drop(connection.key)
            raise

    def adopt(self, key: str, fd: int) -> None:
        self._keep(key, fd)
        if key in self._wanted:
            self._give_again(key)

    def _keep(self, key: str, fd: int) -> None:
        self._drop(key)
        self._held[key] = os.dup(fd)

    def _drop(self, key: str) -> None:
        fd = self._held.pop(key, None)
        if fd is not None:
            os.close(fd)

    async def give_back(self, key: str) -> None:
        self._drop(key)
        await self._peer.call(nic.GiveBack(key))

    async def update(self, key: str, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        await self._peer.call(nic.Update(key, network_minutes, payload, resume))

    async def payload_state(self, key: str) -> PayloadState | None:
        return await self._peer.call(nic.GetPayloadState(key))

    async def stop_payload(self, key: str) -> PayloadState | None:
        return await self._peer.call(nic.StopPayload(key))

    async def add_pattern(self, pattern: PatternToOffload) -> None:
        await self._peer.call(nic.AddPattern(pattern.key, dict(pattern.names), pattern.pattern, pattern.resume))

    async def remove_pattern(self, key: str) -> None:
        await self._peer.call(nic.RemovePattern(key))

    async def enter(self, keys: list[str], wake_timer_ms: int) -> nic.Entered | nic.NotIdle:
        return await self._peer.call(nic.Enter(keys, wake_timer_ms, self._woke_told_ns))

    async def wake(self, cause: str) -> None:
        await self._peer.call(nic.Wake(cause))

    async def held(self) -> nic.Held:
        held = await self._peer.call(nic.GetHeld())
        self._woke_told_ns = max(self._woke_told_ns, held.woke_told_ns)  # a driver that is a new one says 0
        return held

    async def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float, retries: int
    ) -> dict[str, Any]:
        return await self._peer.call(nic.PassThroughRequest(op, group, command, dict(body), timeout_s, retries))

    async def link_stats(self) -> dict[str, int]:
        return await self._peer.call(nic.LinkStats())

    def _give_again(self, key: str) -> None:
        self._wanted.discard(key)
        task = asyncio.get_running_loop().create_task(self._adopt(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _adopt(self, key: str) -> None:
        fd = self._held.get(key)
        if fd is not None:  # else it has been given back meanwhile, and the driver is told so
            with contextlib.suppress(ConnectionResetError, BenchError):  # a driver that has died, too: the next one asks again
                await self._peer.call(nic.Adopt(key), (fd,))

    def _on_notice(self, notice: nic.FromDriver, descriptors: Descriptors) -> None:
        if isinstance(notice, nic.Woke):
            self._woke_told_ns = notice.told_ns
        if not isinstance(notice, nic.Adopting):
            self._tell(notice)
            return
        self._wanted = set(notice.keys)
        for key in notice.keys:
            if key in self._held:
                self._give_again(key)
