"""What the system needs of the supervisor: processes for apps, and a place for descriptors that must outlast the system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rig.standby.wire.supervision import TaskLimits


class Child(Protocol):
    """An app's process and what it has started."""

    @property
    def pids(self) -> tuple[int, ...]:
        """All that `stop` has stopped, as the driver signals them."""

    @property
    def stopped(self) -> bool:
        """As it is, whoever stopped or continued it."""

    async def known(self) -> int:
        """Its pid, as the bench can signal it."""

    def stop(self) -> bool:
        """Whether none of their threads runs. False: they were told to stop, and some are late; it is to be said again."""

    def go_on(self) -> None: ...

    async def end(self) -> str:
        """After it hung up: how it ended, in words; it is killed when it does not."""

    def kill(self) -> None: ...

    def cpu_ticks(self) -> int:
        """Processor time that they have used, in ticks of the kernel's clock."""

    def rests(self) -> bool:
        """Whether none of their threads runs or waits for a processor."""

    def socket_bytes(self) -> dict[int, int]:
        """Bytes that each of their TCP sockets has carried, by inode; those of sockets that are closed are not counted."""


class Supervising(Protocol):
    def child(self) -> Child:
        """For an app that is about to be started: it may have spoken before its pid is known."""

    async def start(
        self,
        child: Any,
        name: str,
        entry: str,
        path: list[str],
        instance: int,
        fds: Sequence[int],
        task: TaskLimits | None = None,
    ) -> None:
        """Fork an app, or a task host where `task` is given; `child` is one of its own. `fds`: its end of its line, the system's
        end of its line, and an app's end of the test's; the caller closes them. `instance` comes back with an app that
        outlives the system. Raises HostError."""

    async def put(self, name: str, fd: int) -> None:
        """Keep a duplicate of the descriptor for the system that comes after this one. The same name again replaces it."""

    def remove(self, name: str) -> None:
        """A name that is not there is removed already."""
