"""The place in the device of the connection to the push service: the host's own, which no app's limit counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rig.standby.system.driver import Driver
from rig.standby.system.numbers import Numbers
from rig.standby.system.push.state import NAMES, PushState
from rig.standby.system.reservation import Refusal, held_again
from rig.timeline import TimelineWriter


class PushOffload:
    """One thing at a time: what waits for the device here is waited for by the next."""

    def __init__(
        self,
        state: PushState,
        driver: Driver,
        numbers: Numbers,
        network_minutes: int,
        timeline: TimelineWriter,
        places: Callable[[], Mapping[str, int]],
    ) -> None:
        """`network_minutes`: between the keep-alives that the device sends. `places`: who has how many of the device's."""
        self._state = state
        self._driver = driver
        self._numbers = numbers
        self._network_minutes = network_minutes
        self._timeline = timeline
        self._places = places
        self._turn = asyncio.Lock()

    @property
    def key(self) -> str | None:
        return self._state.reservation.key

    async def reserve(self, fd: int) -> Refusal | None:
        """A device that is full is asked again before the next sleep."""
        async with self._turn:
            refusal = await self._state.reservation.ask(self._reserve(fd))
        if refusal is not None and not refusal.over:
            self._timeline.add("PUSH_DEAF", error=str(refusal.error), places=dict(self._places()))
        return refusal

    async def reserve_again(self, fd: int) -> bool:
        """For a driver that does not hold it any more."""
        async with self._turn:
            return await held_again(self._reserve(fd))

    async def give_back(self) -> None:
        """Raises what the driver does."""
        async with self._turn:
            await self._state.reservation.give_back(self._driver)

    async def _reserve(self, fd: int) -> None:
        await self._state.reservation.reserve(
            self._driver, self._numbers, fd, NAMES, network_minutes=self._network_minutes, payload=None, resume=()
        )
