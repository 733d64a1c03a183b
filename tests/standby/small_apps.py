"""Apps that do what an app must not: each method is one misbehaviour."""

from __future__ import annotations

import _thread
import os
import socket
import sys
import threading
from collections.abc import Callable

from rig.standby.api import (
    App,
    BackgroundTaskBuilder,
    BackgroundTaskCancellationReason,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskInstance,
    BackgroundTaskProgressEventArgs,
    BackgroundTaskRegistration,
    ControlChannelTrigger,
    CoreApplication,
    HostError,
    ReadOperation,
    StreamSocket,
    SuspendingDeferral,
    SuspendingOperation,
    TimeTrigger,
)
from rig.standby.api.core_application import before_suspension

PATIENCE_S = 10.0


class Interrupted(BaseException):
    """Not an Exception."""

    def __str__(self) -> str:
        raise RuntimeError("nor can it be shown")


def _raise(error: BaseException) -> None:
    raise error


def _raise_unseen() -> None:
    """With stdin, stdout and stderr closed."""
    os.closerange(0, 3)
    raise RuntimeError("no mailbox")


ENDS: dict[str, Callable[[], object]] = {
    "an exception": lambda: _raise(RuntimeError("no mailbox")),
    "one of many words": lambda: _raise(RuntimeError("no mailbox " * 100_000)),
    "SystemExit": lambda: sys.exit(3),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "_thread.exit": _thread.exit,
    "one that cannot be shown": lambda: _raise(Interrupted()),
    "stdin, stdout and stderr closed": _raise_unseen,
}


