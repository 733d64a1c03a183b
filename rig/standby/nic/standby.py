"""What entry, wake and mending work on: the sockets in repair, the gate, the device's epoch, and the moves that they share.

Every move may be made again, and does nothing where there is nothing to do: that is what lets a failed one be tried again.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict

from rig.device.numbers import GROUP_OFFLOAD, OffloadRc, Power
from rig.device.offload import OffloadClient
from rig.device.offload_types import Release, TimeSync
from rig.device.tcp_slot import SlotRef
from rig.errors import BenchError, DeviceError
from rig.net.gate import Gate
from rig.standby.nic import handoff, takeback
from rig.standby.nic.connections import FrozenConnection, OffloadedConnection, OffloadedPattern
from rig.standby.nic.device_line import DeviceLine
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.reinjection import Reinjection
from rig.standby.wire.nic import Woke
from rig.timeline import TimelineWriter

OUT_OF_STEP = (OffloadRc.STALE_EPOCH, OffloadRc.BAD_STATE)
"""The device is elsewhere than we think: it is asked where."""


class Standby:
    """`lose` is told of connections and patterns that are of no more use: see `Lost`."""

    def __init__(
        self,
        line: DeviceLine,
        gate: Gate,
        local_mac: bytes,
        timeline: TimelineWriter,
        lose: Callable[[OffloadedConnection | OffloadedPattern], None],
    ) -> None:
        self.line = line
        self.device = OffloadClient(line)
        self.gate = gate
        self.local_mac = local_mac
        self.timeline = timeline
        self.reinjection = Reinjection(line, self.device, gate, timeline)
        self.epoch = 0
        """0: not known."""
        self.clock: TimeSync | None = None
        """The device's, as it was at the last entry."""
        self.yield_ms = 0
        """As the device was asked then."""
        self.frozen: list[FrozenConnection] = []
        self.silent = False
        """The device sleeps no more and says nothing: it refused to commit, for a frame that wakes."""
        self.untold = False
        """The host is about to sleep, sleeps, or is awake again and the system has not heard of it."""
        self.wanted_awake = False
        """The system takes the host for awake, or has asked for it in vain: where the device speaks for it, it is woken."""
        self.woke_told_ns = 0
        """`told_ns` of the last `Woke`, of this driver or one before."""
        self.handed_over: dict[SlotRef, OffloadedConnection] = {}
        """In this sleep, or in attempts at it."""
        self._in_repair: list[OffloadedConnection] = []
        self._lose = lose

    def woke(self, reason: str, key: str | None = None, resumed: tuple[int, ...] = ()) -> Woke:
        """For the system, which knows with it that the host is awake."""
        self.untold, self.woke_told_ns = False, time.monotonic_ns()
        return Woke(reason, key, resumed, self.woke_told_ns)

    # -- the host's side -----------------------------------------------------------------------------------------------

    def cut_off(self) -> None:
        """GATE_CLOSED has the time before: from then until SLEEP_ENTER nobody speaks for the host."""
        cut_ns = time.monotonic_ns()
        self.gate.close()
        self.timeline.add("GATE_CLOSED", t_ns=cut_ns)

    def freeze(self, connection: OffloadedConnection) -> None:
        """Raises handoff.NotIdle or OSError; in either case `thaw` puts back what happened."""
        self._in_repair.append(connection)
        self.frozen.append(FrozenConnection(connection, handoff.freeze(connection.sock)))

    def restore(self, connection: OffloadedConnection, tcp: FrozenTcp | None) -> None:
        """One that a driver before this one may have left in repair. `tcp`: its numbers, where they were noted. It may have died
        while it took the device's bytes back: such a socket goes into repair again, and `take_back` finds out."""
        if tcp is not None and connection.payload is not None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR, handoff.REPAIR_ON)
        if handoff.is_frozen(connection.sock):
            self._in_repair.append(connection)
            if tcp is not None:
                self.frozen.append(FrozenConnection(connection, tcp))

    def is_frozen(self, connection: OffloadedConnection) -> bool:
        """Whether its numbers may not be the device's last yet."""
        return any(frozen.connection is connection for frozen in self.frozen)

    def thaw(self) -> None:
        """All of them, whatever becomes of one. Raises the last OSError, with the rest thawed."""
        failed: OSError | None = None
        for connection in list(self._in_repair):
            try:
                handoff.thaw(connection.sock)
                self._in_repair.remove(connection)
            except OSError as error:
                failed = error
        self.frozen.clear()
        if failed is not None:
            raise failed

    def forget(self, connection: OffloadedConnection) -> None:
        """It is given back, with its socket in repair perhaps: then it is closed without a segment."""
        self._in_repair = [other for other in self._in_repair if other is not connection]
        self.frozen = [frozen for frozen in self.frozen if frozen.connection is not connection]

    def rejoin(self) -> None:
        """The host is on the network again, after what came for it meanwhile."""
        self.gate.join()
        try:
            if not self.line.mute:
                self.reinjection.until_none_is_left()
        except Exception:
            self.gate.steer_to_host()
            raise
        self.gate.steer_to_host()

    # -- connections with bytes of the device's own --------------------------------------------------------------------

    @property
    def has_payloads(self) -> bool:
        return any(frozen.connection.payload is not None for frozen in self.frozen)

    def take_back(self) -> None:
        """The apps are still stopped, so nobody else reads; the device is silent, so its numbers are final."""
        self._each_payload(self._take_back_one)

    def lose_payloads(self) -> None:
        """The device's numbers cannot be had: bytes written to such a connection would take the place of the device's."""
        self._each_payload(self._lost)

    def _each_payload(self, move: Callable[[FrozenConnection], None]) -> None:
        for frozen in [frozen for frozen in self.frozen if frozen.connection.payload is not None]:
            try:
                move(frozen)
            except (BenchError, OSError, takeback.OutOfStep) as error:
                self.timeline.add("TAKE_BACK_FAILED", **frozen.connection.names, error=str(error))
                self._lost(frozen)
            self.frozen.remove(frozen)

    def _lost(self, frozen: FrozenConnection) -> None:
        if frozen.connection.payload is not None:
            frozen.connection.payload.lost = True
        self._lose(frozen.connection)

    def lose(self, refused: Iterable[OffloadedConnection | OffloadedPattern]) -> None:
        """Those that nobody would keep, or look for."""
        for lost in refused:
            self._lose(lost)

    def _take_back_one(self, frozen: FrozenConnection) -> None:
        connection, payload = frozen.connection, frozen.connection.payload
        if connection.slot is None or payload is None:
            return
        slot = self.device.get_tcp_slot(connection.slot)
        if slot.payloads_sent == 0:
            return
        now = handoff.numbers(connection.sock)
        if now == (slot.snd_nxt, slot.rcv_nxt):  # done before, and nobody came to write that down
            payload.go_on(slot)
            return
        if now != (frozen.tcp.snd_nxt, frozen.tcp.rcv_nxt):
            raise takeback.OutOfStep(f"the socket is at {now}, half way")
        sent, consumed = payload.sent_bytes(slot), payload.consumed_bytes(slot)
        takeback.take_back(connection.sock, frozen.tcp, slot, sent, consumed)
        macs = {"peer_mac": connection.next_hop.mac, "host_mac": self.local_mac}
        self.gate.inject(takeback.acknowledgement(connection.sock, frozen.tcp, slot, **macs))
        payload.go_on(slot)
        detail = {name: getattr(slot, name) for name in ("snd_nxt", "snd_una", "rcv_nxt", "payloads_sent", "payloads_answered")}
        self.timeline.add("TAKE_BACK", **connection.names, **detail)

    # -- the device's side ---------------------------------------------------------------------------------------------

    def silence(self) -> None:
        """The device speaks for the host no more, whatever it was at. Raises BenchError."""
        status = self.device.status()
        self.epoch = status.epoch
        if status.power in (Power.D3, Power.WOKEN):
            self.epoch = self.device.host_awake(status.epoch).epoch

    def idle_device(self) -> None:
        """To D0, with all its frames put in. A lost reply leaves the epoch unknown, so the device is asked. Raises BenchError;
        DeviceError RESUME_REQUIRED when the lease was over."""
        self.silence()
        power = self.device.status().power
        if power is Power.EXPIRED:
            raise DeviceError(
                GROUP_OFFLOAD, OffloadRc.RESUME_REQUIRED, OffloadRc.RESUME_REQUIRED.name, "to go on: the lease is over"
            )
        if power is Power.PREPARED:
            self.reinjection.all()
            self.epoch = self.device.abort(self.epoch).epoch
        elif power is Power.AWAKE:
            self.release()
        self.silent = False

    def release(self) -> None:
        """The end of a sleep: the last frames, also those that were on their way to the device when its host got them itself,
        then the device is idle. Raises BenchError."""
        self.gate.wait_delivered()
        self.reinjection.all()
        self.released(self.device.release())

    def released(self, release: Release) -> None:
        self.epoch = release.epoch
        self.silent = False
        for slot in release.slots:
            names = {"state": slot.state.name, "close_reason": slot.close_reason.name}
            self.timeline.add("SLOT_RELEASED", **{**asdict(slot), **names})
            if (connection := self.handed_over.get(slot.ref)) is not None:
                connection.was_heard(slot)
        self.handed_over.clear()
