"""The runtime inside every app process: a crew of threads that listens to the service and to posted reads (crew.py).

Whoever hears that a posted read has data takes it, calls the app's handler and then tells the service; only after that does the
push task run, as the service orders it then, or has ordered in advance (standing_orders.py). So "read completion returns before
Run starts" (CCT-030, CCT-031) holds by construction, for data and for errors. Read completions are one lane, runs of a
registration another; a handler may itself call the service, as somebody else listens meanwhile.

No thread ends before the process does, whatever the app's code raises on it; a process that could not hear the system any
more ends as a whole.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from rig.standby.api import session
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.posted_read import PostedRead
from rig.standby.app.completions import Completions
from rig.standby.app.crew import DEAF_STATUS, Crew
from rig.standby.app.entries import Entries
from rig.standby.app.faults import AppFaults
from rig.standby.app.followers import Followers
from rig.standby.app.given_orders import GivenOrders
from rig.standby.app.limits import Limits
from rig.standby.app.notifications import Notifications
from rig.standby.app.posted_reads import PostedReads
from rig.standby.app.suspension import Suspension
from rig.standby.app.task_runs import TaskRuns
from rig.standby.wire.app_data import data_of
from rig.standby.wire.app_push import NotificationReceived
from rig.standby.wire.caller import Caller
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import host_error_of
from rig.standby.wire.from_app import TaskHostReady
from rig.standby.wire.hresult import ProcessGone
from rig.standby.wire.line import Line, Malformed
from rig.standby.wire.message import Call, Fetch, Notice
from rig.standby.wire.supervision import AppBirth
from rig.standby.wire.to_app import (
    CancelRun,
    Resuming,
    RunTask,
    StandingOrder,
    Suspending,
    TaskCompleted,
    TaskProgressed,
    TestLine,
    ToApp,
    TransportFailed,
)
from rig.timeline import TimelineWriter

R = TypeVar("R")


class Runtime:
    """An app process's connection to the service; fulfils `rig.standby.api.App`."""

    def __init__(self, birth: AppBirth, timeline: TimelineWriter, limits: Limits, crew: Crew) -> None:
        """`crew`: its threads may have been started."""
        self.name = birth.name
        self.instance = birth.instance
        self.timeline = timeline
        self.data_folder = data_of(Path(birth.data), birth.name)
        self.trusted = Path(birth.trusted)
        self.entry_points: dict[str, session.EntryPoint] = {}
        self.entries = Entries(self.entry_points)
        self.test_lines: queue.SimpleQueue[int] = queue.SimpleQueue()
        """Of an app that was started without one."""
        self.service = Caller(Line(socket.socket(fileno=birth.line_fd), ToApp), host_error_of)
        self._limits = limits
        self._faults = AppFaults(birth.name, birth.instance, timeline)
        self._crew = crew
        crew.belong_to(self._faults)
        self._tasks = TaskRuns(self._faults, self.service.notify, self.entries, self._crew, limits)
        self._standing = GivenOrders(birth.line_fd, self.service.notify, self._tasks.begin)
        completions = Completions(self._faults, self._standing.completed, self._crew)
        self._reads = PostedReads(self._crew, self.service.notify, completions.add)
        self._followers = Followers(self._faults, self._crew)
        self._notifications = Notifications(self._faults, self.service.notify, self._crew)
        self._suspension = Suspension(self._faults, self.service.notify, self._crew)
        threading.excepthook = self._thread_ended
        session.enter(self)

    def start(self) -> None:
        """Hear the service from now on."""
        self._crew.watch(self.service.line.fileno(), self._hear_service)
        self._crew.start()

    def host_a_run(self) -> None:
        """In place of `start`, of a process that imports what it runs and has no app's object. What the service says first the
        calling thread hears, and does: its run, most likely, and no other thread has to be woken for that. Raises OSError when
        the service is gone for good."""
        self.entries.host_a_run()
        self._crew.start()
        self._limits.memory_before_any_code()
        self.notify(TaskHostReady())
        self._crew.do(self._hear_first)

    @property
    def in_task(self) -> bool:
        return self.entries.hosts_a_run or self._tasks.in_task

    def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        return self.service.call(call, fds)

    def submit(self, call: Call[R]) -> Future[R]:
        return self.service.submit(call)

    def add_work(self, lane: Hashable, work: Callable[[], None]) -> None:
        self._crew.add(lane, work)

    def fetch(self, call: Fetch[R]) -> tuple[R, Descriptors]:
        return self.service.fetch(call)

    def notify(self, notice: Notice) -> None:
        self.service.notify(notice)

    def post(self, operation: PostedRead) -> None:
        self._reads.post(operation)

    def withdraw(self, operation: PostedRead) -> None:
        self._reads.withdraw(operation)

    def _thread_ended(self, how: threading.ExceptHookArgs) -> None:
        """One that the app, or its host API, has started: what nobody caught is a fault as any other."""
        if how.exc_value is not None:
            self._faults.met(f"thread {how.thread.name if how.thread is not None else ''}", how.exc_value)

    def _hear_first(self) -> None:
        self._hear_service()
        self._crew.watch(self.service.line.fileno(), self._hear_service)

    def _hear_service(self) -> None:
        with self._limits.lifted(), self._standing.hearing():
            self._service_ready()

    def _service_ready(self) -> None:
        try:
            received = self.service.line.receive()
        except Malformed as malformed:  # it may be of a newer system
            self._faults.met("message of the system", malformed)
            return
        except OSError as error:
            self._faults.met("line to the system", error)
            os._exit(DEAF_STATUS)
        if received is None:
            self.service.fail_all(ProcessGone("the standby service"))
            os._exit(0)
        with received.descriptors:
            if not self.service.take(received):
                self._told(received.body, received.descriptors)

    def _told(self, notice: ToApp, descriptors: Descriptors) -> None:
        match notice:
            case TestLine():
                fd = descriptors.take()
                if fd is not None:
                    self.test_lines.put(fd)
            case RunTask():
                self._tasks.add(notice)
            case StandingOrder():
                self._standing.given(notice)
            case TransportFailed(channel):
                ControlChannelTrigger.transport_failed(channel)
            case CancelRun():
                self._tasks.cancel(notice)
            case TaskProgressed():
                self._followers.progressed(notice)
            case TaskCompleted():
                self._followers.completed(notice)
            case NotificationReceived():
                self._notifications.received(notice)
            case Suspending() | Resuming():
                self._suspension.told(notice)
