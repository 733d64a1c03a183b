"""The device's part: it keeps the connections of stream sockets that are to wake while the host sleeps (SAT-003, 007).

One that wakes has its place in the device as long as the broker has it, as a hardware channel has; where the device has none, it
is refused at the transfer and stays the app's: a socket that is once taken keeps working (CCT-041, B-33). Sockets without a
connection wake nobody, but for an extension of ours (wake_pattern.py).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rig.errors import RigError
from rig.standby.system.background import Background
from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.reservation import Reservation, held_again
from rig.standby.system.sockets.brokered import BrokeredSocket
from rig.standby.system.sockets.wake_pattern import WakePattern, pattern_for
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import Held
from rig.standby.wire.socket_enums import SocketActivityKind


@dataclass(frozen=True)
class _Lent:
    name: tuple[str, str]
    """Package and id."""
    inode: int
    reservation: Reservation
    label: str


class SocketOffload:
    def __init__(
        self,
        driver: Driver,
        numbers: Numbers,
        governor: Governor,
        background: Background,
        network_minutes: int,
        places: Callable[[], Mapping[str, int]],
    ) -> None:
        """`network_minutes`: between the keep-alives that the device sends. `places`: who has how many of the device's."""
        self._driver = driver
        self._numbers = numbers
        self._governor = governor
        self._background = background
        self._network_minutes = network_minutes
        self._places = places
        self._sockets: dict[str, BrokeredSocket] = {}
        self._making: set[Reservation] = set()
        self._lent: dict[int, _Lent] = {}
        """By run."""
        self._lost: dict[BrokeredSocket, None] = {}
        """Whose pattern the device would not have again."""

    def has(self, key: str) -> bool:
        """Whether the driver is to hold it, or may already."""
        others = [*self._making, *(lent.reservation for lent in self._lent.values())]
        return key in self._sockets or any(other.key == key for other in others)

    @property
    def places(self) -> int:
        """Of connections that the device has, or is asked for: the broker's, and those that a run has taken."""
        kept = [brokered.reservation for brokered in self._sockets.values()]
        taken = [lent.reservation for lent in self._lent.values()]
        return sum(not isinstance(one, WakePattern) for one in (*kept, *self._making, *taken))

    @property
    def offloaded(self) -> list[str]:
        """Keys of the connections that the device is to keep in this sleep."""
        return [key for key, brokered in self._sockets.items() if brokered.offloaded]

    def of(self, key: str) -> BrokeredSocket | None:
        """None: of one that is about to be the broker's."""
        return self._sockets.get(key)

    async def reserved(self, kind: SocketActivityKind, sock: socket.socket, names: dict[str, Any]) -> Reservation:
        """For a socket that is about to be the broker's: without a key when its connection is over. Raises HostError NO_SLOT."""
        reservation = reservation_of(kind)
        self._making.add(reservation)
        try:
            refusal = await reservation.ask(self._put(reservation, sock, names))
        except BaseException:
            self.give_back(reservation, "a transfer that failed")
            raise
        finally:
            self._making.discard(reservation)
        if refusal is not None and not refusal.over:
            error = refusal.error
            if not isinstance(error, RigError):
                raise error
            there = ", ".join(f"{count} of {what}" for what, count in self._places().items()) or "none"
            raise HostError(
                HResult.NO_SLOT, f"the device cannot keep this socket in standby: {error}; its connections: {there}"
            ) from error
        return reservation

    # -- while a run has the socket ------------------------------------------------------------------------------------

    def lend(self, brokered: BrokeredSocket, run: int) -> None:
        """The task of that run has it. Its place stays its own until the run is over: given back meanwhile, the socket is kept as
        before without the device being asked, and nobody else has taken its place (B-33)."""
        if brokered.saved.key is not None:
            del self._sockets[brokered.saved.key]
            name = brokered.package.name, brokered.id
            self._lent[run] = _Lent(name, os.fstat(brokered.sock.fileno()).st_ino, brokered.reservation, brokered.label)
            brokered.change(key=None)

    async def returned(self, package: str, socket_id: str, sock: socket.socket) -> Reservation | None:
        """What was lent with that very socket. The place of another one that had its id is free for it, and so is its own that
        it had under another id: the device has one for a connection."""
        inode = os.fstat(sock.fileno()).st_ino
        for run, lent in list(self._lent.items()):
            has_id, is_it = lent.name == (package, socket_id), lent.name[0] == package and lent.inode == inode
            if has_id or is_it:
                del self._lent[run]
                if has_id and is_it:
                    return lent.reservation
                await lent.reservation.give_back(self._driver)
        return None

    def run_over(self, run: int) -> None:
        """What it has not given back is the app's for good."""
        lent = self._lent.pop(run, None)
        if lent is not None:
            self.give_back(lent.reservation, lent.label)

    def lost_lent(self, key: str) -> None:
        """The device would not have it again: it is asked anew when the socket is given back."""
        for run, lent in list(self._lent.items()):
            if lent.reservation.key == key:
                self.run_over(run)

    # -- as long as the broker has it ----------------------------------------------------------------------------------

    def keep(self, brokered: BrokeredSocket) -> None:
        """It is the broker's."""
        if brokered.reservation.key is not None:
            self._sockets[brokered.reservation.key] = brokered

    def let_go(self, brokered: BrokeredSocket) -> None:
        """It wakes nobody any more."""
        if brokered.reservation.key is not None and brokered.saved.key is not None:
            del self._sockets[brokered.reservation.key]
            brokered.change(key=None)
            self.give_back(brokered.reservation, brokered.label)

    def give_back(self, reservation: Reservation, who: str) -> None:
        """Nobody waits for it, but the host's sleep: the driver has a duplicate of the socket."""
        self._background.start(f"giving back of {who}", self._give_back(reservation, who))

    async def _give_back(self, reservation: Reservation, who: str) -> None:
        with self._governor.hold(who, "the device is to forget it"):
            await reservation.give_back(self._driver)

    # -- what the device has lost --------------------------------------------------------------------------------------

    def lost_pattern(self, brokered: BrokeredSocket) -> bool:
        """Whether it is one, which is tried again before the next sleep."""
        if brokered.has_pattern:
            self._lost[brokered] = None
        return brokered.has_pattern

    async def prepare(self) -> None:
        """The host is about to sleep."""
        for brokered in list(self._lost):
            del self._lost[brokered]
            if brokered.saved.key is not None and not await self._again(brokered):
                self._lost[brokered] = None

    def adopt(self, held: Held) -> None:
        for key, brokered in self._sockets.items():
            if key in held.slots:
                self._driver.adopt(key, brokered.sock.fileno())

    async def agree(self, held: Held) -> list[BrokeredSocket]:
        """Those that the device should have and does not; returned are connections that it would not have again."""
        there = {*held.slots, *held.patterns}
        refused = []
        for key, brokered in list(self._sockets.items()):
            gone = key not in there and self._sockets.get(key) is brokered
            if gone and not await self._again(brokered) and not self.lost_pattern(brokered):
                refused.append(brokered)
        return refused

    async def _again(self, brokered: BrokeredSocket) -> bool:
        """Whether the device has it now."""
        return await held_again(self._put(brokered.reservation, brokered.sock, brokered.names))

    async def _put(self, reservation: Reservation, sock: socket.socket, names: dict[str, Any]) -> None:
        if isinstance(reservation, WakePattern):
            await reservation.add(self._driver, self._numbers, names, pattern_for(sock))
        else:
            await self._reserve(reservation, sock.fileno(), names)

    async def _reserve(self, reservation: Reservation, fd: int, names: dict[str, Any]) -> None:
        await reservation.reserve(
            self._driver, self._numbers, fd, names, network_minutes=self._network_minutes, payload=None, resume=()
        )


def reservation_of(kind: SocketActivityKind, key: str | None = None) -> Reservation:
    """What the driver has of a socket of that kind."""
    return Reservation(key) if kind is SocketActivityKind.STREAM_SOCKET else WakePattern(key)
