"""The bench's handle on the standby host: starts its processes, starts apps, drives power, talks to the device.

The service holds the control channel to the device; `StandbyHost` is a `Requester`, so every typed device command works
through it while the host runs.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from rig.clock import WAIT_S
from rig.config import StandbyConfig
from rig.device import tape
from rig.errors import BenchError, DeviceError, RigError
from rig.events import TimelineEvent as E
from rig.manifest.manifest import Manifest
from rig.standby import launch
from rig.standby.app_handle import AppHandle
from rig.standby.calls import Calls
from rig.standby.levers import Levers
from rig.standby.news import News
from rig.standby.nic.settings import DriverSettings
from rig.standby.packages import START_TIMEOUT_S, Packages
from rig.standby.transfers.settings import TransferSettings, answers_of
from rig.standby.wire import bench, supervision
from rig.standby.wire.app_data import data_of_apps
from rig.standby.wire.faults import error_of
from rig.standby.wire.hresult import HostError
from rig.standby.wire.line import pair
from rig.standby.wire.message import Call
from rig.timeline import Record, Timeline

R = TypeVar("R")

CALL_TIMEOUT_S = 30.0
"""Longer than any device request with its retries takes."""

STORES = "system.db", "transfers.db"
"""Of the system, and of the process of background transfers: beside the timeline."""

WAITS_FOR_TASKS = bench.EndApp, bench.UpdatePackage, bench.UninstallPackage
"""Answered when the tasks that it cancels have ended, at the end of their grace at the latest, and an app has done what it does
before it is stopped."""


class PushServiceAddress(Protocol):
    """Where a push service has its lines to hosts."""

    @property
    def address(self) -> str: ...

    @property
    def line_port(self) -> int: ...


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
        trusted: Path,
        check_device: Callable[[], None],
        set_link: Callable[[bool], None],
        power_cut: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`trusted`: the file of the authorities that apps trust; it may come later. `check_device` raises when the device has
        died by itself: no answer of the service's says that. `set_link`: the cable of host and device in or out. `power_cut`:
        while it lasts the host's processes end, and nobody hears of it."""
        self.timeline = timeline
        self._check_device = check_device
        self._power_cut = power_cut
        self._starts = 0
        self.levers = Levers(self._call, timeline, set_link)
        self._settings = DriverSettings(
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
            tape=str(timeline.path.with_name(tape.FILE).resolve()),
        )
        timeline.path.with_name(tape.FILE).unlink(missing_ok=True)  # of a bench before
        self._store, self._transfers = (timeline.path.with_name(name) for name in STORES)
        for file in (file for name in STORES for file in timeline.path.parent.glob(f"{name}*")):  # of a bench before
            file.unlink(missing_ok=True)
        for folder in (data_of_apps(timeline.path), answers_of(self._transfers)):
            shutil.rmtree(folder, ignore_errors=True)
        self._trusted = trusted.resolve()
        self._rules = asdict(standby)
        self._grace_s = standby.cancel_grace_s + standby.suspend_deadline_s
        self._port_fds = port_fds
        news, told = pair()
        self.news = News(news)
        self._start(told)
        timeline.excuse = self._excuse
        self.packages = Packages(self._call, timeline, self.news)

    def _start(self, told: socket.socket) -> None:
        """Switch the machine on: a supervisor, with lines to it and to its system. `told`: its end of the news."""
        self._starts += 1
        ours, theirs = pair()
        self._line = Calls(ours, bench.ToBench, "the standby service", self.news, restarts=True)
        settings = self._settings
        config = {
            "control_fd": theirs.fileno(),
            "timeline_fd": settings.timeline_fd,
            "host_ns_fd": settings.host_ns_fd,
            "store": str(self._store),
            "transfers": str(self._transfers),
            "machine_start": self._starts,
            "minute_us": settings.minute_us,
            "interface": settings.interface,
            "standby": self._rules,
        }
        transfers = TransferSettings(
            timeline_fd=settings.timeline_fd,
            store=str(self._transfers),
            minute_us=settings.minute_us,
            trusted=str(self._trusted),
            proxy=self._rules["transfer_proxy"],
        )
        birth = supervision.HostBirth(
            theirs.fileno(),
            told.fileno(),
            settings.timeline_fd,
            settings.host_ns_fd,
            system=msgspec.msgpack.encode(config),
            driver=msgspec.msgpack.encode(settings),
            transfers=msgspec.msgpack.encode(transfers),
            data=str(data_of_apps(self.timeline.path)),
            trusted=str(self._trusted),
        )
        ns_fds = settings.host_ns_fd, settings.wire_ns_fd
        fds = (theirs.fileno(), told.fileno(), settings.timeline_fd, *ns_fds, *self._port_fds)
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

    def start_app(self, name: str, entry: str, *, access: bool = True) -> AppHandle:
        """Start an app process; `entry` is "module:Class", importable from here. Returns when it serves calls.

        Raises AppNotStarted with what the app raised, or how its process ended, as soon as that is known.
        """
        return self.packages.start(name, entry, access=access)

    def install(self, manifest: Manifest | Path | str, *, name: str = "", entry: str = "") -> Manifest:
        """Install an app from a manifest or its file (rig help manifest); `name` and `entry` ("module:Class" of its process) win
        over what it says. Returns what was installed. Raises UsageError for a wrong manifest, or an app that is there already."""
        return self.packages.install(manifest, name=name, entry=entry)

    def launch(self, name: str) -> AppHandle:
        """The user starts an installed app, or switches back to it. Raises UsageError; AppNotStarted as `start_app` does."""
        return self.packages.launch(name)

    def update(self, name: str, manifest: Manifest | Path | str, *, entry: str = "") -> Manifest:
        """Install a higher version: processes of the one before are ended, registrations stay, and their triggers do nothing
        until the app has removed its access and asked for it again (BGT-002). Raises UsageError."""
        return self.packages.update(name, manifest, entry=entry)

    def uninstall(self, name: str) -> None:
        """Processes are ended, registrations forgotten. Raises UsageError."""
        self.packages.uninstall(name)

    def suspend(self, app: AppHandle) -> Record:
        """The user switches away; returns when the app is suspended."""
        return app.suspend()

    # -- power ---------------------------------------------------------------------------------------------------------

    def enter_standby(self, timeout_s: float = WAIT_S) -> Record:
        """Screen off; returns when the host sleeps and the device speaks for it: at once for one that has gone back to sleep by
        itself, as it does a moment after what has woken it in standby is over."""
        after = self._asleep_since()
        self._call(bench.EnterStandby())
        return self.timeline.wait("SLEEP_ENTER", after=after, timeout_s=timeout_s)

    def _asleep_since(self) -> int:
        """The record of it; the mark of what comes, while it is awake."""
        records = self.timeline.records()
        edges = (E.SLEEP_ENTER, E.NIC_WAKE, E.SLEEP_EXIT, E.MACHINE_RESTART)
        last = next((record for record in reversed(records) if record.event in edges), None)
        return last.seq if last is not None and last.event == E.SLEEP_ENTER else len(records)

    def begin_standby(self) -> None:
        """Screen off; returns at once. The host sleeps as soon as nobody holds it."""
        self._call(bench.EnterStandby())

    def exit_standby(self) -> None:
        """The user is back; returns when the host is active."""
        self._call(bench.ExitStandby())

    def shutdown(self) -> None:
        self._call(bench.Shutdown())

    def wait_for(self, event: str, *, timeout_s: float = WAIT_S, after: int = 0, count: int = 1, **detail: Any) -> Record:
        """Timeline.wait, for ten-line tests."""
        return self.timeline.wait(event, timeout_s=timeout_s, after=after, count=count, **detail)

    # -- push ----------------------------------------------------------------------------------------------------------

    def use_push_service(self, service: PushServiceAddress | None) -> None:
        """Keep a line to that push service (`bench.peers.push_service`) from now on, awake and asleep; returns when it is there.
        None: to none any more."""
        after = self.timeline.mark()
        where = (service.address, service.line_port) if service is not None else ("", 0)
        if not self._call(bench.UsePushService(*where)) and service is not None:
            self.timeline.wait("PUSH_CONNECTED", after=after)

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
        return self.news.known_pid()

    @property
    def supervisor_pid(self) -> int:
        """With it all of the host ends."""
        return self._process.pid

    @property
    def driver_pid(self) -> int:
        """The process of the device's driver."""
        return self.news.known_pid(supervision.DRIVER)

    @property
    def transfers_pid(self) -> int:
        """The process of background transfers; 0 while nobody has needed one."""
        self.news.take()
        return self.news.companion_pids.get(supervision.TRANSFERS, 0)

    def kill(self) -> None:
        """All of the host ends at once, as a machine that loses its power."""
        self._process.kill()

    def restart(self) -> None:
        """The machine loses its power and starts again: returns when its new system has the device. What the user has installed,
        allowed and turned lasts, and so do registrations; processes, channels and slots are gone. Apps are started again by
        the test."""
        self.timeline.add(E.MACHINE_RESTART)
        with self._power_cut():
            self._process.close()
            self._line.close()
        self.packages.lost_power()
        news, told = pair()
        self.news.listen(news)
        self._start(told)
        self.wait_ready()

    def _excuse(self) -> Exception | None:
        self.news.take()
        return self.news.over

    def close(self) -> None:
        self._process.close()
        self.packages.close()
        self._line.close()
        self.news.close()

    def __enter__(self) -> StandbyHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        """Raises BenchError RIG-R27 for a system that hangs: that is no verdict on what is tested."""
        timeout_s = CALL_TIMEOUT_S + (self._grace_s if isinstance(call, WAITS_FOR_TASKS) else 0)
        try:
            return self._line.call(call, fds, timeout_s=timeout_s)
        except TimeoutError as error:
            cause = f"the standby service has not answered {type(call).__name__} for {timeout_s:.0f} s"
            raise BenchError("RIG-R27", cause, "see the test's output.txt and timeline.jsonl for its last words") from error
