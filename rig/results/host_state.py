"""What a host is at, from the records of its timeline: apps, channels, sockets, slots, tasks, what holds it awake, power.

    state = HostState()
    for record in Tail(path).lines():
        state.take(record)

Nothing is asked of the host: the same is true of a bench that goes on, of one that was killed, and of one from yesterday. What a
record does not say is left as it was; a record that belongs to none of these changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rig.events import TimelineEvent as E
from rig.results.host_entries import App, Channel, Hold, Run, Socket, Task
from rig.results.records import Record, number_of
from rig.results.transfers_state import TransfersState

ENDED_TASKS = 20
"""Runs that are over and still shown."""


@dataclass
class HostState:
    """`take` each record in order."""

    now_ns: int = 0
    """Time of the newest record."""
    screen: str = "active"
    asleep: bool = False
    slept_before_ns: int = 0
    """In the sleeps that are over."""
    apps: dict[int, App] = field(default_factory=dict)
    channels: dict[tuple[str, str], Channel] = field(default_factory=dict)
    sockets: dict[tuple[str, str], Socket] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    held_ms: dict[str, float] = field(default_factory=dict)
    """In standby, by holder: what was held and is not any more."""
    levers: dict[str, Any] = field(default_factory=dict)
    """What a test has turned, and how it stands."""
    wakes: Counter[str] = field(default_factory=Counter)
    """By reason."""
    system_restarts: int = 0
    push_line: str | None = None
    """Of the push service: its address and port while the host has its line to it."""
    notifications: Counter[str] = field(default_factory=Counter)
    """Raw ones: received, dropped."""
    transfers: TransfersState = field(default_factory=TransfersState)
    """In the background; `rig transfers` has more of them."""
    _asleep_since_ns: int = 0

    @property
    def slept_ns(self) -> int:
        """Altogether, up to the newest record."""
        return self.slept_before_ns + (self.now_ns - self._asleep_since_ns if self.asleep else 0)

    def take(self, record: Record) -> None:
        self._at(int(number_of(record.get("t"))))
        handler = _HANDLERS.get(str(record.get("ev")))
        if handler is not None:
            handler(self, record)
        self.transfers.take(record)

    def _at(self, t_ns: int) -> None:
        """Records of frames are written late, with the time they had: the clock goes on only."""
        self.now_ns = max(self.now_ns, t_ns)

    # -- power ---------------------------------------------------------------------------------------------------------

    def power(self, record: Record) -> None:
        self.screen = str(record.get("state"))
        if self.screen not in ("entering_standby", "connected_standby"):
            self.holds.clear()

    def fell_asleep(self, record: Record) -> None:
        if not self.asleep:
            self.asleep, self._asleep_since_ns = True, self.now_ns
        self.holds.clear()

    def woke(self, record: Record) -> None:
        if self.asleep:
            self.slept_before_ns += self.now_ns - self._asleep_since_ns
        self.asleep = False

    def nic_wake(self, record: Record) -> None:
        self.wakes[str(record.get("reason"))] += 1

    def refused(self, record: Record) -> None:
        holder, reason = str(record.get("holder")), str(record.get("reason"))
        held_ns = int(number_of(record.get("held_ms")) * 1_000_000)
        self.holds[holder, reason] = Hold(holder, reason, self.now_ns - held_ns)

    def held(self, record: Record) -> None:
        holder = str(record.get("holder"))
        self.holds.pop((holder, str(record.get("reason"))), None)
        self.held_ms[holder] = self.held_ms.get(holder, 0.0) + number_of(record.get("held_ms"))

    def lever(self, record: Record) -> None:
        self.levers.update({key: value for key, value in record.items() if key not in ("t", "src", "ev")})

    def system_started(self, record: Record) -> None:
        self.system_restarts = max(0, int(number_of(record.get("incarnation"))) - 1)

    def machine_restarted(self, record: Record) -> None:
        self.apps.clear()
        self.channels.clear()
        self.sockets.clear()
        self.holds.clear()
        self.asleep = False
        for run in self.runs.values():
            run.ended = True

    # -- apps ----------------------------------------------------------------------------------------------------------

    def app_ready(self, record: Record) -> None:
        app = self._app(record)
        app.pid, app.state, app.since_ns = record.get("pid"), "running", self.now_ns

    def app_suspended(self, record: Record) -> None:
        self._turn_app(record, "suspended")

    def app_resumed(self, record: Record) -> None:
        self._turn_app(record, "running")

    def app_ended(self, record: Record) -> None:
        self._turn_app(record, f"ended, {record.get('status')}")
        name = str(record.get("app"))
        if not any(app.name == name and not app.state.startswith("ended") for app in self.apps.values()):
            self.channels = {key: channel for key, channel in self.channels.items() if key[0] != name}

        self.process_ended(record)

    def process_ended(self, record: Record) -> None:
        """What it has taken is gone with it."""
        gone = f"process {record.get('instance')}"
        self.sockets = {key: socket for key, socket in self.sockets.items() if socket.holder != gone}

    def _turn_app(self, record: Record, state: str) -> None:
        app = self._app(record)
        app.state, app.since_ns = state, self.now_ns

    def _app(self, record: Record) -> App:
        """By instance; a record without one means the newest of its name."""
        name = str(record.get("app"))
        instance = record.get("instance")
        if not isinstance(instance, int):
            instance = max((app.instance for app in self.apps.values() if app.name == name), default=0)
        return self.apps.setdefault(instance, App(name, instance, since_ns=self.now_ns))

    # -- channels ------------------------------------------------------------------------------------------------------

    def channel_made(self, record: Record) -> None:
        self._channel(record).minutes = record.get("minutes")

    def connect_begins(self, record: Record) -> None:
        self._channel(record).transport = "connecting"

    def connect_ended(self, record: Record) -> None:
        error = record.get("error")
        self._channel(record).transport = f"failed: {error}" if error else "connected"

    def slot_granted(self, record: Record) -> None:
        channel = self._channel(record)
        channel.slot, channel.status = record.get("kind"), record.get("status")

    def slot_denied(self, record: Record) -> None:
        channel = self._channel(record)
        channel.slot, channel.status = None, str(record.get("status") or record.get("reason"))

    def slot_freed(self, record: Record) -> None:
        """Also of a channel that the system takes away."""
        channel = self._channel(record)
        channel.slot = channel.status = None

    def slot_on_device(self, record: Record) -> None:
        if "channel" in record:
            self._channel(record).device_slot = record.get("slot")
        elif "socket" in record:
            socket = self._socket(record)
            socket.slot, socket.pattern_id = record.get("slot"), record.get("pattern_id")

    def slot_off_device(self, record: Record) -> None:
        if "channel" in record:
            self._channel(record).device_slot = None
        elif (socket := self.sockets.get(self._socket_key(record))) is not None:
            here = socket.slot if socket.pattern_id is None else socket.pattern_id
            if here in (record.get("slot"), record.get("pattern_id")):
                socket.slot = socket.pattern_id = None
            if socket.kind is None:  # the broker would not have it after all
                self.socket_dropped(record)

    def channel_closed(self, record: Record) -> None:
        self.channels.pop((str(record.get("app")), str(record.get("channel"))), None)

    def _channel(self, record: Record) -> Channel:
        app, channel = str(record.get("app")), str(record.get("channel"))
        return self.channels.setdefault((app, channel), Channel(app, channel))

    # -- sockets -------------------------------------------------------------------------------------------------------

    def socket_to_broker(self, record: Record) -> None:
        """Its slot is reserved before it is the broker's."""
        socket = self._socket(record)
        socket.kind, socket.action, socket.holder = record.get("kind"), record.get("action"), "broker"

    def socket_to_app(self, record: Record) -> None:
        self._socket(record).holder = f"process {record.get('instance')}"

    def socket_active(self, record: Record) -> None:
        self._socket(record).last = str(record.get("reason"))

    def socket_waits(self, record: Record) -> None:
        self._socket(record).last = f"waits: {record.get('reason')}"

    def socket_dropped(self, record: Record) -> None:
        self.sockets.pop(self._socket_key(record), None)

    def _socket(self, record: Record) -> Socket:
        """What has changed last stands last."""
        key = self._socket_key(record)
        self.sockets[key] = self.sockets.pop(key) if key in self.sockets else Socket(*key)
        return self.sockets[key]

    def _socket_key(self, record: Record) -> tuple[str, str]:
        return str(record.get("app")), str(record.get("socket"))

    # -- push ----------------------------------------------------------------------------------------------------------

    def line_up(self, record: Record) -> None:
        self.push_line = f"{record.get('address')} port {record.get('port')}"

    def line_lost(self, record: Record) -> None:
        self.push_line = None

    def notified(self, record: Record) -> None:
        self.notifications["received"] += 1

    def notification_dropped(self, record: Record) -> None:
        self.notifications["dropped"] += 1

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def registered(self, record: Record) -> None:
        task_id = str(record.get("task_id"))
        app, name = str(record.get("app")), str(record.get("task"))
        self.tasks[task_id] = Task(app, name, str(record.get("kind")), task_id, record.get("channel"))

    def unregistered(self, record: Record) -> None:
        self.tasks.pop(str(record.get("task_id")), None)

    def run_pending(self, record: Record) -> None:
        self._turn_run(record, f"pending: {record.get('reason')}")

    def run_paused(self, record: Record) -> None:
        self._turn_run(record, f"paused: {record.get('reason')}")

    def run_continued(self, record: Record) -> None:
        self._turn_run(record, "running")

    def run_enters(self, record: Record) -> None:
        self._turn_run(record, "running")
        app, name = str(record.get("app")), str(record.get("task"))
        named = [task for task in self.tasks.values() if (task.app, task.name) == (app, name)]
        for task in [self.tasks[known] for known in self.tasks if known == record.get("task_id")] or named[-1:]:
            task.runs += 1

    def run_cancelled(self, record: Record) -> None:
        self._turn_run(record, f"cancelled: {record.get('reason')}")

    def run_exits(self, record: Record) -> None:
        fault = record.get("fault")
        self._turn_run(record, f"failed: {fault}" if fault else "done", ended=True)

    def run_ended(self, record: Record) -> None:
        """For the system: also one that never ran, or whose process was killed."""
        reason, fault = record.get("reason"), record.get("fault")
        self._turn_run(record, f"failed: {fault}" if fault and reason == "done" else str(reason), ended=True)

    def _turn_run(self, record: Record, state: str, *, ended: bool = False) -> None:
        number = record.get("instance")
        if not isinstance(number, int):
            return
        run = self.runs.pop(number, None) or Run(str(record.get("app")), str(record.get("task")), number, state, self.now_ns)
        run.state, run.since_ns, run.ended = state, self.now_ns, ended
        self.runs[number] = run  # the newest change stands last
        over = [number for number, run in self.runs.items() if run.ended]
        for number in over[:-ENDED_TASKS]:
            del self.runs[number]


