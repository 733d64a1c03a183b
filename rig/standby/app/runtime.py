"""The runtime inside every app process: one thread for input, one for read completions, some for background tasks.

The input thread waits for the service's messages and for posted reads. A completed read goes to the completion thread,
which calls the app's handler and then tells the service; only after that does the service order the push task, which
runs on a thread for tasks. So "read completion returns before Run starts" (CCT-030, CCT-031) holds by construction, for
data and for errors, and a handler may itself call the service without blocking the input.

No thread ends before the process does, whatever the app's code raises on it; a process that could not hear the system any
more ends as a whole.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Sequence
from typing import TypeVar

from rig.standby.api import session
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.read_operation import ReadOperation
from rig.standby.api.registration import BackgroundTaskRegistration
from rig.standby.app.completions import Completions
from rig.standby.app.entries import Entries
from rig.standby.app.faults import Faults
from rig.standby.app.lanes import Lanes
from rig.standby.app.limits import Limits
from rig.standby.app.posted_reads import PostedReads
from rig.standby.app.task_runs import TaskRuns
from rig.standby.wire.caller import Caller
from rig.standby.wire.faults import host_error_of
from rig.standby.wire.hresult import ProcessGone
from rig.standby.wire.line import Line, Malformed
from rig.standby.wire.message import Call, Notice
from rig.standby.wire.to_app import CancelRun, RunTask, TaskCompleted, TaskProgressed, ToApp, TransportFailed
from rig.timeline import TimelineWriter

R = TypeVar("R")

DEAF_STATUS = 70
"""EX_SOFTWARE: the exit status of a process whose input thread cannot go on."""


class Runtime:
    """An app process's connection to the service; fulfils `rig.standby.api.App`."""

    def __init__(self, name: str, instance: int, service: socket.socket, timeline: TimelineWriter, limits: Limits) -> None:
        self.name = name
        self.instance = instance
        self.timeline = timeline
        self.entry_points: dict[str, session.EntryPoint] = {}
        self.entries = Entries(self.entry_points)
        self.service = Caller(Line(service, ToApp), host_error_of)
        self._limits = limits
        self._faults = Faults(name, instance, timeline)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.service.line, selectors.EVENT_READ, self._service_ready)
        self._completions = Completions(self._faults, self.service.notify)
        self._reads = PostedReads(self._selector, self.service.notify, self._completions.add)
        self._lanes = Lanes(self._faults)
        self._tasks = TaskRuns(self._faults, self.service.notify, self.entries, self._lanes, limits)
        session.enter(self)

    def start(self) -> None:
        """Start the threads; they end with the process."""
        self._lanes.warm_up()
        steps = {"input": self._take_input, "completions": self._completions.complete_next}
        for name, step in steps.items():
            threading.Thread(target=self._faults.forever, args=(f"{name} thread", step), name=name, daemon=True).start()

    @property
    def in_task(self) -> bool:
        return self.entries.hosts_a_run or self._tasks.in_task

    def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        return self.service.call(call, fds)

    def notify(self, notice: Notice) -> None:
        self.service.notify(notice)

    def post(self, operation: ReadOperation) -> None:
        self._reads.change(operation, posted=True)

    def withdraw(self, operation: ReadOperation) -> None:
        self._reads.change(operation, posted=False)
        operation.withdrawn.wait()

    def _take_input(self) -> None:
        for key, _mask in self._select():
            with self._limits.lifted():
                key.data()

    def _select(self) -> list[tuple[selectors.SelectorKey, int]]:
        try:
            return self._selector.select()
        except (OSError, ValueError) as error:  # the app has closed descriptors that are not its own
            self._faults.met("input thread", error)
            os._exit(DEAF_STATUS)

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
                self._told(received.body)

    def _told(self, notice: ToApp) -> None:
        match notice:
            case RunTask():
                self._tasks.add(notice)
            case TransportFailed(channel):
                ControlChannelTrigger.transport_failed(channel)
            case CancelRun():
                self._tasks.cancel(notice)
            case TaskProgressed() | TaskCompleted():
                self._lanes.add(("followers", notice.task_id), lambda: self._call_followers(notice))

    def _call_followers(self, notice: TaskProgressed | TaskCompleted) -> None:
        for call in BackgroundTaskRegistration.calls_for(notice):
            try:
                call()
            except BaseException as error:
                self._faults.met(f"handler of {type(notice).__name__}", error, instance=notice.instance)
