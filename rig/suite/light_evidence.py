"""By what the wakes of a test are judged that has a device alone: its line, its wire, and the events that the test asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rig.device.tape import RECORDS_KEPT, Said, TapeInMemory
from rig.net.capture import CapturedFrame
from rig.runner.wakes.ledger import Reasons
from rig.runner.wakes.planned import Test
from rig.starved import Starved
from rig.suite.wire_door import FRAMES_KEPT, WireDoor


class OfDoor:
    """An `Evidence`."""

    def __init__(self, door: WireDoor, tape: TapeInMemory) -> None:
        self._door = door
        self._tape = tape
        self._starved_before = door.starved

    def said(self) -> Iterable[Said]:
        """With what the device has told nobody yet."""
        self._door.tell_the_rest()
        return self._tape.said()

    def cut(self) -> str:
        if not self._tape.is_cut:
            return ""
        return f"what was said before the newest {RECORDS_KEPT} messages of the control channel is not kept"

    def from_start(self) -> bool:
        return not self._tape.is_cut

    def frames(self) -> Sequence[CapturedFrame]:
        return [CapturedFrame(frame.t_ns, frame.data) for frame in sorted(self._door.crossed)]

    def is_whole(self) -> bool:
        return len(self._door.crossed) < FRAMES_KEPT

    def starved(self) -> Starved:
        """In this test: the device is that of others before it."""
        return self._door.starved.since(self._starved_before)

    def test(self, reasons: Reasons) -> Test:
        return Test((), (), lambda _: False, reasons, self._door.taken, alone=True)
