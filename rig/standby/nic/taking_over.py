"""How a driver that was started anew goes on where the one before was killed: first the system gives it the descriptors, then it
asks the device, and then the host sleeps on, or is put back on the network.

Until the device has answered the host counts as asleep where it may be.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from rig.device.numbers import Power
from rig.device.offload import OffloadClient
from rig.errors import BenchError
from rig.standby.nic.anew import StartingAnew
from rig.standby.nic.attachment import Attachment
from rig.standby.nic.journal import Note
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.mending import Mending
from rig.standby.nic.notes import Notes
from rig.standby.nic.phase import Phase, PhaseState
from rig.standby.nic.protocol_offloads import ProtocolOffloads
from rig.standby.nic.recovery import ASLEEP, Recovery
from rig.standby.nic.registry import Registry
from rig.standby.nic.sleep_records import SleepRecords
from rig.standby.nic.standby import Standby
from rig.standby.nic.steps import Step
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import Adopting, Held


class TakingOver:
    """`hear_events`: from then on the device is heard. `wake_soon`: the host is woken when all that is under way is done."""

    def __init__(
        self,
        device: OffloadClient,
        attachment: Attachment,
        offloads: ProtocolOffloads,
        standby: Standby,
        registry: Registry,
        phase: PhaseState,
        mending: Mending,
        records: SleepRecords,
        notes: Notes,
        anew: StartingAnew,
        watches: tuple[TsWatch, LabelWatch],
        tell: Callable[[Notice], None],
        hear_events: Callable[[], None],
        wake_soon: Callable[[], None],
    ) -> None:
        self._device = device
        self._attachment = attachment
        self._offloads = offloads
        self._standby = standby
        self._registry = registry
        self._phase = phase
        self._mending = mending
        self._records = records
        self._notes = notes
        self._anew = anew
        self._watches = watches
        self._tell = tell
        self._hear_events = hear_events
        self._wake_soon = wake_soon
        self._recovery: Recovery | None = None

    def begin(self, note: Note) -> None:
        """Of the driver before."""
        self._records.take_over()
        self._attachment.boot_id, self._attachment.epoch = note.boot_id, note.epoch
        self._recovery = Recovery(note, self._standby, self._registry, self._watches, self._whole)
        if self._recovery.missing:
            self._tell(Adopting(self._recovery.missing))
        else:
            self._whole()

    @property
    def adopting(self) -> bool:
        """Descriptors of connections are waited for, and nothing else can be served."""
        return self._recovery is not None and bool(self._recovery.missing)

    def adopt(self, key: str, sock: socket.socket) -> None:
        """The descriptor of a connection that the driver before held; the socket is taken in any case."""
        if self._recovery is not None:
            self._recovery.adopt(key, sock)
        else:
            sock.close()

    def give_back(self, key: str) -> bool:
        """Whether its descriptor was waited for, and is no more."""
        with contextlib.suppress(OSError, ValueError):  # a journal that cannot be written
            self._notes.given_back(key)
        return self._recovery is not None and self._recovery.give_back(key)

    def held(self) -> Held | None:
        """Until the device has answered; None where it has. What is waited for is said again: the system may be a new one."""
        if self._recovery is None or self._phase.now is not Phase.TAKING_OVER:
            return None
        if self._recovery.missing:
            self._tell(Adopting(self._recovery.missing))
        return self._recovery.held

    def _whole(self) -> None:
        self._notes.is_whole()
        self._registry.doubt()
        self._mending.begin([Step("take over", self._ask_device)])

    def _ask_device(self) -> None:
        """Raises BenchError; done again until the device answers."""
        boot_id = self._device.hello().boot_id
        self._hear_events()
        self._attachment.learn()
        self._registry.slots = self._attachment.as_the_device_takes(self._registry.slots)
        if boot_id != self._attachment.boot_id:
            self._anew.hear_restart(boot_id)
            return
        self._offloads.adopt()
        status = self._device.status()
        self._standby.epoch = status.epoch
        if status.power in ASLEEP:
            begun = status.power is Power.WOKEN and not status.events_pending  # by the driver before, and its word was lost
            self._asleep(woken=begun)
        elif status.power is Power.EXPIRED:
            self._anew.lease_over()
        else:
            self._awake()

    def _asleep(self, *, woken: bool) -> None:
        self._phase.change(Phase.ASLEEP)
        if not self._standby.untold:  # the system takes the host for awake; what it asks meanwhile may tell it otherwise
            self._standby.wanted_awake = self._standby.untold = True
        if woken or self._standby.wanted_awake:
            self._wake_soon()
        with contextlib.suppress(BenchError):  # later, then
            self._registry.free_orphans()

    def _awake(self) -> None:
        assert self._recovery is not None
        self._phase.change(Phase.MENDING)
        steps = self._recovery.steps(lambda: self._anew.tell_awake("DRIVER_RESTARTED"), slept=bool(self._records.asleep))
        self._mending.begin(steps)
