"""The driver of the offload device: what the system asks for, and what the device says, one after another on one thread.

It is the owner of the way between: serial link, gate, sockets in repair, the device's epoch and lease. It knows connections and
patterns by keys, and no app.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from rig.device.codes import says
from rig.device.link import Link
from rig.device.numbers import OffloadRc, WakeReason
from rig.device.offload_types import Event
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import SlotRef
from rig.errors import BenchError, DeviceError
from rig.net.gate import Gate
from rig.standby.nic import device_words
from rig.standby.nic.anew import StartingAnew
from rig.standby.nic.attachment import Attachment
from rig.standby.nic.connections import OffloadedConnection
from rig.standby.nic.device_line import DeviceLine
from rig.standby.nic.entry import Busy, Entry
from rig.standby.nic.journal import Journal
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.loop import Loop, Timer
from rig.standby.nic.mending import Mending
from rig.standby.nic.next_hop import NextHops
from rig.standby.nic.notes import Notes
from rig.standby.nic.phase import Phase, PhaseState
from rig.standby.nic.place import Place
from rig.standby.nic.protocol_offloads import ProtocolOffloads
from rig.standby.nic.registry import Registry
from rig.standby.nic.settings import DriverSettings
from rig.standby.nic.sleep_records import SleepRecords
from rig.standby.nic.standby import Standby
from rig.standby.nic.steps import Failure, Incomplete, Inject, Step, all_or_nothing, no_fault, to_the_end
from rig.standby.nic.taking_over import TakingOver
from rig.standby.nic.tcp_slots import TcpSlots
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.nic.wake import Cause, Waking
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import (
    AddPattern,
    Entered,
    Held,
    Lost,
    NotIdle,
    Reserve,
    Settled,
    ToDriver,
)
from rig.timeline import TimelineWriter

SETTLE_AFTER_S = 0.004
"""The device is released so long after a wake: release is not what a woken app waits for."""


class NicDriver:
    """Made in the host's namespace. `tell` gets the notices; `inject` is a test's, see steps.py and device_line.py."""

    def __init__(
        self,
        settings: DriverSettings,
        *,
        link: Link,
        gate: Gate,
        loop: Loop,
        timeline: TimelineWriter,
        slots: TcpSlots,
        next_hops: NextHops,
        watches: tuple[TsWatch, LabelWatch],
        tell: Callable[[Notice], None],
        place: Place,
        journal: Journal | None = None,
        inject: Inject = no_fault,
    ) -> None:
        self._hears_events = False
        self._link = link
        self._loop = loop
        self._timeline = timeline
        self._records = SleepRecords(timeline)
        self._tell = tell
        self._inject = inject
        self._place = place
        self.watches = watches
        self._next_hops = next_hops
        self._phase = PhaseState()
        self._settle_timer: Timer | None = None
        line = DeviceLine(link, inject)
        self._standby = Standby(line, gate, settings.local_mac, timeline, lambda lost: tell(Lost(lost.key)))
        self._device = self._standby.device
        offloads = ProtocolOffloads(self._device, settings.interface, settings.local_mac, settings.ipv4, timeline)
        self._offloads = offloads
        self._attachment = Attachment(self._device, settings, offloads, watches[1].flow_label)
        self.registry = Registry(self._device, slots, next_hops, timeline)
        self._mending = Mending(loop, self._not_mended, self._mended)
        self.anew = StartingAnew(
            self._device, settings, self._attachment, self._standby, self.registry, self._phase, self._mending, self._records,
            self._stop_settling, tell, timeline,
        )  # fmt: skip
        self.notes = Notes(journal, self.registry, self._standby, self._attachment, watches)
        self._taking_over = TakingOver(
            self._device, self._attachment, offloads, self._standby, self.registry, self._phase, self._mending, self._records,
            self.notes, self.anew, watches, tell, self._hear_events, lambda: loop.post(lambda: self.wake("DRIVER_RESTARTED")),
        )  # fmt: skip

    # -- the beginning -------------------------------------------------------------------------------------------------

    def start(self) -> dict[int, ToDriver]:
        """Take the device, and put the host on the network: a host before us may have slept and not come back. Or go on where a
        driver before us was killed: returns the calls that it has not answered. Raises BenchError."""
        note = self.notes.begin()
        if note is not None:
            self._taking_over.begin(note)
            return note.calls
        self._device.wait_until_there()
        self._attachment.attach()
        self.registry.slots = self._attachment.as_the_device_takes(self.registry.slots)
        if not self._standby.gate.is_open:
            self._standby.gate.open()
        self._phase.change(Phase.AWAKE)
        self._hear_events()
        self.notes.write()
        return {}

    @property
    def adopting(self) -> bool:
        """Descriptors of connections are waited for, and nothing else can be served."""
        return self._taking_over.adopting

    def adopt(self, key: str, sock: socket.socket) -> None:
        """The descriptor of a connection that a driver before this one held; the socket is taken in any case."""
        self._taking_over.adopt(key, sock)

    def _hear_events(self) -> None:
        if not self._hears_events:
            self._hears_events = True
            self._link.start_events(
                lambda row: self._loop.post(lambda: self.hear_event(row)),
                lambda boot_id: self._loop.post(lambda: self.anew.hear_restart(boot_id)),
                self._attachment.boot_id,
            )

    # -- connections ---------------------------------------------------------------------------------------------------

    def reserve(self, message: Reserve, sock: socket.socket) -> SlotRef:
        """Raises BenchError as `Reserve` says; the socket is taken in any case."""
        try:
            self.be_ready()
        except BaseException:
            sock.close()
            raise
        self._forget(message.key)
        connection = self.registry.reserve(
            message.key, sock, message.names, message.network_minutes, message.payload, message.resume
        )
        assert connection.slot is not None
        return connection.slot

    def give_back(self, key: str) -> None:
        """Asleep or not: the device drops the slot. It never fails: what cannot be freed now is freed later."""
        if self._taking_over.give_back(key):
            return
        with contextlib.suppress(BenchError, OSError, ValueError):  # the latter two from a journal that cannot be written
            self.be_ready()
        self._forget(key)
        self.registry.give_back(key)

    def _forget(self, key: str) -> None:
        connection = self.registry.find(key)
        if connection is not None:
            self._standby.forget(connection)

    @property
    def asleep(self) -> bool:
        return self._phase.now is Phase.ASLEEP

    @property
    def idle(self) -> bool:
        """Awake, with nothing left to be done."""
        return self._phase.now is Phase.AWAKE

    def be_ready(self) -> None:
        """The device takes slots: settled after a wake, and whole. Raises the BenchError that stands against it."""
        self.settle_now()
        if self._phase.now in (Phase.TAKING_OVER, Phase.MENDING):
            self._mend_now()
        self.registry.free_orphans()

    def _mend_now(self) -> None:
        """Raises what stands against it."""
        failure = self._mending.go_on()
        if failure is not None:
            raise failure.error

    def update(self, key: str, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        """Raises BenchError RIG-R24 for a key that is not held."""
        self._held_by_us(key)
        self.registry.update(key, network_minutes, payload, resume)

    def _held_by_us(self, key: str) -> OffloadedConnection:
        """Raises BenchError RIG-R24, and says `Lost`: who names it takes it for held, and the driver that took it died before it
        noted that."""
        try:
            return self.registry.get(key)
        except BenchError:
            self._tell(Lost(key))
            raise

    def payload_state(self, key: str) -> PayloadState | None:
        connection = self.registry.find(key)
        if connection is None or connection.payload is None:
            return None
        return replace(connection.payload.state, taken=self.registry.slots.takes(connection.payload.set_by_app))

    def stop_payload(self, key: str) -> PayloadState | None:
        """As `StopPayload`."""
        connection = self.registry.find(key)
        if connection is None or connection.payload is None or connection.payload.lost:
            return None
        if self.asleep or self._standby.is_frozen(connection):
            raise HostError(HResult.INVALID_STATE, "the device has the connection: what it has sent is not known yet")
        connection.payload.stop()
        return connection.payload.state

    def add_pattern(self, message: AddPattern) -> None:
        """Raises BenchError as `AddPattern` says."""
        self.be_ready()
        self.registry.patterns.add(message.key, message.names, message.pattern, message.resume)

    def remove_pattern(self, key: str) -> None:
        """It never fails: what cannot be removed now is removed later."""
        with contextlib.suppress(BenchError):
            self.be_ready()
        self.registry.patterns.remove(key)

    def held(self) -> Held:
        held = self._taking_over.held() or self.registry.held(self.asleep)
        return msgspec.structs.replace(held, woke_told_ns=self.woke_told_ns)

    @property
    def woke_told_ns(self) -> int:
        """`told_ns` of the last `Woke`, of this driver or one before."""
        return self._standby.woke_told_ns

    # -- falling asleep ------------------------------------------------------------------------------------------------

    def ready_to_enter(self) -> bool:
        """What is left of before is done first. False: the host sleeps, as the driver before had done it. Raises the BenchError
        that stands against an entry; then the host is awake, or will be."""
        if not self.asleep:
            try:
                self.be_ready()
            except Exception:
                if not self.asleep:  # else what is left can wait
                    self._want_awake()
                    raise
        return not self.asleep

    def _want_awake(self) -> None:
        """Before the system hears what it goes by: whoever comes after us must go by it, too."""
        self._standby.wanted_awake = True
        with contextlib.suppress(OSError, ValueError):  # a journal that cannot be written
            self.notes.write()

    def enter(self, keys: list[str], wake_timer_ms: int) -> Entered | NotIdle:
        """One attempt. Raises BenchError, with the host awake."""
        if not self.ready_to_enter():
            self._records.enter(len(keys), self._standby.epoch)
            return Entered()
        connections = [self._held_by_us(key) for key in keys]
        entry = Entry(
            self._standby, connections, wake_timer_ms=self._attachment.wake_timer_ms(wake_timer_ms),
            yield_ms=self._attachment.yield_ms, slots=self.registry.slots, next_hops=self._next_hops, offloads=self._offloads,
            look=self._look, note=self.notes.write,
        )  # fmt: skip
        self._phase.change(Phase.ENTERING)
        self._standby.wanted_awake = False
        try:
            all_or_nothing(entry.steps(), self._inject)
        except Incomplete as incomplete:
            self._standby.untold = False
            self._put_back(incomplete)
            if incomplete.left:
                self._want_awake()
            if isinstance(incomplete.cause, Busy):
                return NotIdle(incomplete.cause.connection.key, str(incomplete.cause))
            raise incomplete.as_error() from incomplete.cause
        self._phase.change(Phase.ASLEEP)
        self._records.enter(len(connections), self._standby.epoch)
        return Entered()

    def _look(self) -> None:
        for watch in self.watches:
            watch.look()

    def _put_back(self, incomplete: Incomplete) -> None:
        if not incomplete.left:
            self._phase.change(Phase.AWAKE)
            return
        self._phase.change(Phase.MENDING)
        self._mending.begin([Step(failure.name, failure.again) for failure in incomplete.left])

    # -- waking --------------------------------------------------------------------------------------------------------

    def wake(self, cause: str) -> None:
        """Take the identity back; the host is awake when this returns. Raises BenchError where it is not known whether the host
        sleeps, and the device cannot be asked: it is woken as soon as that is known."""
        if self._phase.now is Phase.TAKING_OVER:
            self._want_awake()
            self._mend_now()
        if self.asleep:
            waking = self._new_waking()
            waking.ask()
            self._wake(waking, Cause(cause))

    def _new_waking(self) -> Waking:
        return Waking(self._standby, self._next_hops, self._tell, self.notes.write, self._place)

    def _wake(self, waking: Waking, cause: Cause) -> None:
        self._phase.change(Phase.WAKING)
        self._records.exit(cause.name)
        failures = to_the_end(waking.steps(cause), self._inject)
        if waking.lease_over:
            self.anew.lease_over()
        elif failures:
            self._phase.change(Phase.MENDING)
            for failure in failures:
                self._not_mended(failure)
            steps = [Step(failure.name, failure.again) for failure in failures]
            self._mending.begin([*steps, Step("idle device", self._standby.idle_device)])
        else:
            self._phase.change(Phase.SETTLING)
            self._settle_timer = self._loop.call_later(SETTLE_AFTER_S if cause.owner is not None else 0, self.settle_now)

    def settle_now(self) -> None:
        """Frames that came in while the first were put back; then nothing of ours is left on the device."""
        if self._phase.now is not Phase.SETTLING:
            return
        self._stop_settling()
        failures = to_the_end([Step("release", self._standby.release)], self._inject)
        if failures:
            self._timeline.add("SETTLE_FAILED", error=str(failures[0].error))
            self._phase.change(Phase.MENDING)
            self._mending.begin([Step("idle device", self._standby.idle_device)])
        else:
            self._settled()

    def _stop_settling(self) -> None:
        if self._settle_timer is not None:
            self._settle_timer.cancel()

    def _settled(self) -> None:
        """Raises as `Notes.write`, with all else done."""
        self._phase.change(Phase.AWAKE)
        try:
            self.notes.write()
        finally:
            self._tell(Settled())

    # -- what the device says ------------------------------------------------------------------------------------------

    def hear_event(self, row: list[Any]) -> None:
        event = device_words.wake_of(row, self._timeline)
        if event is None:
            return
        if self._phase.now is Phase.TAKING_OVER:  # it is not said again
            self._standby.wanted_awake = True
        if event.reason == WakeReason.LEASE_EXPIRED:
            if event.epoch >= self._attachment.epoch:  # else noticed already, by a refused command
                self.anew.lease_over()
        elif event.reason != WakeReason.FIRMWARE_STALLED:  # its new boot number has said so before
            self._on_wake(event)

    def _on_wake(self, event: Event) -> None:
        """The answer goes out before anything is written down. An event of an older epoch is of an earlier sleep, and late."""
        asleep, waking = self.asleep and event.epoch >= self._standby.epoch, self._new_waking()
        if asleep:
            waking.ask()
        owner = self.registry.owner_of(event.slot_ref, event.matched_pattern)
        reason = device_words.reason_of(event)
        self._records.wake(event, owner.names if owner is not None else {})
        if asleep:
            self._wake(waking, Cause(reason, event, owner))

    # -- what went wrong -----------------------------------------------------------------------------------------------

    def _not_mended(self, failure: Failure) -> None:
        """Said each time it is tried; a lease that was over meanwhile is another matter."""
        self._timeline.add("NOT_MENDED", step=failure.name, error=f"{type(failure.error).__name__}: {failure.error}")
        if isinstance(failure.error, DeviceError) and says(failure.error, OffloadRc.RESUME_REQUIRED):
            self._loop.post(self.anew.lease_over)

    def _mended(self) -> None:
        if not self.asleep:
            self._settled()
