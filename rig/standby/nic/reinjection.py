"""Frames that the device kept for the host, put in at the host's port: in arrival order, each once."""

from __future__ import annotations

from rig.device.numbers import GROUP_OFFLOAD, READ, Command, FrameFlag
from rig.device.offload import DRAIN_BYTES, DRAIN_TIMEOUT_S, OffloadClient, typed
from rig.device.offload_types import Drain
from rig.device.requests import Pending
from rig.net.gate import Gate
from rig.standby.nic.device_line import DeviceLine
from rig.timeline import TimelineWriter

MOST_REPLIES = 17
"""A device of ours buffers 33 frames, of which a reply holds two at least."""


class Reinjection:
    """`acked` is the index of the last that is in: what the device may forget."""

    def __init__(self, line: DeviceLine, device: OffloadClient, gate: Gate, timeline: TimelineWriter) -> None:
        self._line = line
        self._device = device
        self._gate = gate
        self._timeline = timeline
        self._lost = 0
        self.acked = 0

    def begin(self) -> None:
        """The device captures anew and counts from 1."""
        self.acked = self._lost = 0

    def put_in(self, index: int, data: bytes, flags: FrameFlag) -> None:
        self._gate.inject(data)
        self.acked = index
        self._timeline.add("REINJECT", index=index, bytes=len(data), flags=int(flags))

    def ask(self) -> Pending:
        """For what is behind the last that is in: on its way with what was asked before."""
        return self._line.submit(READ, GROUP_OFFLOAD, Command.DRAIN, {"ack": self.acked, "max_bytes": DRAIN_BYTES})

    def asked(self, pending: Pending) -> bool:
        """What the answer holds, where nothing was put in since it was asked for; whether there was any."""
        return self._put_in_all(typed(Drain.of, Command.DRAIN, self._line.result(pending, timeout_s=DRAIN_TIMEOUT_S)))

    def some(self) -> bool:
        """What one reply holds; whether there was any."""
        return self._put_in_all(self._device.drain(self.acked))

    def _put_in_all(self, drained: Drain) -> bool:
        for frame in drained.frames:
            self.put_in(frame.index, frame.data, frame.flags)
        self._tell_lost(drained)
        return bool(drained.frames)

    def until_none_is_left(self) -> None:
        """What comes next may go to the host itself then, and overtakes nothing. A flood that never ends is not waited for."""
        for _ in range(MOST_REPLIES):
            if not self.some():
                return

    def all(self) -> None:
        """Until the device has none left that is not in."""
        while self.some():
            pass

    def _tell_lost(self, drained: Drain) -> None:
        if drained.lost != self._lost:
            self._lost = drained.lost
            self._timeline.add("FRAMES_LOST", lost=drained.lost)
