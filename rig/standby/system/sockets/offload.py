"""The device's part: it keeps the connections of stream sockets that are to wake while the host sleeps (SAT-003, 007).

One that wakes has its place in the device as long as the broker has it, as a hardware channel has; where the device has none, it
is refused at the transfer and stays the app's: a socket that is once taken keeps working (CCT-041, B-33).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any

from rig.errors import RigError
from rig.standby.system.background import Background
from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.reservation import Reservation
from rig.standby.system.sockets.brokered import BrokeredSocket
from rig.standby.wire.hresult import HostError, HResult

CONNECTION_OVER = "RIG-N23"
"""The driver's code for a connection that has ended: that is no refusal, but something for its task."""


class SocketOffload:
    def __init__(
        self, driver: Driver, numbers: Numbers, governor: Governor, background: Background, network_minutes: int
    ) -> None:
        """`network_minutes`: between the keep-alives that the device sends."""
        self._driver = driver
        self._numbers = numbers
        self._governor = governor
        self._background = background
        self._network_minutes = network_minutes
        self._sockets: dict[str, BrokeredSocket] = {}
        self._making: set[Reservation] = set()

    def has(self, key: str) -> bool:
        """Whether the driver is to hold it, or may already."""
        return key in self._sockets or any(made.key == key for made in self._making)

    @property
    def offloaded(self) -> list[str]:
        """Keys of the connections that the device is to keep in this sleep."""
        return [key for key, brokered in self._sockets.items() if brokered.offloaded]

    def of(self, key: str) -> BrokeredSocket | None:
        """None: of one that is about to be the broker's."""
        return self._sockets.get(key)

    async def reserved(self, fd: int, names: dict[str, Any]) -> Reservation:
        """For a socket that is about to be the broker's: without a key when its connection is over. Raises HostError NO_SLOT."""
        reservation = Reservation()
        self._making.add(reservation)
        try:
            await self._reserve(reservation, fd, names)
        except RigError as error:
            reservation.refused()
            if error.code != CONNECTION_OVER:
                raise HostError(HResult.NO_SLOT, f"the device cannot keep this socket in standby: {error}") from error
        except BaseException:
            self.give_back(reservation, "a transfer that failed")
            raise
        finally:
            self._making.discard(reservation)
        return reservation

    def keep(self, brokered: BrokeredSocket) -> None:
        """It is the broker's."""
        if brokered.reservation.key is not None:
            self._sockets[brokered.reservation.key] = brokered

    def let_go(self, brokered: BrokeredSocket) -> None:
        """It is the broker's no more."""
        if brokered.reservation.key is not None:
            del self._sockets[brokered.reservation.key]
            brokered.change(key=None)
            self.give_back(brokered.reservation, brokered.label)

    def give_back(self, reservation: Reservation, who: str) -> None:
        """Nobody waits for it, but the host's sleep: the driver has a duplicate of the socket."""
        self._background.start(f"giving back of {who}", self._give_back(reservation, who))

    async def _give_back(self, reservation: Reservation, who: str) -> None:
        with self._governor.hold(who, "the device is to forget it"):
            await reservation.give_back(self._driver)

    def adopt(self, slots: Collection[str]) -> None:
        for key, brokered in self._sockets.items():
            if key in slots:
                self._driver.adopt(key, brokered.sock.fileno())

    async def agree(self, slots: Collection[str]) -> list[BrokeredSocket]:
        """Those that the device should have and does not; returned are those that it would not have again."""
        refused = []
        for key, brokered in list(self._sockets.items()):
            if key not in slots and self._sockets.get(key) is brokered:
                with contextlib.suppress(RigError, HostError, OSError):
                    await self._reserve(brokered.reservation, brokered.sock.fileno(), brokered.names)
                    continue
                refused.append(brokered)
        return refused

    async def _reserve(self, reservation: Reservation, fd: int, names: dict[str, Any]) -> None:
        await reservation.reserve(
            self._driver, self._numbers, fd, names, network_minutes=self._network_minutes, payload=None, resume=()
        )
