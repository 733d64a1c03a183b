"""What a host has, as the records of its timeline say: an entry each of apps, channels, sockets, tasks, runs and holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class App:
    """One process. `state`: running, suspended, or how it ended."""

    name: str
    instance: int
    pid: int | None = None
    state: str = "starting"
    since_ns: int = 0


@dataclass
class Channel:
    """A control channel. `slot` is hardware or software, once it has one; `device_slot` the device's number for it."""

    app: str
    channel: str
    minutes: int | None = None
    slot: str | None = None
    status: str | None = None
    transport: str | None = None
    device_slot: int | None = None


@dataclass
class Socket:
    """One that an app has given to the broker. `holder`: the broker, or the process that has taken it. `last`: what came on it
    last, or why its task was not fired for that. `slot`: the device's, of its connection; `pattern_id`: or of its pattern."""

    app: str
    socket: str
    kind: str | None = None
    action: str | None = None
    holder: str = "broker"
    last: str | None = None
    slot: int | None = None
    pattern_id: int | None = None


@dataclass
class Task:
    """A registration."""

    app: str
    name: str
    kind: str
    task_id: str
    channel: str | None = None
    runs: int = 0


@dataclass
class Run:
    """One run of a task. `state`: pending or paused (and why), running, cancelled, or how it ended."""

    app: str
    task: str
    instance: int
    state: str
    since_ns: int
    ended: bool = False


@dataclass
class Hold:
    """Who keeps the host awake that would sleep, and why."""

    holder: str
    reason: str
    since_ns: int
