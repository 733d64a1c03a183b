"""What comes on brokered sockets, seen by an epoll of the broker's own: the loop has one descriptor for ten thousand of them.

There are two, as in connected standby those that do not wake are not looked at: one descriptor less, however many they are. Both
are level-triggered: what came before a socket was added is seen as what comes after it.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable

from rig.net.tcp_info import queued_bytes
from rig.standby.system.sockets.brokered import BrokeredSocket
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason

PER_TURN = 64
"""Sockets that are looked at before others of the loop have their turn."""
ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class SocketWatch:
    """`came` is called with a socket and the reason, again and again until that is removed."""

    def __init__(self, came: Callable[[BrokeredSocket, Reason], None]) -> None:
        self._came = came
        self._loop = asyncio.get_running_loop()
        self._epolls = {wakes: select.epoll() for wakes in (True, False)}
        self._listening = {True: False, False: False}
        self._watched: dict[int, BrokeredSocket] = {}
        self._stopped = False

    def add(self, brokered: BrokeredSocket) -> None:
        fd = brokered.sock.fileno()
        if fd not in self._watched and not self._stopped:
            self._watched[fd] = brokered
            self._epolls[brokered.wakes].register(fd, select.EPOLLIN | select.EPOLLRDHUP)

    def remove(self, brokered: BrokeredSocket) -> None:
        """Before it is closed: others have duplicates, and so epoll would not forget it."""
        if self._watched.pop(brokered.sock.fileno(), None) is not None:
            self._epolls[brokered.wakes].unregister(brokered.sock.fileno())

    def listen(self, *, wakes: bool, others: bool) -> None:
        """Which of them may be looked at now; none after `stop`."""
        if self._stopped:
            return
        for kind, wanted in ((True, wakes), (False, others)):
            if wanted and not self._listening[kind]:
                self._loop.add_reader(self._epolls[kind].fileno(), self._look, self._epolls[kind])
            elif not wanted and self._listening[kind]:
                self._loop.remove_reader(self._epolls[kind].fileno())
            self._listening[kind] = wanted

    @property
    def has_come(self) -> bool:
        """Something for a socket that wakes, whoever may look."""
        return not self._stopped and bool(self._epolls[True].poll(0, 1))

    def stop(self) -> None:
        """The system ends: nothing is looked at any more."""
        self.listen(wakes=False, others=False)
        self._stopped = True
        self._watched.clear()
        for epoll in self._epolls.values():
            epoll.close()

    def _look(self, epoll: select.epoll) -> None:
        for fd, events in epoll.poll(0, PER_TURN):
            brokered = self._watched.get(fd)
            reason = reason_of(brokered, events) if brokered is not None else None
            if brokered is not None and reason is not None:
                self._came(brokered, reason)


def reason_of(brokered: BrokeredSocket, events: int) -> Reason | None:
    """None: nothing for the app. What can still be read comes before the end, and a datagram socket has none (B-13)."""
    match brokered.kind:
        case Kind.STREAM_SOCKET_LISTENER:
            return Reason.CONNECTION_ACCEPTED
        case Kind.STREAM_SOCKET:
            closed = events & ENDS and not queued_bytes(brokered.sock)[0]
            return Reason.SOCKET_CLOSED if closed else Reason.SOCKET_ACTIVITY
    if events & select.EPOLLIN:
        return Reason.SOCKET_ACTIVITY
    brokered.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a port that nobody has any more; read, it is gone
    return None