class SmallApp:
    """One channel "c" and one socket."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.socket = StreamSocket()
        self.channel: ControlChannelTrigger | None = None
        self._read = ""
        self._end = ""
        self._completed_on = self._ran_on = 0
        self._ran: list[int] = []
        self.told: list[str] = []
        """What handlers have heard, in order."""
        self._let_go = threading.Event()
        app.entry_points["waits"] = self._waits
        app.entry_points["blocks"] = self._blocks
        app.entry_points["defers"] = self._defers
        app.entry_points["listens late"] = self._listens_late
        app.entry_points["connects"] = self._connects
        app.entry_points["fine"] = self._fine
        app.entry_points["raises"] = self._raises

    def connect(self, port: int, bound: bool = False, host: str = "127.0.0.1") -> None:
        if bound:
            self.channel = ControlChannelTrigger("c", 30)
            self.channel.using_transport(self.socket)
        self.socket.connect(host, port)

    def post_read(self, end: str) -> None:
        """Its handler ends in one of ENDS, "" for none."""

        def completed(operation: ReadOperation) -> None:
            self._read += operation.data.decode()
            self._completed_on = threading.get_ident()
            if end:
                ENDS[end]()

        self.socket.read_async(100, completed)

    def post_read_on_closed(self) -> None:
        """The kernel's socket is closed behind the back of the API."""
        assert self.socket._socket is not None
        self.socket._socket.close()
        self.post_read("")

    def _fine(self, instance: BackgroundTaskInstance) -> None:
        self._ran.append(instance.number)
        self._ran_on = threading.get_ident()

    def same_thread(self) -> bool:
        """Whether the last run was on that of the last completion."""
        return self._ran_on == self._completed_on

    def set_end(self, end: str) -> None:
        self._end = end

    def _raises(self, instance: BackgroundTaskInstance) -> None:
        ENDS[self._end]()

    def forget_entry_point(self) -> None:
        del self.app.entry_points["raises"]

    # -- runs that take their time, and are cancelled ------------------------------------------------------------------

    def _waits(self, instance: BackgroundTaskInstance) -> None:
        """Until it is cancelled, or let go."""
        instance.add_canceled(self._canceled)
        self._begun(instance)
        self._let_go.wait()

    def _blocks(self, instance: BackgroundTaskInstance) -> None:
        """Whatever is said to it; its handler raises."""
        instance.add_canceled(self._canceled)
        instance.add_canceled(lambda *_: _raise(RuntimeError("no mailbox")))
        self._begun(instance)
        while not self._let_go.is_set():
            pass

    def _defers(self, instance: BackgroundTaskInstance) -> None:
        """Returns with two deferrals open."""
        self._deferrals = [instance.get_deferral(), instance.get_deferral()]
        instance.progress = 7

    def _listens_late(self, instance: BackgroundTaskInstance) -> None:
        self._begun(instance)
        instance.add_canceled(self._canceled)

    def _connects(self, instance: BackgroundTaskInstance) -> None:
        """To a port of this machine."""
        socket.create_connection(("127.0.0.1", self._port), PATIENCE_S).close()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        self.told.append(f"activated by {instance.number}")

    def register_and_follow(self, slowly: bool = False) -> None:
        """The first of two progress handlers raises. `slowly`: the second waits to be let go."""

        def progressed(_: BackgroundTaskRegistration, args: BackgroundTaskProgressEventArgs) -> None:
            self.told.append(f"progress {args.progress}")
            self.app.timeline.add("Progressed", value=args.progress)
            if slowly:
                self._let_go.wait()

        registration = BackgroundTaskBuilder("followed", "fine", TimeTrigger(15)).register()
        registration.add_progress(lambda *_: _raise(RuntimeError("no mailbox")))
        registration.add_progress(progressed)
        registration.add_completed(self._completed)

    def _completed(self, registration: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
        try:
            args.check_result()
            self.told.append("completed")
        except HostError as error:
            self.told.append(str(error))
        self.app.timeline.add("Completed", task=registration.name)

    def set_port(self, port: int) -> None:
        self._port = port

    def connect_now(self) -> None:
        """From a thread that runs no task."""
        socket.create_connection(("127.0.0.1", self._port), PATIENCE_S).close()

    def complete(self) -> None:
        """One deferral, twice."""
        deferral = self._deferrals.pop()
        deferral.complete()
        deferral.complete()

    def let_go(self) -> None:
        self._let_go.set()

    def what_was_told(self) -> list[str]:
        return self.told

    # -- before it is stopped ------------------------------------------------------------------------------------------

    def follow_suspension(self, how: str, hook: bool = False) -> None:
        """The first of two handlers ends in one of ENDS, "" for none, "defers" or "blocks"."""
        self._how = how
        CoreApplication.add_suspending(self._suspending)
        CoreApplication.add_suspending(lambda _: self.told.append("second handler"))
        CoreApplication.add_resuming(lambda: self.told.append("resuming"))
        CoreApplication.add_resuming(lambda: self.app.timeline.add("Resumed"))
        if hook:
            before_suspension(lambda: self.told.append("the end"))

    def follow_no_more(self) -> None:
        CoreApplication.remove_suspending(self._suspending)

    def _suspending(self, operation: SuspendingOperation) -> None:
        self.told.append("suspending")
        self.operation = operation
        if self._how == "defers":
            self._late: list[SuspendingDeferral] = [operation.get_deferral(), operation.get_deferral()]
        elif self._how == "blocks":
            self._let_go.wait()
        elif self._how:
            ENDS[self._how]()

    def complete_late(self) -> None:
        """One deferral of the suspension, twice."""
        deferral = self._late.pop()
        deferral.complete()
        deferral.complete()

    def defer_too_late(self) -> None:
        self.operation.get_deferral()

    def _begun(self, instance: BackgroundTaskInstance) -> None:
        self.app.timeline.add("Begun", instance=instance.number)

    def _canceled(self, instance: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason) -> None:
        self.told.append(f"{instance.number} {reason.name}")
        if not self._blocked(instance):
            self._let_go.set()

    @staticmethod
    def _blocked(instance: BackgroundTaskInstance) -> bool:
        return instance.entry_point == "blocks"

    def close_twice(self) -> None:
        self.socket.close()
        self.socket.close()

    def flush(self) -> None:
        assert self.channel is not None
        self.channel.flush_transport()

    def leave_by(self, end: str) -> None:
        ENDS[end]()

    def connected(self) -> bool:
        return self.socket.connected

    def connect_elsewhere(self, port: int) -> None:
        """A second socket, the channel's."""
        self.socket = StreamSocket()
        self.connect(port, bound=True)

    def read_so_far(self) -> str:
        return self._read

    def runs(self) -> list[int]:
        return self._ran


class NoActivation:
    """It has no in-process task."""

    def __init__(self, app: App) -> None:
        pass
