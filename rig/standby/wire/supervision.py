"""Between the supervisor and those that it starts, and what it tells the bench."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from rig.standby.wire.faults import Fault
from rig.standby.wire.message import Call, Notice

DRIVER, TRANSFERS = "driver", "transfers"
"""The processes beside the system, by name: of the device, of background transfers."""


class HostBirth(msgspec.Struct, frozen=True):
    """What the supervisor itself gets from the bench; numbers of descriptors. `system` is for the system alone."""

    bench_fd: int
    """The system's end of the bench's line: the supervisor keeps it over the system's death."""
    news_fd: int
    """Where the supervisor says `ToBench`."""
    timeline_fd: int
    host_ns_fd: int
    system: bytes
    driver: bytes
    """For the driver of the device alone."""
    transfers: bytes = b""
    """For the process of background transfers alone."""
    data: str = ""
    """The folder in which each app has a folder of its own, under its name."""
    trusted: str = ""
    """The file of the authorities whose certificates apps trust; none while it is not there."""


@dataclass(frozen=True)
class RunningApp:
    """An app that has outlived the system before."""

    key: str
    name: str
    pid: int
    outer_pid: int
    line_fd: int
    instance: int
    """As the system gave it to ForkApp."""


class TaskLimits(msgspec.Struct, frozen=True):
    """What a task host is put under before any code of the app runs in it."""

    network: bool = True
    """False: it has no interface (BGT-016)."""
    memory_bytes: int = 0
    """What the task may allocate, on top of what its process has anyway; 0: no limit (BGT-029)."""


@dataclass(frozen=True)
class AppBirth:
    """What an app is forked with. The descriptors are its own."""

    name: str
    instance: int
    entry: str
    path: list[str]
    """What sys.path is in the test's process."""
    line_fd: int
    test_fd: int | None
    """A task host has none, and an app that no test has started has none at first."""
    timeline_fd: int
    task: TaskLimits | None = None
    """Of a task host: a process for one run of a background task, with no entry of its own."""
    data: str = ""
    """As `HostBirth.data`."""
    trusted: str = ""
    """As `HostBirth.trusted`."""


@dataclass(frozen=True)
class Inheritance:
    """What a system is forked with. The descriptors are its own."""

    incarnation: int
    """1 for the first."""
    line_fd: int
    """To the supervisor."""
    companions: dict[str, int]
    """To the processes beside it, by name: the same lines for each system, with what waits in them."""
    apps: tuple[RunningApp, ...] = ()
    store: dict[str, int] = field(default_factory=dict)
    """Descriptors that a system before has put there, by name."""


class Forked(msgspec.Struct, frozen=True):
    """`outer_pid`: what a process outside, and /proc, calls it."""

    pid: int
    outer_pid: int


class ForkApp(Call[Forked], frozen=True):
    """With three descriptors: the app's end of its line, the system's end to keep, the one that the test's calls come through,
    which a task host goes without, and an app that the system starts for a task."""

    key: str
    """The system chooses it, and chooses none twice."""
    name: str
    entry: str
    path: list[str]
    instance: int
    """What the timeline tells two of one name apart by."""
    task: TaskLimits | None = None


class Put(Call[None], frozen=True):
    """Keep the descriptor that comes with it, over the system's death too. The same name again replaces it."""

    name: str


class Remove(Notice, frozen=True):
    name: str


class Serving(Notice, frozen=True):
    """The system is up: its next death is not one of a system that cannot start."""


FromSystem: TypeAlias = ForkApp | Put | Remove | Serving


class AppEnded(Notice, frozen=True):
    """It has ended, and all that it had started with it. `status` in words."""

    key: str
    status: str


ToSystem: TypeAlias = AppEnded


class SystemStarted(Notice, frozen=True):
    incarnation: int
    outer_pid: int


class SystemEnded(Notice, frozen=True):
    """Calls that it had not answered are not answered any more. Another one is being started."""

    status: str


class CompanionStarted(Notice, frozen=True):
    name: str
    outer_pid: int


class GivenUp(Notice, frozen=True):
    """All of the host ends, for that reason."""

    fault: Fault


ToBench: TypeAlias = SystemStarted | SystemEnded | CompanionStarted | GivenUp
