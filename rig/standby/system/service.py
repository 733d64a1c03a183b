"""The standby service: the "system" of the host under test. One process, one loop, everything in order on one thread.

The supervisor forks it (rig/standby/supervisor/), with a `ServiceConfig`, in the host's namespace. It opens the control channel
to the device, and then serves the bench (start apps, enter and leave standby, talk to the device) and the apps (channels, tasks).
"""

from __future__ import annotations

import asyncio
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.device.numbers import WakeReason
from rig.errors import BenchError
from rig.process import name_process
from rig.standby.system.apps import AppProcess
from rig.standby.system.blocking_driver import BlockingDriver
from rig.standby.system.channels import Channel, Channels
from rig.standby.system.child import Supervisor
from rig.standby.system.driver import DriverNotice
from rig.standby.system.loop import Loop, Timer
from rig.standby.system.power import Power, PowerState
from rig.standby.system.requests import AppRequests
from rig.standby.system.slots import SlotPolicy
from rig.standby.system.tasks import Tasks
from rig.standby.wire import bench, nic
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import fault_of
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.inbox import FromTheFirst, Inbox, no_note
from rig.standby.wire.line import Line, pair
from rig.standby.wire.peer import Peer
from rig.standby.wire.statuses import BackgroundAccessStatus
from rig.standby.wire.supervision import Inheritance, RunningApp
from rig.standby.wire.to_app import TransportFailed
from rig.timeline import TimelineWriter


@dataclass(frozen=True)
class ServiceConfig:
    """What the bench hands over; descriptors come with it."""

    control_fd: int
    timeline_fd: int
    host_ns_fd: int
    minute_us: int
    standby: dict[str, Any]

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.control_fd, self.timeline_fd, self.host_ns_fd)


