"""What an app does with brokered sockets, for apps that have no process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import defaultdict
from typing import Any

from rig.standby.wire.app_sockets import BrokeredSocketInfo, ListSockets, SocketTaken, TakenSocket, TakeSocket, TransferSocket
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import SocketActivity, SocketActivityDetails
from tests.standby.fake_app import FakeApp, tcp_pair

SERVES = RegisterTask("serves", "mail.Serves", SocketActivity())
"""In a process of its own."""
INSIDE = RegisterTask("inside", None, SocketActivity())


async def register(app: FakeApp, task: RegisterTask = SERVES) -> str:
    return await app.call(task)


async def transfer(
    app: FakeApp,
    sock: socket.socket,
    socket_id: str,
    task_id: str,
    *,
    kind: Kind = Kind.STREAM_SOCKET,
    wakes: bool = False,
    context: bytes | None = None,
    keep_alive_ms: int = 0,
) -> None:
    """As `Ownership.transfer`: refused, the app has it still."""
    action = Action.WAKE if wakes else Action.DO_NOT_WAKE
    await app.call(TransferSocket(socket_id, kind, task_id, action, context, keep_alive_ms), [sock.fileno()])
    sock.close()


async def give(app: FakeApp, socket_id: str, task_id: str, **options: object) -> socket.socket:
    """A connection; returns the peer's end."""
    ours, peer = tcp_pair()
    await transfer(app, ours, socket_id, task_id, **options)  # type: ignore[arg-type]
    return peer


async def take(app: FakeApp, socket_id: str) -> tuple[socket.socket, TakenSocket]:
    taken, sock = await ask(app, socket_id)
    app.notify(SocketTaken(socket_id, taken.transfer))
    return sock, taken


async def ask(app: FakeApp, socket_id: str) -> tuple[TakenSocket, socket.socket]:
    """As `take`, and it does not say that it is there."""
    fetched: Any = await app.call(TakeSocket(socket_id))  # the future of a Fetch has the descriptors beside the answer
    taken: TakenSocket = fetched[0]
    sock = fetched[1].take_socket()
    assert sock is not None
    return taken, sock


async def infos(app: FakeApp) -> list[BrokeredSocketInfo]:
    """All of them."""
    found: list[BrokeredSocketInfo] = []
    while page := await app.call(ListSockets(found[-1].transfer if found else 0)):
        found += page
    return found


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def activity(order: RunTask) -> SocketActivityDetails:
    assert isinstance(order.details, SocketActivityDetails)
    return order.details


class Served:
    """What runs were told and have read, over all processes; each run reads what there is and gives the socket back."""

    def __init__(self) -> None:
        self.reasons: list[tuple[str, Reason]] = []
        self.read: dict[str, bytes] = defaultdict(bytes)
        self.kept: dict[str, socket.socket] = {}
        """Those that the broker would not have back."""
        self.contexts: set[bytes | None] = set()
        self._serving = set[asyncio.Task[None]]()

    def run(self, process: FakeApp, order: RunTask) -> None:
        """As a FakeApp's `on_task`, or a FakeSupervisor's `host_task`."""
        task = asyncio.ensure_future(self._serve(process, order))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, process: FakeApp, order: RunTask) -> None:
        told = activity(order)
        self.reasons.append((told.id, told.reason))
        self.contexts.add(told.context)
        if told.reason in (Reason.SOCKET_ACTIVITY, Reason.KEEP_ALIVE_TIMER_EXPIRED):
            sock, taken = await take(process, told.id)
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                self.read[told.id] += sock.recv(65536, socket.MSG_DONTWAIT)
            back = TransferSocket(told.id, taken.kind, taken.task_id, taken.action, taken.context, taken.keep_alive_ms)
            try:
                await process.call(back, [sock.fileno()])
            except HostError:
                self.kept[told.id] = sock
                raise
            sock.close()
        if not process.killed:
            process.end_task(order.instance)

    async def until_read(self, socket_id: str, data: bytes, limit_s: float = 10.0) -> None:
        async with asyncio.timeout(limit_s):
            while len(self.read[socket_id]) < len(data):
                await asyncio.sleep(0.01)
        assert self.read[socket_id] == data


async def refused(call: object) -> HostError:
    try:
        await call  # type: ignore[misc]
    except HostError as error:
        return error
    raise AssertionError("it was not refused")
