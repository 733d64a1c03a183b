"""The runtime inside every app process: one thread for input, one for read completions, one for background tasks.

The input thread waits for the service's messages and for posted reads. A completed read goes to the completion thread,
which calls the app's handler and then tells the service; only after that does the service order the push task, which
runs on the task thread. So "read completion returns before Run starts" (CCT-030, CCT-031) holds by construction, for
data and for errors, and a handler may itself call the service without blocking the input.
"""

from __future__ import annotations

import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rig.standby.wire.caller import Caller
from rig.standby.wire.faults import host_error_of
from rig.standby.wire.from_app import ReadBegin, ReadCompleted, TaskDone
from rig.standby.wire.hresult import HostError, HResult, ProcessGone
from rig.standby.wire.line import Line
from rig.standby.wire.message import Notice
from rig.standby.wire.to_app import RunTask, ToApp
from rig.timeline import TimelineWriter

if TYPE_CHECKING:
    from rig.standby.api.background import BackgroundTaskInstance
    from rig.standby.api.stream_socket import ReadOperation

EntryPoint = Callable[["BackgroundTaskInstance"], None]
_current: App | None = None


def current() -> App:
    """The runtime of this process. Raises HostError outside an app process."""
    if _current is None:
        raise HostError(HResult.INVALID_STATE, "the host API works inside an app that the standby service started")
    return _current


class App:
    """An app process's connection to the service. `entry_points` maps task entry point names to functions."""

    def __init__(self, name: str, service: socket.socket, timeline: TimelineWriter) -> None:
        global _current
        self.name = name
        self.timeline = timeline
        self.service = Caller(Line(service, ToApp), host_error_of)
        self.entry_points: dict[str, EntryPoint] = {}
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._changes: queue.SimpleQueue[tuple[ReadOperation, bool]] = queue.SimpleQueue()
        self._completions: queue.SimpleQueue[ReadOperation] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[BackgroundTaskInstance] = queue.SimpleQueue()
        self._handlers: dict[type[Notice], Callable[[Any], None]] = {RunTask: self._on_run_task}
        _current = self

    def start(self) -> None:
        """Start the three threads; they end with the process."""
        self._selector.register(self.service.line, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        for loop in (self._input_loop, self._completion_loop, self._task_loop):
            threading.Thread(target=loop, name=loop.__name__, daemon=True).start()

    def on_notice(self, kind: type[Notice], handler: Callable[[Any], None]) -> None:
        """Call `handler` on the input thread for each such message of the service; it must not block."""
        self._handlers[kind] = handler

    def post(self, operation: ReadOperation) -> None:
        """Wait for the operation's socket to become readable, then complete it."""
        self._change(operation, True)

    def withdraw(self, operation: ReadOperation) -> None:
        """Stop waiting; the operation completes as cancelled on the completion thread. The socket may be closed after."""
        self._change(operation, False)
        operation.withdrawn.wait()

    def _change(self, operation: ReadOperation, posted: bool) -> None:
        self._changes.put((operation, posted))
        os.eventfd_write(self._wake, 1)

    def _input_loop(self) -> None:
        while True:
            for key, _mask in self._selector.select():
                if key.data is not None:
                    self._read_ready(key.data)
                elif key.fileobj is self.service.line:
                    self._service_ready()
                else:
                    self._apply_changes()

    def _service_ready(self) -> None:
        received = self.service.line.receive()
        if received is None:
            self.service.fail_all(ProcessGone("the standby service"))
            os._exit(0)
        with received.descriptors:
            if not self.service.resolve(received) and type(received.body) in self._handlers:
                self._handlers[type(received.body)](received.body)

    def _apply_changes(self) -> None:
        os.eventfd_read(self._wake)
        while not self._changes.empty():
            operation, posted = self._changes.get()
            if posted:
                self._selector.register(operation.sock, selectors.EVENT_READ, operation)
                continue
            if operation.sock in self._selector.get_map():
                self._selector.unregister(operation.sock)
                operation.cancel_now()
                self._completions.put(operation)
            operation.withdrawn.set()

    def _read_ready(self, operation: ReadOperation) -> None:
        self._selector.unregister(operation.sock)
        self.service.notify(ReadBegin(operation.channel_id))
        operation.receive()
        self._completions.put(operation)

    def _completion_loop(self) -> None:
        while True:
            operation = self._completions.get()
            ended: dict[str, Any] = {
                "socket": operation.socket_id,
                "channel": operation.channel_id,
                "status": operation.status.name,
            }
            self.timeline.add("READ_COMPLETE_ENTER", app=self.name, bytes=len(operation.data), **ended)
            operation.call_handler()
            self.timeline.add("READ_COMPLETE_EXIT", app=self.name, **ended)
            if not operation.cancelled:
                over = operation.error is not None or not operation.data
                self.service.notify(ReadCompleted(operation.channel_id, operation.socket_id, over))

    def _on_run_task(self, message: RunTask) -> None:
        from rig.standby.api.background import BackgroundTaskInstance

        self._tasks.put(BackgroundTaskInstance.ordered(message))

    def _task_loop(self) -> None:
        while True:
            instance = self._tasks.get()
            ran: dict[str, Any] = {
                "app": self.name,
                "task": instance.task_name,
                "kind": instance.kind,
                "channel": instance.channel_id,
            }
            self.timeline.add("RUN_ENTER", instance=instance.number, **ran)
            fault = instance.run(self.entry_points[instance.entry_point])
            self.timeline.add("RUN_EXIT", instance=instance.number, fault=fault, **ran)
            self.service.notify(TaskDone(instance.number, fault))