class Service:
    """Owns the parts and the rules between them."""

    def __init__(self, config: ServiceConfig, given: Inheritance) -> None:
        self.config = config
        self.rules = StandbyConfig(**config.standby)
        self.clock = Clock(config.minute_us)
        self.timeline = TimelineWriter(config.timeline_fd, "host")
        self.loop = Loop()
        self.apps: dict[str, AppProcess] = {}
        self.power = PowerState(self.timeline)
        self.tasks = Tasks(self.timeline)
        line: Line[nic.FromDriver] = Line(socket.socket(fileno=given.driver_fd), nic.FromDriver)
        self.driver = BlockingDriver(line, self.loop.post, given.incarnation)
        self.driver.hear = self._hear
        self.driver.take_over()
        self.loop.watch(self.driver.line.fileno(), self.driver.readable)
        self.channels = Channels(
            SlotPolicy(self.rules.limits()), self.driver, self.power, self.timeline, self.rules.network_ka_initial_min
        )
        self.channels.no_slot_fails_connect = self.rules.no_slot_fails_connect
        self._keep_alives: dict[tuple[str, str], Timer] = {}
        self._linger: Timer | None = None
        self._requests = AppRequests(self)
        self._ending: set[asyncio.Task[None]] = set()
        self._bench_calls: dict[type[Any], Callable[..., Any]] = {
            bench.StartApp: self._start_app,
            bench.EnterStandby: self._enter_standby,
            bench.ExitStandby: self._exit_standby,
            bench.Shutdown: self._shutdown,
            bench.Suspend: self._suspend,
            bench.DeviceRequest: self._device_request,
            bench.LinkStats: self._link_stats,
        }

    async def run(self, control: Line[bench.FromBench], given: Inheritance) -> None:
        """Serve until the bench hangs up."""
        asyncio.get_running_loop().set_exception_handler(self._on_loop_exception)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.loop.stop)
        peer = Peer(control, self._on_bench, on_gone=lambda _why: self.loop.stop(), on_fault=self._on_fault)
        self.supervisor = Supervisor(given, on_gone=lambda _why: self.loop.stop(), on_fault=self._on_fault)
        for running in given.apps:
            self._adopt(running)
        peer.notify(bench.Ready())
        self.supervisor.serving()
        try:
            await self.loop.stopped()
        finally:
            self.driver.line.close()

    def _on_fault(self, where: str, error: BaseException) -> None:
        """An exception that nobody foresaw: written down, answered INTERNAL by the line, and everything else goes on."""
        traceback.print_exception(error)
        self.timeline.add("SERVICE_FAULT", where=where, error=f"{type(error).__name__}: {error}")

    def _on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        self._on_fault(str(context.get("handle") or context.get("task") or "loop"), error)

    # -- the bench -----------------------------------------------------------------------------------------------------

    def _on_bench(self, call: bench.FromBench, descriptors: Descriptors) -> Any:
        return self._bench_calls[type(call)](call, descriptors)

    async def _start_app(self, call: bench.StartApp, descriptors: Descriptors) -> None:
        """Start an app; APP_READY follows on the timeline. Raises HostError for a name that runs already."""
        if call.name in self.apps:
            raise HostError(HResult.INVALID_STATE, f"app {call.name!r} runs already")
        test = descriptors.take_socket()
        if test is None:
            raise HostError(HResult.INVALID_ARG, "the test's line is missing")
        ours, theirs = pair()
        app = AppProcess(call.name, self.supervisor.child(), self.timeline, granted=call.access)
        peer = self._serve_app(app, ours, Inbox(no_note))
        with test, theirs:
            fds = theirs.fileno(), test.fileno(), ours.fileno()
            try:
                await self.supervisor.start(app.child, call.name, call.entry, call.path, bytes([call.access]), fds)
            except BaseException:
                del self.apps[app.name]
                peer.close()
                raise

    def _serve_app(self, app: AppProcess, sock: socket.socket, inbox: Inbox) -> Peer[FromApp]:
        self.apps[app.name] = app
        peer = app.peer = Peer(
            Line(sock, FromApp),
            lambda message, descriptors: self._on_app(app, message, descriptors),
            on_gone=lambda _why: self._app_hung_up(app),
            on_fault=self._on_fault,
            inbox=inbox,
        )
        return peer

    def _adopt(self, running: RunningApp) -> None:
        """An app that has outlived the system before. What it had under way there is not known here."""
        child = self.supervisor.adopt(running)
        app = AppProcess(running.name, child, self.timeline, granted=bool(running.note[0]), suspended=True)
        self._serve_app(app, socket.socket(fileno=running.line_fd), FromTheFirst(no_note)).resume()
        self._resume(app, "system_restarted")

    def _enter_standby(self, call: bench.EnterStandby, descriptors: Descriptors) -> None:
        """Screen off. The host sleeps as soon as nothing runs; SLEEP_ENTER tells."""
        if not self.rules.aoac:
            raise HostError(HResult.INVALID_STATE, "the platform has no connected standby (aoac = false)")
        self.power.change(Power.ENTERING_STANDBY)
        self._sleep_if_idle()

    def _exit_standby(self, call: bench.ExitStandby, descriptors: Descriptors) -> None:
        """The user is back."""
        self._stop_linger()
        self.power.change(Power.ACTIVE)
        if self.power.asleep:
            self._wake("user")
        for app in self.apps.values():
            if app.foreground:
                self._resume(app, "foreground")
            else:
                self.watch_transports(app)
        for channel in self.channels.all():
            self._fire_held(channel)

    def _shutdown(self, call: bench.Shutdown, descriptors: Descriptors) -> None:
        """Neither slot kind fires afterwards and nothing stays armed on the device (CCT-029)."""
        if self.power.asleep:
            self._wake("shutdown")
        self.power.change(Power.SHUTDOWN)
        for app in self.apps.values():
            app.kill()

    def _suspend(self, call: bench.Suspend, descriptors: Descriptors) -> None:
        """The user switches away from the app: it is suspended when it has nothing to do."""
        app = self.apps.get(call.app)
        if app is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"no app {call.app!r} runs")
        app.foreground = False
        self.suspend_if_idle(app)

    async def _device_request(self, call: bench.DeviceRequest, descriptors: Descriptors) -> dict[str, Any]:
        """A request of the bench to the device, over the host's control channel."""
        request = nic.DeviceRequest(call.op, call.group, call.command, call.body, call.timeout_s, call.retries)
        return await self.driver.request(request)

    def _link_stats(self, call: bench.LinkStats, descriptors: Descriptors) -> dict[str, int]:
        return self.driver.call(nic.LinkStats())

    # -- the device ----------------------------------------------------------------------------------------------------

    def _hear(self, notice: DriverNotice) -> None:
        match notice:
            case nic.Woke(reason, key, resumed):
                self._woke(reason, self.channels.by_key(key), resumed)
            case nic.Lost(key):
                self._on_connection_lost(self.channels.by_key(key))
            case nic.NoMoreTokens(key):
                self._on_no_more_tokens(self.channels.by_key(key))
            case _:
                self.touch()

    def _woke(self, reason: str, channel: Channel | None, resumed: tuple[int, ...]) -> None:
        self.power.wake_up()
        for app in self.apps.values():
            if set(app.child.pids) & set(resumed):
                self._unwatch_transports(app)
                app.was_resumed()
            self.watch_transports(app)
        if channel is not None and reason == WakeReason.KA_TIMEOUT.name:
            channel.app.tell(TransportFailed(channel.channel_id))
        self.touch()

    def _on_connection_lost(self, channel: Channel | None) -> None:
        """Nobody knows what the device sent on it last: the app ends it, and may connect again (CCT-039)."""
        if channel is not None:
            self._resume(channel.app, "transport_failed")
            channel.app.tell(TransportFailed(channel.channel_id))

    def _on_no_more_tokens(self, channel: Channel | None) -> None:
        """The app has to make some."""
        if channel is not None:
            self._resume(channel.app, "keep_alive")
            self.tasks.fire(channel.app, "keepalive", channel.channel_id)

    # -- apps ----------------------------------------------------------------------------------------------------------

    def _on_app(self, app: AppProcess, message: FromApp, descriptors: Descriptors) -> Any:
        self.touch()
        try:
            return self._requests.handle(app, message, descriptors)
        finally:
            if app.suspended and app.busy:
                self._resume(app, "unfinished")  # it was stopped between taking data and telling of it

    def _app_hung_up(self, app: AppProcess) -> None:
        self._unwatch_transports(app)
        for channel in self.channels.all():
            if channel.app is app:
                self.stop_keep_alive(channel)
        self.channels.close_app(app)
        self.tasks.forget_app(app)
        task = asyncio.get_running_loop().create_task(self._app_ended(app))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _app_ended(self, app: AppProcess) -> None:
        status = await app.child.end()
        del self.apps[app.name]
        self.timeline.add("APP_TERMINATED", app=app.name, status=status)

    def request_access(self, app: AppProcess) -> int:
        app.access = app.granted
        status = BackgroundAccessStatus.ALWAYS_ALLOWED if app.granted else BackgroundAccessStatus.DENIED_BY_USER
        return int(status)

    def suspend_if_idle(self, app: AppProcess) -> None:
        """An app in the background, or any app in standby, is suspended as soon as it has nothing to do."""
        if not app.busy and (not app.foreground or self.power.in_standby):
            app.suspend()
            self.watch_transports(app)

    def _resume(self, app: AppProcess, cause: str) -> None:
        self._unwatch_transports(app)
        app.resume(cause)

    def watch_transports(self, app: AppProcess) -> None:
        """Data for a suspended app resumes it (CCT-030); in standby only a hardware channel's does (CCT-028)."""
        for channel in self.channels.all():
            if channel.app is app and channel.sock is not None and app.suspended and self._may_fire(channel) and not channel.over:
                self.loop.unwatch(channel.sock.fileno())
                self.loop.watch(channel.sock.fileno(), lambda: self._resume(app, "data"))

    def _unwatch_transports(self, app: AppProcess) -> None:
        for channel in self.channels.all():
            if channel.app is app and channel.sock is not None:
                self.loop.unwatch(channel.sock.fileno())

    def _may_fire(self, channel: Channel) -> bool:
        return channel.push_enabled and (channel.hardware or not self.power.in_standby)

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def push(self, channel: Channel) -> None:
        """The app's read completion has returned: now the push task may start."""
        if not channel.push_enabled:
            self.timeline.add("USAGE_FAULT", app=channel.app.name, channel=channel.channel_id, what="no wait for push")
        elif self._may_fire(channel):
            self._resume(channel.app, "task")
            self.tasks.fire(channel.app, "push", channel.channel_id)
        else:
            channel.held_pushes += 1

    def _fire_held(self, channel: Channel) -> None:
        """A software channel whose app was awake in standby for another reason: its task had to wait (CCT-028)."""
        for _ in range(channel.held_pushes):
            self._resume(channel.app, "held_push")
            self.tasks.fire(channel.app, "push", channel.channel_id)
        channel.held_pushes = 0

    def start_keep_alive(self, channel: Channel) -> None:
        """Run the keep-alive task every server interval from now on (CCT-033)."""
        self.stop_keep_alive(channel)
        key = channel.app.name, channel.channel_id
        interval_s = self.clock.minutes_s(channel.minutes)
        self._keep_alives[key] = self.loop.call_later(interval_s, lambda: self._keep_alive_due(channel))

    def stop_keep_alive(self, channel: Channel) -> None:
        timer = self._keep_alives.pop((channel.app.name, channel.channel_id), None)
        if timer is not None:
            timer.cancel()

    def _keep_alive_due(self, channel: Channel) -> None:
        self.start_keep_alive(channel)
        if not self._may_fire(channel):
            return
        if self.power.asleep:
            self._wake("keep_alive_timer")
        self._resume(channel.app, "keep_alive")
        self.tasks.fire(channel.app, "keepalive", channel.channel_id)

    # -- sleep ---------------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Something happened: in standby the host sleeps again when nothing more does for `linger_ms`."""
        self._stop_linger()
        if self.power.in_standby and not self.power.asleep:
            self._linger = self.loop.call_later(self.rules.linger_ms / 1000, self._sleep_if_idle)

    def _stop_linger(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None

    def _sleep_if_idle(self) -> None:
        if not self.power.in_standby or self.power.asleep or self.driver.settling:
            return
        for app in self.apps.values():
            self.suspend_if_idle(app)
        if not self._all_quiet() or not self._enter():
            self.touch()

    def _enter(self) -> bool:
        """While the host sleeps nobody looks at transports: what the driver puts into them it tells of first."""
        for app in self.apps.values():
            self._unwatch_transports(app)
        if self._fell_asleep():
            return True
        for app in self.apps.values():
            self.watch_transports(app)
        return False

    def _fell_asleep(self) -> bool:
        try:
            self.channels.forget_dead()
            live = [c for c in self.channels.all() if c.key is not None and c.push_enabled and not c.over]
            for channel in live:
                self.channels.update(channel)
            outcome = self.driver.call(nic.Enter([channel.key or "" for channel in live], 0))
        except BenchError as error:
            self.timeline.add("SLEEP_FAILED", error=str(error))
            return False
        if isinstance(outcome, nic.NotIdle):
            return False
        self.power.fall_asleep()
        return True

    def _wake(self, cause: str) -> None:
        self.driver.call(nic.Wake(cause))
        self.power.wake_up()
        for app in self.apps.values():
            self.watch_transports(app)

    def _all_quiet(self) -> bool:
        """Every app is stopped, and none said anything before that is still unread: it may be a completed read."""
        return all(app.suspended and not app.busy and not app.has_unread for app in self.apps.values())


def main(wire: bytes, given: Inheritance) -> None:
    name_process("system")
    asyncio.run(_serve(msgspec.msgpack.decode(wire, type=ServiceConfig), given))


async def _serve(config: ServiceConfig, given: Inheritance) -> None:
    control: Line[bench.FromBench] = Line(socket.socket(fileno=config.control_fd), bench.FromBench)
    try:
        service = Service(config, given)
    except Exception as error:
        control.send_notice(bench.Failed(fault_of(error, "the start of the standby service")))
        return
    await service.run(control, given)
