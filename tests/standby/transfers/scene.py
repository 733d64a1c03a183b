"""A process of background transfers in the place that it has in a host, with a test in the place of the system."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rig.standby.system.transfers.transfer_process import TransferProcess
from rig.standby.transfers.settings import TransferSettings
from rig.standby.wire import transfers
from rig.standby.wire.line import Line, pair
from rig.standby.wire.message import Call
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import TransferSpec, TransferState
from rig.standby.wire.transfers import Owned
from rig.timeline import Timeline
from tests.standby.transfers.deadly import Steps

R = TypeVar("R")
ROOT = Path(__file__).parents[3]
LONG_S = 30.0
"""For what comes at once."""


class Scene:
    """Of one loop. `states`: the last that was heard of each operation, by id; `heard`: all of it, in order."""

    def __init__(self, folder: Path, timeline: Timeline, *, minute_us: int = 60_000_000) -> None:
        self.folder = folder
        self.timeline = timeline
        self.settings = TransferSettings(
            timeline_fd=timeline.fd, store=str(folder / "transfers.db"), minute_us=minute_us, trusted=str(folder / "none")
        )
        self.pid = 0
        self.starts = 0
        self.states: dict[str, TransferState] = {}
        self.heard: list[Owned] = []
        self.faults: list[BaseException] = []
        self.systems = 0
        self.permits: dict[str, Status] = {}
        """What may run; said again to a process that is new."""
        self._permitting: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._ours, theirs = pair()
        self._steps_fd = os.memfd_create("steps")
        os.ftruncate(self._steps_fd, mmap.PAGESIZE)
        self.steps = Steps(self._steps_fd)
        fds = [theirs.fileno(), self._steps_fd, timeline.fd]
        argv = [sys.executable, "-m", "tests.standby.transfers.zygote", str(theirs.fileno()), str(self._steps_fd)]
        self._zygote = subprocess.Popen(
            [*argv, msgspec.msgpack.encode(self.settings).hex()], stdout=subprocess.PIPE, pass_fds=fds, bufsize=0, cwd=ROOT
        )
        theirs.close()
        assert self._zygote.stdout is not None
        os.set_blocking(self._zygote.stdout.fileno(), False)
        asyncio.get_running_loop().add_reader(self._zygote.stdout.fileno(), self._hear_pids)
        self.process = self._system()

    def new_system(self) -> None:
        """The one before has died."""
        self.process.close()
        self.process = self._system()

    def _system(self) -> TransferProcess:
        self.systems += 1
        line: Line[transfers.FromTransfers] = Line(self._ours.dup(), transfers.FromTransfers)
        self._line = line
        on_fault: Callable[[str, BaseException], None] = lambda _where, error: self.faults.append(error)  # noqa: E731
        process = TransferProcess(line, self.systems, store=Path(self.settings.store), on_fault=on_fault)
        process.subscribe(self._hear)
        return process

    def stop_reading(self) -> None:
        """As a system does that is stopped."""
        asyncio.get_running_loop().remove_reader(self._line.fileno())

    def read_on(self) -> None:
        asyncio.get_running_loop().add_reader(self._line.fileno(), self.process._peer._readable)

    def _hear(self, notice: transfers.FromTransfers) -> None:
        if isinstance(notice, transfers.Changed):
            self.take(notice.owned)
        else:
            self.starts += 1
            if self.permits:
                task = asyncio.get_running_loop().create_task(self.call(transfers.Permit(dict(self.permits))))
                self._permitting.add(task)
                task.add_done_callback(self._permitting.discard)
        self._turn()

    def take(self, owned: Owned) -> None:
        self.heard.append(owned)
        self.states[owned.state.spec.id] = owned.state

    def _hear_pids(self) -> None:
        assert self._zygote.stdout is not None
        said = self._zygote.stdout.read()
        if said:
            self.pid = int(said.split()[-1])
            self._turn()

    def _turn(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # -- what a system does --------------------------------------------------------------------------------------------

    async def call(self, call: Call[R]) -> R:
        return await asyncio.wait_for(self.process.call(call), LONG_S)

    def spec(self, uri: str, name: str = "episode", **more: Any) -> TransferSpec:
        path = more.pop("path", str(self.folder / name))
        return TransferSpec(id=str(uuid.uuid4()), direction=more.pop("direction", "download"), uri=uri, path=path, **more)

    async def create(self, spec: TransferSpec, package: str = "podcast") -> str:
        await self.call(transfers.Create(package, spec))
        return spec.id

    async def begin(self, uri: str, name: str = "episode", **more: Any) -> str:
        """Create, start, permit."""
        id_ = await self.create(self.spec(uri, name, **more))
        await self.call(transfers.Start(id_))
        await self.permit(id_)
        return id_

    async def permit(self, *ids: str, status: Status = Status.RUNNING) -> None:
        permits = dict.fromkeys(ids, status)
        self.permits |= permits
        await self.call(transfers.Permit(permits))

    async def until(self, true: Callable[[], bool], what: str = "") -> None:
        """Looks whenever something was heard."""
        async with asyncio.timeout(LONG_S):
            while not true():
                news = self._news
                try:
                    await asyncio.wait_for(news.wait(), 0.05)
                except TimeoutError:
                    continue

    async def ended(self, *ids: str) -> None:
        await self.until(lambda: all(id_ in self.states and self.states[id_].status.ended for id_ in ids))

    async def is_(self, id_: str, status: Status) -> None:
        await self.until(lambda: id_ in self.states and self.states[id_].status is status)

    async def kill(self) -> None:
        """The next one is there, and has said so."""
        await self.until(lambda: self.pid > 0)
        pid, starts = self.pid, self.starts
        os.kill(pid, signal.SIGKILL)
        await self.until(lambda: self.pid != pid and self.starts > starts)

    async def stop(self) -> None:
        for task in self._permitting:
            task.cancel()
        self.process.close()
        self._ours.close()
        self._zygote.kill()
        self._zygote.wait()
        assert self._zygote.stdout is not None
        asyncio.get_running_loop().remove_reader(self._zygote.stdout.fileno())
        self._zygote.stdout.close()
        os.close(self._steps_fd)


def play(
    folder: Path,
    timeline: Timeline,
    scene: Callable[[Scene], Awaitable[None]],
    *,
    minute_us: int = 60_000_000,
    faults: Sequence[str] = (),
) -> None:
    """`faults`: what the process writes down of those that it did not foresee, in their order."""

    async def life() -> None:
        stage = Scene(folder, timeline, minute_us=minute_us)
        try:
            await scene(stage)
            assert stage.faults == []
            met = timeline.find("SERVICE_FAULT")
            assert len(met) == len(faults), met
            assert all(words in fault.error for words, fault in zip(faults, met, strict=True)), met
        finally:
            await stage.stop()

    asyncio.run(life())
