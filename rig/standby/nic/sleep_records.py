"""SLEEP_ENTER, NIC_WAKE and SLEEP_EXIT: each once for a sleep, also when one driver begins it and the next one ends it.

How far a driver came that was killed the timeline itself says: nothing else knows that.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from rig.device.offload_types import Event
from rig.errors import RigError
from rig.standby.nic import device_words
from rig.timeline import TimelineWriter, parse

TAIL_BYTES = 1 << 20
"""Looked through after the death of a driver: that was a moment ago."""


class SleepRecords:
    def __init__(self, timeline: TimelineWriter) -> None:
        self._timeline = timeline
        self.asleep: bool | None = None
        """What was written last; None before the first."""
        self._last_wake: tuple[Any, ...] | None = None

    def enter(self, connections: int, epoch: int) -> None:
        if self.asleep is not True:
            self._timeline.add("SLEEP_ENTER", connections=connections, epoch=epoch)
        self.asleep = True

    def exit(self, cause: str) -> None:
        if self.asleep is not False:
            self._timeline.add("SLEEP_EXIT", cause=cause)
        self.asleep = False

    def wake(self, event: Event, names: Mapping[str, Any]) -> None:
        """As the device tells of it again to a driver that is a new one."""
        if self._last_wake != (event.n, event.t_wake_us - event.t_rx_us):
            device_words.write_wake(self._timeline, event, names)

    def device_restarted(self) -> None:
        """It counts its events from 1 again."""
        self._last_wake = None

    def take_over(self) -> None:
        """Of the driver before, which wrote under the same name. Where the file cannot be read, nothing."""
        asleep: bool | None = None
        for event, detail in self._newest_first():
            if event in ("SLEEP_ENTER", "SLEEP_EXIT") and asleep is None:
                asleep = event == "SLEEP_ENTER"
            elif event == "NIC_WAKE" and self._last_wake is None:
                self._last_wake = detail.get("number"), detail.get("device_us")
            if asleep is not None and self._last_wake is not None:
                break
        self.asleep = bool(asleep)

    def _newest_first(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        try:
            size = os.fstat(self._timeline.fd).st_size
            data = os.pread(self._timeline.fd, TAIL_BYTES, max(0, size - TAIL_BYTES))
        except OSError:
            return
        for line in reversed(data.split(b"\n")[:-1]):  # what has no end is no record, for whoever reads it
            with contextlib.suppress(RigError):  # a half of one, in front
                record = parse(line, 0)
                if record.src == self._timeline.src:
                    yield record.event, record.detail
