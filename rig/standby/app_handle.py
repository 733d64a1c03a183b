"""The test's handle on a running app."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from rig.standby.calls import Calls
from rig.standby.news import News
from rig.standby.wire import bench
from rig.standby.wire.message import Call
from rig.standby.wire.to_app import Invoke
from rig.timeline import Record, Timeline


class AppHandle:
    """A running app; calls its class's public methods in its own process."""

    def __init__(
        self, name: str, instance: int, sock: socket.socket, ask: Callable[[Call[Any]], Any], timeline: Timeline, news: News
    ) -> None:
        """`ask`: a call of the system. `sock`: the test's line to the app."""
        self.name = name
        self.instance = instance
        self._ask = ask
        self._timeline = timeline
        self._line = Calls(sock, Invoke, f"app {name}", news)

    def call(self, method: str, *, timeout_s: float = 10.0, **arguments: Any) -> Any:
        """Call a method of the app. Raises HostError as the app saw it, TimeoutError when it is suspended or hangs."""
        return self._line.call(Invoke(method, arguments), timeout_s=timeout_s)

    def begin_call(self, method: str, **arguments: Any) -> None:
        """Have it called, wait for no answer, and hear of nothing that it raises: for what ends an app's reason to run, so that
        it may be suspended before it answers. The next call is served when it has returned."""
        self._line.begin(Invoke(method, arguments))

    def leave(self) -> None:
        """The user switches away: it is suspended as soon as it has nothing to do."""
        self._ask(bench.Suspend(self.instance))

    def suspend(self) -> Record:
        """The user switches away; returns when the app is suspended."""
        after = self._timeline.mark()
        self.leave()
        return self._timeline.wait("APP_SUSPEND", app=self.name, instance=self.instance, after=after)

    def resume(self) -> None:
        """The user switches to it; it goes on. Raises HostError while the screen is off."""
        self._ask(bench.Resume(self.instance))

    def terminate(self) -> Record:
        """The system ends its process, as it does with suspended apps for their memory. Returns when it has ended."""
        return self._end(by_user=False)

    def close_by_user(self) -> Record:
        """The user closes it: its handlers of suspending are called before; the same otherwise."""
        return self._end(by_user=True)

    @property
    def ended(self) -> bool:
        """Its process has, whoever did it."""
        return bool(self._timeline.find("APP_TERMINATED", app=self.name, instance=self.instance))

    def _end(self, *, by_user: bool) -> Record:
        self._ask(bench.EndApp(self.instance, by_user))
        return self._timeline.wait("APP_TERMINATED", app=self.name, instance=self.instance)

    def close(self) -> None:
        """Hang up: its process ends."""
        self._line.close()
