"""The patterns that the driver holds, and their numbers in the device.

The driver chooses the numbers, as it does for protocol offloads: the device has each pattern once, whatever was lost on the line
and whoever was killed in the middle of a request.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rig.device.codes import says
from rig.device.numbers import OffloadRc
from rig.device.offload import OffloadClient
from rig.device.pattern import Pattern
from rig.errors import BenchError, DeviceError
from rig.standby.nic.connections import OffloadedPattern
from rig.standby.nic.refusals import is_for_good, unless_gone
from rig.timeline import TimelineWriter

FIRST_ID = 0x5200_0000
"""Far from the small numbers that tests and people choose for patterns that they give the device themselves."""


class Patterns:
    """By key. One that the device refuses does not get in."""

    def __init__(self, device: OffloadClient, timeline: TimelineWriter) -> None:
        self._device = device
        self._timeline = timeline
        self._held: dict[str, OffloadedPattern] = {}
        self._orphans: dict[int, Mapping[str, Any]] = {}

    def all(self) -> list[OffloadedPattern]:
        return list(self._held.values())

    @property
    def orphans(self) -> dict[int, Mapping[str, Any]]:
        """Numbers that the device may have still although they are nobody's, and the names of those whose they were."""
        return dict(self._orphans)

    def restore(self, patterns: Iterable[OffloadedPattern], orphans: Mapping[int, Mapping[str, Any]]) -> None:
        """What a driver before this one held."""
        self._held = {pattern.key: pattern for pattern in patterns}
        self._orphans = dict(orphans)

    def with_number(self, number: int | None) -> OffloadedPattern | None:
        """Whose frame woke the host."""
        return next((held for held in self._held.values() if number is not None and held.number == number), None)

    def add(self, key: str, names: Mapping[str, Any], pattern: Pattern, resume: tuple[int, ...]) -> None:
        """A key that is held gets the new pattern in place of the old one; the same pattern again only changes whom it continues,
        and costs no request. Raises BenchError; then the key is not held."""
        held = self._held.get(key)
        if held is not None and held.number is not None and held.pattern == pattern:
            held.names, held.resume = names, resume
            return
        self.remove(key)
        held = OffloadedPattern(key, names, pattern, None, resume)
        self._put(held)
        self._held[key] = held

    def remove(self, key: str) -> None:
        """What the device cannot be told of now it is told of later: `free_orphans`."""
        held = self._held.pop(key, None)
        if held is not None and held.number is not None:
            self._orphans[held.number] = held.names
        with contextlib.suppress(BenchError):
            self.free_orphans()

    def free_orphans(self) -> None:
        """Raises BenchError for the first that the device does not take back."""
        for number, names in list(self._orphans.items()):
            unless_gone(self._device.remove_pattern, number)
            del self._orphans[number]
            self._timeline.add("NIC_PATTERN_DEL", **names, pattern_id=number)

    def match(self) -> list[OffloadedPattern]:
        """Bring the device's patterns and these together. Returns those that are refused, and raises, as `_put_again`."""
        there = {pattern.id for pattern in self._device.patterns() if pattern.id >= FIRST_ID}
        for number in there - {held.number for held in self._held.values()}:
            self._orphans.setdefault(number, {})
        self.free_orphans()
        return self._put_again([held for held in self._held.values() if held.number not in there])

    def give_all_again(self) -> list[OffloadedPattern]:
        """The device has forgotten them. Returns those that are refused, and raises, as `_put_again`."""
        self._orphans.clear()
        for held in self._held.values():  # none that is not reached below keeps the number of another one
            held.number = None
        return self._put_again(self.all())

    def _put_again(self, patterns: Iterable[OffloadedPattern]) -> list[OffloadedPattern]:
        """Those of them that the device would not have: their owners are to be told. Raises BenchError when it is the device
        that cannot be had, or is elsewhere: then all of it is to be done again."""
        refused = []
        for held in patterns:
            held.number = None
            try:
                self._put(held)
            except BenchError as error:
                if not is_for_good(error):
                    raise
                refused.append(held)
        return refused

    def _put(self, held: OffloadedPattern) -> None:
        number = self._free_number()
        try:
            self._put_as(replace(held.pattern, id=number))
        except BenchError as error:
            self._timeline.add("NIC_REFUSED", **held.names, error=str(error))
            if not isinstance(error, DeviceError):  # it may have taken it, and its reply was lost
                self._orphans[number] = held.names
            raise
        held.number = number
        self._timeline.add("NIC_PATTERN_ADD", **held.names, pattern_id=number)

    def _put_as(self, pattern: Pattern) -> None:
        """A number that the device has and we do not is of a driver that was killed before it could write it down."""
        try:
            self._device.add_pattern(pattern)
        except DeviceError as error:
            if not says(error, OffloadRc.DUP_ID):
                raise
            self._device.remove_pattern(pattern.id)
            self._device.add_pattern(pattern)

    def _free_number(self) -> int:
        taken = {held.number for held in self._held.values()} | self._orphans.keys()
        return next(number for number in range(FIRST_ID, FIRST_ID + len(taken) + 1) if number not in taken)
