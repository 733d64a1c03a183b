"""The supervisor as the system knows it: it makes apps that are fakes, and keeps descriptors over the death of a system."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rig.standby.system.restart import Outlived
from rig.standby.system.supervising import Child
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line
from rig.standby.wire.supervision import TaskLimits
from rig.standby.wire.to_app import RunTask
from tests.standby.fake_app import FakeApp


@dataclass
class Started:
    child: FakeApp
    instance: int
    line_fd: int
    """A duplicate of the system's end."""


class FakeSupervisor:
    def __init__(self) -> None:
        self.apps: list[Started] = []
        self.everybody: list[FakeApp] = []
        """Who ever lived."""
        self.stored: dict[str, int] = {}
        self.stillborn = False
        """Whoever is started ends before it is ready."""
        self.never_ready = False
        """Whoever is started says nothing, and runs nothing."""
        self.host_task: Callable[[FakeApp, RunTask], None] = FakeApp.done
        """What task hosts do with their run."""

    @property
    def task_hosts(self) -> list[FakeApp]:
        return [started.child for started in self.apps if started.child.limits is not None]

    def child(self) -> FakeApp:
        return FakeApp()

    async def start(
        self,
        child: Child,
        name: str,
        entry: str,
        path: list[str],
        instance: int,
        fds: Sequence[int],
        task: TaskLimits | None = None,
    ) -> None:
        assert isinstance(child, FakeApp)
        line_fd, kept_fd = fds[:2]
        child.limits = task
        child.born(socket.socket(fileno=os.dup(line_fd)))
        self.everybody.append(child)
        self.apps.append(Started(child, instance, os.dup(kept_fd)))
        if task is not None:
            child.on_task = lambda order: self.host_task(child, order)
        if self.stillborn:
            child.kill()
        elif self.never_ready:
            child.on_task = lambda order: None
        elif len(fds) == 2:  # no test calls it
            child.is_ready()

    async def put(self, name: str, fd: int) -> None:
        self.remove(name)
        self.stored[name] = os.dup(fd)

    def remove(self, name: str) -> None:
        if name in self.stored:
            os.close(self.stored.pop(name))

    # -- the system has died -------------------------------------------------------------------------------------------

    def outlived(self) -> list[Outlived]:
        """What a new system gets of the apps that live."""
        for started in self.apps:
            if started.child.killed:
                os.close(started.line_fd)
        self.apps = [started for started in self.apps if not started.child.killed]
        return [
            Outlived(started.instance, started.child, Line(socket.socket(fileno=os.dup(started.line_fd)), FromApp))
            for started in self.apps
        ]

    def descriptors(self) -> dict[str, int]:
        return {name: os.dup(fd) for name, fd in self.stored.items()}

    def close(self) -> None:
        """Everybody ends with it, and the remote ends of what they had connected are closed."""
        for child in self.everybody:
            child.kill()
            child.close_peers()
        while self.apps:
            os.close(self.apps.pop().line_fd)
        for name in list(self.stored):
            self.remove(name)
