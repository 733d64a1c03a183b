"""The bench's handle on the standby host: starts its processes, starts apps, drives power, talks to the device.

The service holds the control channel to the device; `StandbyHost` is a `Requester`, so every typed device command works
through it while the host runs.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rig.clock import WAIT_S, Deadline
from rig.config import StandbyConfig
from rig.errors import BenchError, DeviceError, RigError
from rig.events import TimelineEvent as E
from rig.standby import launch
from rig.standby.news import News
from rig.standby.nic.settings import DriverSettings
from rig.standby.wire import bench, supervision
from rig.standby.wire.faults import error_of
from rig.standby.wire.hresult import HostError, ProcessGone
from rig.standby.wire.line import Line, Received, What, pair
from rig.standby.wire.message import Call, decoded_answer
from rig.standby.wire.to_app import Invoke
from rig.timeline import Record, Timeline

R = TypeVar("R")

CALL_TIMEOUT_S = 30.0
"""Longer than any device request with its retries takes."""
START_TIMEOUT_S = 15.0
"""Import of the service and the first exchange with the device, on a loaded two-core machine."""


class AppNotStarted(AssertionError):
    """The app under test could not be imported or made, or ended before it served calls."""


class SystemRestarted(BenchError):
    """The system died with the call under way. Whether it was done is not known; the next call goes to a new system."""

    def __init__(self, status: str) -> None:
        cause = f"the standby service ended ({status}) before it answered, and was started anew"
        super().__init__("RIG-R28", cause, "see the test's output.txt and timeline.jsonl for its last words")


class _Calls:
    """Calls over one line, one at a time; an answer that came too late for its call is passed over. `news`: of the host that the
    other end is a part of; `restarts`: the other end is the system, whose line outlives it."""

    def __init__(self, sock: socket.socket, incoming: Any, who: str, news: News | None = None, *, restarts: bool = False) -> None:
        self.line: Line[Any] = Line(sock, incoming)
        self._who = who
        self._news = news
        self._restarts = restarts
        self._deaths = 0
        self._lock = threading.Lock()
        self._number = 0

    def call(self, call: Call[R], fds: Sequence[int] = (), *, timeout_s: float) -> R:
        """Raises the fault's error, ProcessGone, SystemRestarted or TimeoutError; what has ended all of the host, at once."""
        with self._lock:
            self._number += 1
            deadline = Deadline(timeout_s)
            self.line.sock.settimeout(timeout_s)
            if self._news is not None and self._restarts:
                self._news.take()
                self._deaths = self._news.deaths  # before this call
                if self._news.over is not None:
                    raise self._why_gone()
            try:
                self.line.send_call(self._number, call, fds)
                received = self._answer(deadline)
            except (BrokenPipeError, ConnectionResetError):
                raise self._why_gone() from None
        if received.what is What.FAULT:
            raise error_of(received.body)
        return decoded_answer(call, received.body)

    def _answer(self, deadline: Deadline) -> Received[Any]:
        while True:
            self._wait(deadline)
            received = self.line.receive()
            if received is None:
                raise self._why_gone()
            received.descriptors.close()
            if isinstance(received.body, bench.Failed):
                raise error_of(received.body.fault)
            if received.number == self._number:
                return received

    def _why_gone(self) -> Exception:
        """A system that was started anew and could not go on has said why, maybe before anybody asked. A line that was closed
        with something unread in it says so once, and gives its messages afterwards."""
        self.line.sock.setblocking(False)
        ends = 0
        with contextlib.suppress(OSError):
            while ends < 2:
                received = self.line.receive()
                if received is None:
                    ends += 1
                elif isinstance(received.body, bench.Failed):
                    return error_of(received.body.fault)
        if self._news is not None:
            self._news.take()
            if self._news.over is not None:
                return self._news.over
        return ProcessGone(self._who)

    def _wait(self, deadline: Deadline) -> None:
        """Until something comes. An answer that the system has given before it died counts."""
        lines = [self.line]
        if self._news is not None and self._restarts:
            lines.append(self._news.line)
        while True:
            poll = select.poll()
            for line in lines:
                poll.register(line, select.POLLIN)
            ready = [fd for fd, _ in poll.poll(deadline.remaining_s * 1000)]
            if self.line.fileno() in ready:
                return
            if not ready:
                raise TimeoutError(f"{self._who} does not answer")
            assert self._news is not None
            self._news.take()
            if self._news.over is not None:
                raise self._why_gone()
            if self._news.deaths > self._deaths:
                raise SystemRestarted(self._news.status)

    def close(self) -> None:
        self.line.close()


