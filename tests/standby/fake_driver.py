"""The driver of the device as the system knows it, without a device: tables of what it holds, and a sleep that the test ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import SlotRef
from rig.standby.system.driver import ConnectionToOffload, DriverNotice, PatternToOffload
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import Entered, Held, NotIdle, Woke
from rig.timeline import TimelineWriter


class FakeDriver:
    """Calls come one after another, each takes `takes_s`. While it is `silent` none gets an answer."""

    def __init__(self, timeline: TimelineWriter) -> None:
        self.takes_s = 0.001
        self.takes_payloads = True
        self.connections: dict[str, ConnectionToOffload] = {}
        self.patterns: dict[str, PatternToOffload] = {}
        self.asleep_with: list[str] | None = None
        """The keys of the sleep under way."""
        self.not_idle: NotIdle | None = None
        """What entry answers."""
        self.fails: dict[str, Exception] = {}
        """What a call raises, by its name."""
        self.continues: Callable[[tuple[int, ...]], None] = lambda _pids: None
        """SIGCONT."""
        self.entries = 0
        self._timeline = timeline
        self._hear: Callable[[DriverNotice], None] | None = None
        self._unheard: list[DriverNotice] = []
        self._turn = asyncio.Lock()
        self._answers = asyncio.Event()
        self._answers.set()
        self._slots = 0

    def subscribe(self, hear: Callable[[DriverNotice], None]) -> None:
        self._hear = hear
        unheard, self._unheard = self._unheard, []
        for notice in unheard:
            hear(notice)

    def adopt(self, key: str, fd: int) -> None:
        """It is never started anew."""

    def nobody_listens(self) -> None:
        """The system has died: what there is to say waits for the next one."""
        self._hear = None

    # -- for the test --------------------------------------------------------------------------------------------------

    def fall_silent(self) -> None:
        self._answers.clear()

    def answer_again(self) -> None:
        self._answers.set()

    def say(self, notice: DriverNotice) -> None:
        if self._hear is None:
            self._unheard.append(notice)
        else:
            self._hear(notice)

    def device_wakes(self, reason: str, key: str | None = None, resume: bool = True) -> None:
        """By a frame, or a timer of its own."""
        assert self.asleep_with is not None
        owned = self.connections.get(key or "") or self.patterns.get(key or "")
        resumed = owned.resume if owned is not None and resume else ()
        self._end_sleep(reason, key, resumed)

    # -- Driver --------------------------------------------------------------------------------------------------------

    async def reserve(self, connection: ConnectionToOffload) -> SlotRef:
        async with self._call("reserve"):
            self.connections[connection.key] = connection
            self._slots += 1
            return SlotRef(self._slots, 1)

    async def give_back(self, key: str) -> None:
        async with self._call("give_back"):
            self.connections.pop(key, None)

    async def update(self, key: str, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        async with self._call("update"):
            old = self.connections[key]
            self.connections[key] = ConnectionToOffload(
                key=key, fd=old.fd, names=old.names, network_minutes=network_minutes, payload=payload, resume=resume
            )

    async def payload_state(self, key: str) -> PayloadState | None:
        async with self._call("payload_state"):
            held = self.connections.get(key)
            has_one = held is not None and held.payload is not None
            return PayloadState(taken=self.takes_payloads) if has_one else None

    async def stop_payload(self, key: str) -> PayloadState | None:
        async with self._call("stop_payload"):
            if self.asleep_with is not None:
                raise HostError(HResult.INVALID_STATE, "asleep")
            return PayloadState() if self.connections[key].payload is not None else None

    async def add_pattern(self, pattern: PatternToOffload) -> None:
        async with self._call("add_pattern"):
            assert self.asleep_with is None, "the device takes none while the host sleeps"
            self.patterns[pattern.key] = pattern

    async def remove_pattern(self, key: str) -> None:
        async with self._call("remove_pattern"):
            self.patterns.pop(key, None)

    async def enter(self, keys: list[str], wake_timer_ms: int) -> Entered | NotIdle:
        async with self._call("enter"):
            self.entries += 1
            if self.not_idle is not None:
                return self.not_idle
            assert set(keys) <= set(self.connections)
            self.asleep_with = list(keys)
            self._timeline.add("SLEEP_ENTER", connections=len(keys))
            return Entered()

    async def wake(self, cause: str) -> None:
        async with self._call("wake"):
            if self.asleep_with is not None:
                self._end_sleep(cause, None, ())

    async def held(self) -> Held:
        async with self._call("held"):
            return Held(self.asleep_with is not None, {key: SlotRef(1, 1) for key in self.connections}, list(self.patterns))

    async def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float, retries: int
    ) -> dict[str, Any]:
        async with self._call("request"):
            return dict(body)

    async def link_stats(self) -> dict[str, int]:
        return {}

    def _end_sleep(self, reason: str, key: str | None, resumed: tuple[int, ...]) -> None:
        self.asleep_with = None
        self._timeline.add("SLEEP_EXIT", cause=reason)
        self.continues(resumed)
        self.say(Woke(reason, key, resumed, 0))

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[None]:
        async with self._turn:
            await asyncio.sleep(self.takes_s)
            await self._answers.wait()
            if name in self.fails:
                raise self.fails[name]
            yield
