"""What the driver holds of a connection, seen by the connection's owner in the system: reserved, kept up to date, given back.

What waits for the device may be begun again from its beginning: a key is forgotten only after it has been given back.

    asked      for the first time: held, or a `Refusal`, and the driver knows nothing of it
    again      for a driver that does not hold it any more: held or not; the owner gives back what is not, as the driver may have
               it without a place in the device
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from rig.device.payload import PayloadKeepAlive
from rig.errors import RigError
from rig.standby.system.driver import ConnectionToOffload, Driver
from rig.standby.system.numbers import Numbers
from rig.standby.system.rows import SavedPart
from rig.standby.wire.hresult import HostError

CONNECTION_OVER = "RIG-N23"
"""The driver's code for a connection that ended before it could have a slot: that is no refusal, but news for its owner."""


REFUSALS = (RigError, HostError, OSError)
"""NIC_REFUSED, the driver's, says why; or there is no descriptor left to send it with."""


@dataclass(frozen=True)
class Refusal:
    """Why the driver would not have it."""

    error: Exception

    @property
    def over(self) -> bool:
        """The connection has ended: no want of room."""
        return isinstance(self.error, RigError) and self.error.code == CONNECTION_OVER


async def held_again(putting: Awaitable[None]) -> bool:
    """`putting`: of what the driver has held before."""
    try:
        await putting
    except REFUSALS:
        return False
    return True


class Reservation(SavedPart):
    """One for each thing that has a connection at a time. Its coroutines raise what the driver does."""

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        """What the driver knows the connection by; None while it need not know it."""
        self._resume: tuple[int, ...] = ()

    def resumes(self, pids: tuple[int, ...]) -> bool:
        """Whether a wake would continue these processes, as the driver was told last."""
        return self._resume == pids

    async def ask(self, putting: Awaitable[None]) -> Refusal | None:
        """`putting`: this one's `reserve`, or what stands for it. None: the driver holds it."""
        try:
            await putting
        except REFUSALS as error:
            self.key = None
            return Refusal(error)
        return None

    async def reserve(
        self,
        driver: Driver,
        numbers: Numbers,
        fd: int,
        names: Mapping[str, Any],
        *,
        network_minutes: int,
        payload: PayloadKeepAlive | None,
        resume: tuple[int, ...],
    ) -> None:
        """Also again, for a driver that has no slot for it any more."""
        if self.key is None:
            self.key = numbers.next_key("connection")
        connection = ConnectionToOffload(
            key=self.key, fd=fd, names=names, network_minutes=network_minutes, payload=payload, resume=resume
        )
        await driver.reserve(connection)
        self._resume = resume

    async def update(
        self, driver: Driver, *, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]
    ) -> None:
        """Nothing of a connection that the driver does not know."""
        if self.key is not None:
            await driver.update(self.key, network_minutes=network_minutes, payload=payload, resume=resume)
            self._resume = resume

    async def give_back(self, driver: Driver) -> None:
        """The device keeps nothing of it any more."""
        if self.key is not None:
            await driver.give_back(self.key)
            self.key = None