class AppHandle:
    """A running app; calls its class's public methods in its own process."""

    def __init__(self, host: StandbyHost, name: str, instance: int, sock: socket.socket) -> None:
        self.host = host
        self.name = name
        self.instance = instance
        self._line = _Calls(sock, Invoke, f"app {name}", host.news)

    def call(self, method: str, *, timeout_s: float = 10.0, **arguments: Any) -> Any:
        """Call a method of the app. Raises HostError as the app saw it, TimeoutError when it is suspended or hangs."""
        return self._line.call(Invoke(method, arguments), timeout_s=timeout_s)

    def close(self) -> None:
        self._line.close()


class StandbyHost:
    """One connected-standby host. Context manager; `close` ends the service and every app."""

    def __init__(
        self,
        timeline: Timeline,
        standby: StandbyConfig,
        *,
        host_ns_fd: int,
        wire_ns_fd: int,
        port: str,
        port_fds: Sequence[int],
        baudrate: int,
        interface: str,
        device_port: str,
        bridge: str,
        mac: str,
        ipv4: str,
        minute_us: int,
        check_device: Callable[[], None],
    ) -> None:
        """`check_device` raises when the device has died by itself: no answer of the service's says that."""
        self.timeline = timeline
        self.apps: dict[int, AppHandle] = {}
        """By instance: two of one name are two."""
        self._check_device = check_device
        ours, theirs = pair()
        news, told = pair()
        self.news = News(news)
        timeline.excuse = self._excuse
        self._line = _Calls(ours, bench.ToBench, "the standby service", self.news, restarts=True)
        settings = DriverSettings(
            timeline_fd=timeline.fd,
            host_ns_fd=host_ns_fd,
            wire_ns_fd=wire_ns_fd,
            port=port,
            baudrate=baudrate,
            interface=interface,
            device_port=device_port,
            bridge=bridge,
            mac=mac,
            ipv4=ipv4,
            minute_us=minute_us,
            lease_min=standby.lease_min,
            probe_retry_min=standby.network_ka_retry_min,
            probes=standby.network_ka_probes,
            learn_next_hop=standby.learn_next_hop,
        )
        store = timeline.path.with_name("system.db")
        for file in (store, *timeline.path.parent.glob("system.db-*")):  # of a bench before in the same folder
            file.unlink(missing_ok=True)
        config = {
            "control_fd": theirs.fileno(),
            "timeline_fd": timeline.fd,
            "host_ns_fd": host_ns_fd,
            "store": str(store),
            "minute_us": minute_us,
            "standby": asdict(standby),
        }
        birth = supervision.HostBirth(
            theirs.fileno(),
            told.fileno(),
            timeline.fd,
            host_ns_fd,
            system=msgspec.msgpack.encode(config),
            driver=msgspec.msgpack.encode(settings),
        )
        fds = (theirs.fileno(), told.fileno(), timeline.fd, host_ns_fd, wire_ns_fd, *port_fds)
        with theirs, told:
            self._process = launch.fork(msgspec.msgpack.encode(birth), fds)

    def wait_ready(self) -> None:
        """The service has the device. Raises BenchError with the service's own words when it could not start."""
        self._line.line.sock.settimeout(START_TIMEOUT_S)
        try:
            received = self._line.line.receive()
        except TimeoutError:
            received = None
        if received is None:
            self.news.take()
            raise self.news.over or BenchError("RIG-R20", "the standby service did not start", "its output stands above")
        if isinstance(received.body, bench.Failed):
            raise error_of(received.body.fault)

    # -- apps ----------------------------------------------------------------------------------------------------------

    def start_app(self, name: str, entry: str = "rig.suite.chat_app:ChatApp", *, access: bool = True) -> AppHandle:
        """Start an app process; `entry` is "module:Class", importable from here. Returns when it serves calls.

        Raises AppNotStarted with what the app raised, or how its process ended, as soon as that is known.
        """
        after = self.timeline.mark()
        path = [p or str(Path.cwd()) for p in sys.path]
        ours, theirs = pair()
        try:
            with theirs:
                instance = self._call(bench.StartApp(name, entry, path, access), [theirs.fileno()])
            self._wait_started(name, instance, entry, after)
        except BaseException:
            ours.close()
            raise
        self.apps[instance] = AppHandle(self, name, instance, ours)
        return self.apps[instance]

    def _wait_started(self, name: str, instance: int, entry: str, after: int) -> None:
        """APP_FAILED is the app's own word, which knows no instance."""
        outcomes = (E.APP_READY, E.APP_FAILED, E.APP_TERMINATED)

        def is_outcome(record: Record) -> bool:
            mine = record.detail.get("app") == name and record.detail.get("instance", instance) == instance
            return mine and record.event in outcomes

        first = self.timeline.wait_until(is_outcome, f"APP_READY of {name}", timeout_s=START_TIMEOUT_S, after=after)
        if first.event != E.APP_READY:
            ended = self.timeline.wait(E.APP_TERMINATED, app=name, instance=instance, after=first.seq, timeout_s=START_TIMEOUT_S)
            why = first.error if first.event == E.APP_FAILED else f"its process ended, {ended.status}; its output stands above"
            raise AppNotStarted(f"app {name!r} ({entry}) did not start: {why}")

    def suspend(self, app: AppHandle) -> Record:
        """The user switches away; returns when the app is suspended."""
        after = self.timeline.mark()
        self._call(bench.Suspend(app.instance))
        return self.timeline.wait("APP_SUSPEND", app=app.name, instance=app.instance, after=after)

    # -- power ---------------------------------------------------------------------------------------------------------

    def enter_standby(self, timeout_s: float = WAIT_S) -> Record:
        """Screen off; returns when the host sleeps and the device speaks for it."""
        after = self.timeline.mark()
        self._call(bench.EnterStandby())
        return self.timeline.wait("SLEEP_ENTER", after=after, timeout_s=timeout_s)

    def exit_standby(self) -> None:
        """The user is back; returns when the host is active."""
        self._call(bench.ExitStandby())

    def shutdown(self) -> None:
        self._call(bench.Shutdown())

    def wait_for(self, event: str, *, timeout_s: float = WAIT_S, after: int = 0, count: int = 1, **detail: Any) -> Record:
        """Timeline.wait, for ten-line tests."""
        return self.timeline.wait(event, timeout_s=timeout_s, after=after, count=count, **detail)

    # -- the device, as a Requester ------------------------------------------------------------------------------------

    def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float = 0.5, retries: int = 4
    ) -> dict[str, Any]:
        """A request over the host's control channel (rig.device.link.Requester)."""
        self._check_device()
        try:
            return self._call(bench.DeviceRequest(op, group, int(command), dict(body), timeout_s, retries))
        except DeviceError:
            raise
        except (RigError, HostError):
            self._check_device()
            raise

    def link_stats(self) -> dict[str, int]:
        """Counters of the control channel since the service opened it."""
        return self._call(bench.LinkStats())

    @property
    def pid(self) -> int:
        """The system's process. It is another one after the system's death."""
        self.news.take()
        return self.news.pid

    @property
    def supervisor_pid(self) -> int:
        """With it all of the host ends."""
        return self._process.pid

    @property
    def driver_pid(self) -> int:
        """The process of the device's driver."""
        self.news.take()
        return self.news.driver_pid

    def kill(self) -> None:
        """All of the host ends at once, as a machine that loses its power."""
        self._process.kill()

    def _excuse(self) -> Exception | None:
        self.news.take()
        return self.news.over

    def close(self) -> None:
        self._process.close()
        for app in self.apps.values():
            app.close()
        self._line.close()
        self.news.close()

    def __enter__(self) -> StandbyHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        """Raises BenchError RIG-R27 for a system that hangs: that is no verdict on what is tested."""
        try:
            return self._line.call(call, fds, timeout_s=CALL_TIMEOUT_S)
        except TimeoutError as error:
            cause = f"the standby service has not answered {type(call).__name__} for {CALL_TIMEOUT_S:.0f} s"
            raise BenchError("RIG-R27", cause, "see the test's output.txt and timeline.jsonl for its last words") from error
