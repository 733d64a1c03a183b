"""The standby service: the "system" of the host under test. One process, one loop, everything in order on one thread.

    python -m rig.standby.system.service CONFIG_HEX

CONFIG_HEX is a CBOR map (see `ServiceConfig`). It enters the host's namespace, opens the control channel to the device,
and then serves the bench (start apps, enter and leave standby, talk to the device) and the apps (channels, tasks).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

import cbor2

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.device.link import Link
from rig.device.numbers import EventKind, SlotFlag, StateMachine, WakeReason
from rig.device.offload import OffloadClient
from rig.device.offload_types import Event
from rig.errors import BenchError, DeviceError, RigError
from rig.net.gate import Gate
from rig.process import die_with_parent, enter_network
from rig.standby.api.enums import BackgroundAccessStatus
from rig.standby.nic.driver import KeepAlive, Nic
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.protocol_offloads import Identity
from rig.standby.nic.standby import ConnectedStandby, Woken
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.system import apps
from rig.standby.system.apps import AppProcess
from rig.standby.system.channels import Channel, Channels, take_fd
from rig.standby.system.loop import Loop, Timer
from rig.standby.system.power import Power, PowerState
from rig.standby.system.requests import AppRequests
from rig.standby.system.slots import SlotPolicy
from rig.standby.system.tasks import Tasks
from rig.standby.wire import ipc
from rig.standby.wire.hresult import HostError, HResult
from rig.timeline import TimelineWriter

OWNER = 1
LEASE_WAKE_PERCENT = 90
"""The host wakes when so much of its lease is over: what is left bears a slow line and a failed entry."""


@dataclass(frozen=True)
class ServiceConfig:
    """What the bench hands over; descriptors are inherited."""

    parent_pid: int
    control_fd: int
    timeline_fd: int
    host_ns_fd: int
    wire_ns_fd: int
    port: str
    baudrate: int
    interface: str
    device_port: str
    bridge: str
    mac: str
    ipv4: str
    minute_us: int
    standby: dict[str, Any]

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.control_fd, self.timeline_fd, self.host_ns_fd, self.wire_ns_fd)


class Service:
    """Owns the parts and the rules between them."""

    def __init__(self, config: ServiceConfig) -> None:
        self.config = config
        self.rules = StandbyConfig(**config.standby)
        self.clock = Clock(config.minute_us)
        self.timeline = TimelineWriter(config.timeline_fd, "host")
        self.loop = Loop()
        self.apps: dict[str, AppProcess] = {}
        self.power = PowerState(self.timeline)
        self.tasks = Tasks(self.timeline)
        self._control = socket.socket(fileno=config.control_fd)
        self._open_device()
        self.channels = Channels(
            SlotPolicy(self.rules.limits()), self.nic, self.power, self.timeline, self.rules.network_ka_initial_min
        )
        self.channels.no_slot_fails_connect = self.rules.no_slot_fails_connect
        self._keep_alives: dict[tuple[str, str], Timer] = {}
        self._linger: Timer | None = None
        self._requests = AppRequests(self)
        self.loop.watch(self._control.fileno(), self._on_bench)
        signal.signal(signal.SIGTERM, lambda *_: self.loop.stop())

    def run(self) -> None:
        ipc.send(self._control, {"do": "ready"})
        try:
            self.loop.run()
        finally:
            for app in self.apps.values():
                app.kill()
            self.link.close()

    # -- the bench -----------------------------------------------------------------------------------------------------

    def _on_bench(self) -> None:
        received = ipc.receive(self._control)
        if received is None:
            self.loop.stop()
            return
        message, fds = received
        try:
            result = getattr(self, "bench_" + message["do"])(*fds, **message.get("arguments", {}))
            ipc.answer(self._control, message, result)
        except HostError as error:
            ipc.answer(self._control, message, error=error)
        except (RigError, OSError) as error:
            ipc.answer(self._control, message, error=HostError(HResult.FAIL, str(error)))

    def bench_start_app(self, test_fd: int, name: str, entry: str, path: list[str], access: bool) -> None:
        """Start an app; APP_READY follows on the timeline. Raises HostError for a name that runs already."""
        if name in self.apps:
            os.close(test_fd)
            raise HostError(HResult.INVALID_STATE, f"app {name!r} runs already")
        environment = {"PYTHONPATH": os.pathsep.join(path)}
        app = apps.start(name, entry, test_fd, self.timeline, environment)
        os.close(test_fd)
        app.granted = access
        self.apps[name] = app
        self.loop.watch(app.sock.fileno(), lambda: self._on_app(app))

    def bench_enter_standby(self) -> None:
        """Screen off. The host sleeps as soon as nothing runs; SLEEP_ENTER tells."""
        if not self.rules.aoac:
            raise HostError(HResult.INVALID_STATE, "the platform has no connected standby (aoac = false)")
        self.power.change(Power.ENTERING_STANDBY)
        self._sleep_if_idle()

    def bench_exit_standby(self) -> None:
        """The user is back."""
        self._stop_linger()
        self.power.change(Power.ACTIVE)
        if self.power.asleep:
            self.standby.wake("user")
        for app in self.apps.values():
            if app.foreground:
                self._resume(app, "foreground")
            else:
                self.watch_transports(app)
        for channel in self.channels.all():
            self._fire_held(channel)

    def bench_shutdown(self) -> None:
        """Neither slot kind fires afterwards and nothing stays armed on the device (CCT-029)."""
        if self.power.asleep:
            self.standby.wake("shutdown")
        self.power.change(Power.SHUTDOWN)
        for app in self.apps.values():
            app.kill()

    def bench_suspend(self, app: str) -> None:
        """The user switches away from the app: it is suspended when it has nothing to do."""
        self.apps[app].foreground = False
        self.suspend_if_idle(self.apps[app])

    def bench_request(self, op: int, group: int, command: int, body: dict[str, Any], timeout_s: float, retries: int) -> Any:
        """A request of the bench to the device, over the host's control channel."""
        try:
            return {"reply": self.link.request(op, group, command, body, timeout_s=timeout_s, retries=retries)}
        except DeviceError as error:
            return {"refused": {"group": error.group, "rc": error.rc, "name": error.name}}

    def bench_link_stats(self) -> dict[str, int]:
        return dict(vars(self.link.stats))

    # -- the device ----------------------------------------------------------------------------------------------------

    def _open_device(self) -> None:
        config = self.config
        gate = Gate(config.wire_ns_fd, config.mac, device_port=config.device_port, bridge=config.bridge)
        self.link = Link(config.port, baudrate=config.baudrate, timeline=self.timeline)
        client = OffloadClient(self.link)
        mac = bytes.fromhex(config.mac.replace(":", ""))
        self.identity = Identity(client, config.interface, mac, config.ipv4, self.timeline)
        keep_alive = KeepAlive(self.rules.network_ka_retry_min, self.rules.network_ka_probes)
        self.nic = Nic(client, self.clock, mac, keep_alive, OWNER)
        self.nic.learn_next_hop = self.rules.learn_next_hop
        self.nic.interface = socket.if_nametoindex(config.interface)
        self.nic.ts_recent_of = TsWatch(config.interface).ts_recent
        self.nic.flow_label_of = LabelWatch(config.interface).flow_label
        self.standby = ConnectedStandby(self.link, self.nic, gate, self.power, self.loop, self.timeline)
        self.standby.on_woken = self._on_woken
        self.standby.on_settled = self._on_settled
        self.standby.on_lease_expired = self._on_lease_expired
        self.standby.on_lost = self._on_connection_lost
        attached_boot = self._attach()
        if not gate.is_open:  # a host before us slept and never came back
            gate.open()
        self.link.start_events(
            lambda event: self.loop.post(lambda: self._on_device_event(Event.of(event))),
            lambda boot_id: self.loop.post(lambda: self._on_device_restart(boot_id)),
            attached_boot,
        )

    def _attach(self) -> int:
        """Make the device this host's: nothing of before is on it, intervals run on the bench's clock. Returns the boot_id."""
        attached = self.nic.client.attach(OWNER, self._lease_ms)
        self._attached_epoch = attached.epoch
        self.nic.client.set_clock_scale(self.config.minute_us)
        self.nic.labels = SlotFlag.FLOW_LABEL in (self.nic.client.capabilities().slot_flags or SlotFlag(0))
        self.identity.forget()
        self.identity.refresh()
        return attached.boot_id

    @property
    def _lease_ms(self) -> int:
        return self.rules.lease_min * 60_000

    def _on_device_restart(self, boot_id: int) -> None:
        """Its slots are lost (edge case 97). It is asked for the reason last, as it may be silent again: no host waits for it."""
        self.timeline.add("RESUME_REQUIRED", boot_id=boot_id)
        self._start_anew(WakeReason.FIRMWARE_STALLED)
        self.timeline.add("DEVICE_RESTARTED", boot_id=boot_id, reset_cause=self.nic.client.hello().reset_cause.name)

    def _on_lease_expired(self) -> None:
        """The device took us for dead and freed everything (edge case 98)."""
        self.timeline.add("RESUME_REQUIRED", lease_min=self.rules.lease_min)
        self._start_anew(WakeReason.LEASE_EXPIRED)

    def _start_anew(self, reason: WakeReason) -> None:
        """The host wakes, speaks for itself, and gives the device everything anew."""
        self.standby.device_lost(reason)
        self._attach()
        for channel in self.channels.all():
            self.channels.reserve_again(channel)
        for app in self.apps.values():
            self.watch_transports(app)
        self.touch()

    def _on_device_event(self, event: Event) -> None:
        if event.kind is EventKind.FAULT:  # it went on in the state before; nothing that a host could mend
            machine, (old, refused) = StateMachine(event.reason), divmod(event.subreason, 256)
            self.timeline.add("NIC_FAULT", machine=machine.name, state=old, refused=refused, slot=event.slot)
            return
        if event.reason == WakeReason.FIRMWARE_STALLED:  # its new boot number has said so before
            return
        if event.reason == WakeReason.LEASE_EXPIRED:
            if event.epoch >= self._attached_epoch:  # else noticed already, by a refused command
                self._on_lease_expired()
            return
        ref = event.slot_ref
        owner = next((c for c in self.channels.all() if ref and c.nic and (c.nic.slot, c.nic.gen) == (ref.slot, ref.gen)), None)
        self.standby.handle_event(event, owner)

    def _on_woken(self, woken: Woken) -> None:
        if woken.reason is WakeReason.NO_MORE_TOKENS and woken.channel is not None:
            self._on_no_more_tokens(woken.channel)
            return
        if woken.channel is not None:
            self._resume(woken.channel.app, "wake")
        if woken.reason is WakeReason.KA_TIMEOUT and woken.channel is not None:
            woken.channel.app.tell({"do": "transport_failed", "channel": woken.channel.channel_id})

    def _on_connection_lost(self, channel: Channel) -> None:
        """Nobody knows what the device sent on it last: the app ends it, and may connect again (CCT-039)."""
        self._resume(channel.app, "transport_failed")
        channel.app.tell({"do": "transport_failed", "channel": channel.channel_id})

    def _on_no_more_tokens(self, channel: Channel) -> None:
        """The device held what fits into it: the host gives it more at the next entry, or the app has to make some."""
        if channel.payload is not None and channel.payload.offered() is None:
            self._resume(channel.app, "keep_alive")
            self.tasks.fire(channel.app, "keepalive", channel.channel_id)

    def _on_settled(self) -> None:
        self.touch()

    # -- apps ----------------------------------------------------------------------------------------------------------

    def _on_app(self, app: AppProcess) -> None:
        received = ipc.receive(app.sock)
        if received is None:
            self._app_ended(app)
            return
        message, fds = received
        self.touch()
        try:
            reply = ipc.reply(message, self._requests.handle(app, message, take_fd(fds)))
        except HostError as error:
            reply = ipc.reply(message, error=error)
        if reply is not None:
            app.tell(reply)
        if app.suspended and app.busy:
            self._resume(app, "unfinished")  # it was stopped between taking data and telling of it

    def _app_ended(self, app: AppProcess) -> None:
        self.loop.unwatch(app.sock.fileno())
        self._unwatch_transports(app)
        for channel in self.channels.all():
            if channel.app is app:
                self.stop_keep_alive(channel)
        self.channels.close_app(app)
        self.tasks.forget_app(app)
        ended = app.end()
        app.sock.close()
        del self.apps[app.name]
        self.timeline.add("APP_TERMINATED", app=app.name, status=ended)

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
            self.standby.settle_now()
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
            self.standby.wake("keep_alive_timer")
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
        if not self.power.in_standby or self.power.asleep or self.standby.settling:
            return
        for app in self.apps.values():
            self.suspend_if_idle(app)
        if not self._all_quiet() or not self._enter():
            self.touch()

    def _enter(self) -> bool:
        try:
            self.channels.forget_dead()
            self.identity.refresh()
            return self.standby.enter(self.channels.all(), self._lease_ms * LEASE_WAKE_PERCENT // 100)
        except BenchError as error:
            self.timeline.add("SLEEP_FAILED", error=str(error))
            return False

    def _all_quiet(self) -> bool:
        """Every app is stopped, and none said anything before that is still unread: it may be a completed read."""
        return all(app.suspended and not app.busy and not ipc.pending(app.sock) for app in self.apps.values())


def main(arguments: list[str]) -> None:
    config = ServiceConfig(**cbor2.loads(bytes.fromhex(arguments[0])))
    die_with_parent(config.parent_pid)
    enter_network(config.host_ns_fd)
    control = socket.socket(fileno=os.dup(config.control_fd))
    try:
        service = Service(config)
    except (RigError, OSError) as error:
        code, cause, fix = (error.code, error.cause, error.fix) if isinstance(error, RigError) else ("RIG-X01", repr(error), "")
        ipc.send(control, {"do": "failed", "code": code, "cause": cause, "fix": fix})
        return
    control.close()
    service.run()


if __name__ == "__main__":
    main(sys.argv[1:])
