"""An app without a process: it speaks the app's side of the line, and says and reads nothing while it is stopped."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from rig.standby.app.given_orders import GivenOrders
from rig.standby.wire.app_channels import (
    CloseChannel,
    ConnectBegin,
    ConnectEnd,
    ConstructChannel,
    UsingTransport,
    WaitForPushEnabled,
)
from rig.standby.wire.app_push import NotificationReceived
from rig.standby.wire.app_tasks import RegisterTask, RequestAccess, TaskDone
from rig.standby.wire.caller import Caller
from rig.standby.wire.from_app import AppReady, ReadBegin, ReadCompleted, Suspended, TaskHostReady
from rig.standby.wire.line import Line
from rig.standby.wire.message import Call, Notice
from rig.standby.wire.statuses import ControlChannelTriggerStatus
from rig.standby.wire.supervision import TaskLimits
from rig.standby.wire.to_app import (
    CancelRun,
    Resuming,
    RunTask,
    StandingOrder,
    Suspending,
    TaskCompleted,
    TaskProgressed,
    TestLine,
    ToApp,
    TransportFailed,
)
from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush

R = TypeVar("R")


class FakeApp:
    """Process and program in one: it is the system's `Child`, too."""

    _pids = itertools.count(100)

    def __init__(self) -> None:
        self.pid = next(self._pids)
        self.stopped = False
        self.killed = False
        self.idle = False
        """It uses no processor time."""
        self.starved = False
        """It would work, and has no processor."""
        self._used_s, self._since_s = 0.0, asyncio.get_running_loop().time()
        self.limits: TaskLimits | None = None
        """Of one that is a task host."""
        self.tasks: list[RunTask] = []
        """Ordered, in order."""
        self.test_lines = 0
        """What came after it was started."""
        self.failed: list[str] = []
        """Channels whose transport failed."""
        self.on_task: Callable[[RunTask], None] = self.done
        self.cancels: list[CancelRun] = []
        self.on_cancel: Callable[[CancelRun], None] = lambda cancel: None
        self.progress: list[TaskProgressed] = []
        self.completions: list[TaskCompleted] = []
        self.on_notification: Callable[[NotificationReceived], None] = lambda event: None
        self.asked: list[Suspending] = []
        self.on_suspending: Callable[[Suspending], None] = lambda asked: self.notify(Suspended(asked.number))
        self.resumed: list[Resuming] = []
        self.late_until_s = 0.0
        """Of the loop's time: its threads get no processor to stop on."""
        self.read_s = 0.0
        """How long the completion of a read takes."""
        self.peers: dict[str, socket.socket] = {}
        """The remote ends of its channels' transports."""
        self._loop = asyncio.get_running_loop()
        self._transports: dict[str, socket.socket] = {}
        self._unread: dict[str, socket.socket] = {}
        """New transports."""
        self._ordered: set[int] = set()
        self.standing: dict[str, StandingOrder] = {}
        """By channel, what holds now."""
        self.standing_told: list[StandingOrder] = []

    def born(self, line: socket.socket) -> None:
        """Its end of its line."""
        line.setblocking(False)
        self._line = Line[ToApp](line, ToApp)
        self._caller = Caller(self._line)
        self._orders = GivenOrders(line.fileno(), self.notify, self._begin)
        self._running()

    # -- Child ---------------------------------------------------------------------------------------------------------

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,)

    def stop(self) -> bool:
        if not self.stopped and not self.killed and self._loop.time() < self.late_until_s:
            return False
        if not self.stopped:
            self._used_s += self._loop.time() - self._since_s
        self.stopped = True
        if self.killed:
            return True
        self._loop.remove_reader(self._line.fileno())
        for transport in self._transports.values():
            self._loop.remove_reader(transport.fileno())
        return True

    def go_on(self) -> None:
        self.stopped = False
        self._since_s = self._loop.time()
        if self.killed:
            return
        self._running()

    def cpu_ticks(self) -> int:
        """A whole processor's, unless it is idle or stopped."""
        used_s = self._used_s if self.stopped else self._used_s + self._loop.time() - self._since_s
        return 0 if self.idle else round(used_s * 100)

    def rests(self) -> bool:
        return not self.starved

    def socket_bytes(self) -> dict[int, int]:
        return {}

    async def known(self) -> int:
        return self.pid

    async def end(self) -> str:
        return "signal SIGKILL" if self.killed else "exit status 0"

    def kill(self) -> None:
        """Its descriptors are closed with it."""
        if not self.killed:
            self.late_until_s = 0.0
            self.stop()
            self.killed = True
            self._line.close()
            for transport in (*self._transports.values(), *self._unread.values()):
                transport.close()

    # -- the program ---------------------------------------------------------------------------------------------------

    def submit(self, call: Call[R], fds: Sequence[int] = ()) -> asyncio.Future[R]:
        return asyncio.wrap_future(self._caller.submit(call, fds))

    async def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        return await self.submit(call, fds)

    def notify(self, notice: Notice) -> None:
        self._caller.notify(notice)

    def done(self, task: RunTask) -> None:
        self.end_task(task.instance)

    def end_task(self, instance: int, fault: str | None = None) -> None:
        self.notify(TaskDone(instance, fault))

    def is_ready(self) -> None:
        """Without a wait for the answer, if that has one."""
        if self.limits is None:
            self.submit(AppReady())
        else:
            self.notify(TaskHostReady())

    async def begin(self) -> None:
        await self.call(AppReady())
        await self.call(RequestAccess())

    async def open(self, channel: str, *, hardware: bool = True, minutes: int = 30) -> ControlChannelTriggerStatus:
        """The canonical order (CCT-010)."""
        await self.call(ConstructChannel(channel, minutes, hardware))
        await self.call(RegisterTask("inbox", "Inbox", ChannelPush(channel)))
        await self.call(RegisterTask("alive", "Alive", ChannelKeepAlive(channel)))
        await self.connect(channel)
        return ControlChannelTriggerStatus(await self.call(WaitForPushEnabled(channel)))

    async def connect(self, channel: str) -> None:
        """A transport of its own, to a peer that the test holds."""
        await self.call(UsingTransport(channel, 1))
        await self.call(ConnectBegin(channel, 1, "192.0.2.9", 5228))
        ours = self.new_transport(channel)
        await self.call(ConnectEnd(channel, 1), [ours.fileno()])
        self.reads_from(channel)

    def new_transport(self, channel: str) -> socket.socket:
        """Connected, to a peer that the test holds; nobody reads from it yet."""
        ours, self.peers[channel] = tcp_pair()
        self._unread[channel] = ours
        return ours

    def reads_from(self, channel: str) -> None:
        self._transports[channel] = self._unread.pop(channel)
        if not self.stopped and not self.killed:
            self._running()

    async def close(self, channel: str) -> None:
        await self.call(CloseChannel(channel))
        self.forget_transport(channel)

    def drop_transport(self, channel: str) -> None:
        """Both ends, as far as they are there."""
        self.forget_transport(channel)
        peer = self.peers.pop(channel, None)
        if peer is not None:
            peer.close()

    def forget_transport(self, channel: str) -> None:
        """It is closed, for another one."""
        transport = self._transports.pop(channel)
        self._loop.remove_reader(transport.fileno())
        transport.close()

    def close_peers(self) -> None:
        for peer in self.peers.values():
            peer.close()

    def end_peer(self, channel: str, how: str) -> None:
        """The remote end of its transport closes ("finish") or resets."""
        peer = self.peers.pop(channel)
        if how == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    def _running(self) -> None:
        self._loop.add_reader(self._line.fileno(), self._said)
        for channel, transport in self._transports.items():
            self._loop.add_reader(transport.fileno(), self._data, channel, transport)

    def _data(self, channel: str, transport: socket.socket) -> None:
        self.notify(ReadBegin(channel))
        try:
            data = transport.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._loop.remove_reader(transport.fileno())
        self._loop.call_later(self.read_s, self._completed, ReadCompleted(channel, 1, not data))

    def _completed(self, read: ReadCompleted) -> None:
        if self.killed:
            return
        self._orders.completed(read)

    def _begin(self, run: RunTask) -> None:
        if run.instance not in self._ordered:  # as rig/standby/app does
            self._ordered.add(run.instance)
            self.tasks.append(run)
            self.on_task(run)

    def _said(self) -> None:
        try:
            received = self._line.receive()
        except BlockingIOError:
            return
        if received is None:
            self._hung_up()
            return
        if isinstance(received.body, RunTask):
            received.descriptors.close()
            self._begin(received.body)
        elif not self._caller.take(received):  # who takes an answer takes its descriptors
            received.descriptors.close()
            self._heard(received.body)

    def _hung_up(self) -> None:
        """A task host ends with its line; an app of these tests goes on, to be looked at."""
        if self.limits is not None:
            self.kill()
        else:
            self._loop.remove_reader(self._line.fileno())

    def _heard(self, notice: ToApp) -> None:
        match notice:
            case TransportFailed(channel):
                self.failed.append(channel)
            case StandingOrder(channel):
                self.standing_told.append(notice)
                self.standing[channel] = notice
                self._orders.given(notice)
            case CancelRun():
                self.cancels.append(notice)
                self.on_cancel(notice)
            case TaskProgressed():
                self.progress.append(notice)
            case TaskCompleted():
                self.completions.append(notice)
            case NotificationReceived():
                self.on_notification(notice)
            case Suspending():
                self.asked.append(notice)
                self.on_suspending(notice)
            case Resuming():
                self.resumed.append(notice)
            case TestLine():
                self.test_lines += 1


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """A real connection of the machine with itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    return ours, theirs
