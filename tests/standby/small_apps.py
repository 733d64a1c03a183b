"""Apps that do what an app must not: each method is one misbehaviour."""

from __future__ import annotations

import _thread
import os
import sys
from collections.abc import Callable

from rig.standby.api import (
    App,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ReadOperation,
    StreamSocket,
)


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
        self._ran: list[int] = []
        app.entry_points["fine"] = lambda instance: self._ran.append(instance.number)
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
            if end:
                ENDS[end]()

        self.socket.read_async(100, completed)

    def post_read_on_closed(self) -> None:
        """The kernel's socket is closed behind the back of the API."""
        assert self.socket._socket is not None
        self.socket._socket.close()
        self.post_read("")

    def set_end(self, end: str) -> None:
        self._end = end

    def _raises(self, instance: BackgroundTaskInstance) -> None:
        ENDS[self._end]()

    def forget_entry_point(self) -> None:
        del self.app.entry_points["raises"]

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