_HANDLERS: Mapping[str, Callable[[HostState, Record], None]] = {
    E.POWER: HostState.power,
    E.SLEEP_ENTER: HostState.fell_asleep,
    E.SLEEP_EXIT: HostState.woke,
    E.NIC_WAKE: HostState.nic_wake,
    E.SLEEP_REFUSED: HostState.refused,
    E.HELD: HostState.held,
    E.LEVER: HostState.lever,
    E.SYSTEM_STARTED: HostState.system_started,
    E.MACHINE_RESTART: HostState.machine_restarted,
    E.APP_READY: HostState.app_ready,
    E.APP_SUSPEND: HostState.app_suspended,
    E.APP_RESUME: HostState.app_resumed,
    E.APP_TERMINATED: HostState.app_ended,
    E.CTOR: HostState.channel_made,
    E.CONNECT_BEGIN: HostState.connect_begins,
    E.CONNECT_END: HostState.connect_ended,
    E.SLOT_GRANT: HostState.slot_granted,
    E.SLOT_DENY: HostState.slot_denied,
    E.SLOT_FREE: HostState.slot_freed,
    E.CHANNEL_CLOSE: HostState.channel_closed,
    E.NIC_PATTERN_ADD: HostState.slot_on_device,
    E.NIC_PATTERN_DEL: HostState.slot_off_device,
    E.OWNERSHIP_TO_BROKER: HostState.socket_to_broker,
    E.OWNERSHIP_TO_APP: HostState.socket_to_app,
    E.SOCKET_ACTIVITY: HostState.socket_active,
    E.SOCKET_WAITS: HostState.socket_waits,
    E.SOCKET_DROPPED: HostState.socket_dropped,
    E.TASK_HOST_END: HostState.process_ended,
    E.PUSH_CONNECTED: HostState.line_up,
    E.PUSH_LOST: HostState.line_lost,
    E.PUSH_RECEIVED: HostState.notified,
    E.PUSH_DROPPED: HostState.notification_dropped,
    E.REGISTER: HostState.registered,
    E.UNREGISTER: HostState.unregistered,
    E.TASK_PENDING: HostState.run_pending,
    E.TASK_PAUSED: HostState.run_paused,
    E.TASK_CONTINUED: HostState.run_continued,
    E.RUN_ENTER: HostState.run_enters,
    E.CANCEL_SENT: HostState.run_cancelled,
    E.RUN_EXIT: HostState.run_exits,
    E.TASK_END: HostState.run_ended,
}
