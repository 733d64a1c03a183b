"""Falling asleep, in two phases: prepare (the device captures, silent) - gate closed - every connection's socket frozen and
read - slots refreshed - commit (what was captured goes through the matcher; the device speaks as the host). All of it or nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rig.device.codes import says
from rig.device.numbers import ARM_ALL, Command, OffloadRc, Power
from rig.device.tcp_slot import SlotRef
from rig.errors import BenchError, DeviceError
from rig.net.tcp_info import queued_bytes
from rig.standby.nic import handoff
from rig.standby.nic.connections import OffloadedConnection
from rig.standby.nic.next_hop import NextHops
from rig.standby.nic.protocol_offloads import ProtocolOffloads
from rig.standby.nic.standby import OUT_OF_STEP, Standby
from rig.standby.nic.steps import Step
from rig.standby.nic.tcp_slots import TcpSlots

ACK_WAIT_S = 0.05
"""How long entry waits for peers to acknowledge what the host sent last."""
ACK_POLL_S = 0.0005
SYNC_ROUNDS, SYNC_ENOUGH_US = 3, 20_000
"""The device's TSval lags the host's by as much as the trip took (tcp_slots.py): a device may take 0.3 s for an answer now and
then, and is asked again."""


class Busy(Exception):
    """A connection is not idle, or nobody would keep it, so the host stays awake."""

    def __init__(self, connection: OffloadedConnection, reason: str) -> None:
        super().__init__(reason)
        self.connection = connection


class Entry:
    """One attempt, with the connections that the device shall keep."""

    def __init__(
        self,
        standby: Standby,
        connections: Sequence[OffloadedConnection],
        *,
        wake_timer_ms: int,
        yield_ms: int,
        slots: TcpSlots,
        next_hops: NextHops,
        offloads: ProtocolOffloads,
        look: Callable[[], None],
        note: Callable[[], None],
    ) -> None:
        """`look`: go through what the interface's watches have heard, so that nothing is left of it when the gate is closed.
        `note`: write the frozen sockets' numbers down."""
        self._standby = standby
        self._connections = connections
        self._wake_timer_ms = wake_timer_ms
        # Of what the device sends and takes by itself its last word is waited for in any case.
        self._yield_ms = 0 if any(connection.payload is not None for connection in connections) else yield_ms
        self._slots = slots
        self._next_hops = next_hops
        self._offloads = offloads
        self._look = look
        self._note = note
        self._committing = False

    def steps(self) -> list[Step]:
        return [
            Step("quiet", self._wait_quiet),
            Step("look", self._look_around),
            Step("offloads", self._refresh_offloads),
            Step("sync", self._synchronise),
            Step("prepare", self._prepare, self._end_capture),
            Step("gate", self._standby.cut_off, self._standby.rejoin),
            Step("freeze", self._freeze, self._standby.thaw),
            Step("note", self._note_sleep),
            Step("hand over", self._hand_over),
            Step("commit", self._commit, self._take_back_commit),
        ]

    def _wait_quiet(self) -> None:
        """All have a place in the device, nothing is unread, and the peers have acknowledged what was sent; delayed ACKs of ours
        go out now. Raises Busy."""
        for connection in self._connections:
            if connection.slot is None:
                raise Busy(connection, "the device has no slot for it")
        for connection in self._connections:
            handoff.flush_acks(connection.sock)
        end_s = time.monotonic() + ACK_WAIT_S
        for connection in self._connections:
            while (unacknowledged := queued_bytes(connection.sock)[1]) and time.monotonic() < end_s:
                time.sleep(ACK_POLL_S)
            unread = queued_bytes(connection.sock)[0]
            if unread or unacknowledged:
                raise Busy(connection, f"{unread} bytes unread, {unacknowledged} unacknowledged")

    def _look_around(self) -> None:
        self._look()
        self._next_hops.refresh(self._connections)

    def _refresh_offloads(self) -> None:
        """A device that is not where its driver takes it to be (the one before was killed) is put there first."""
        try:
            self._offloads.refresh()
        except DeviceError as error:
            if not says(error, *OUT_OF_STEP, OffloadRc.NOT_ACCEPTED):
                raise
            self._standby.idle_device()
            self._offloads.refresh()

    def _synchronise(self) -> None:
        self._standby.clock = self._standby.device.time_sync(SYNC_ROUNDS, SYNC_ENOUGH_US)

    def _prepare(self) -> None:
        standby = self._standby
        standby.reinjection.begin()
        if not standby.epoch:
            standby.epoch = standby.device.status().epoch
        try:
            self._ask_to_prepare()
        except DeviceError as error:
            if not says(error, *OUT_OF_STEP):
                raise
            standby.idle_device()
            self._ask_to_prepare()

    def _ask_to_prepare(self) -> None:
        standby = self._standby
        timer_ms, yield_ms = self._wake_timer_ms, self._yield_ms
        reply = standby.device.prepare(
            epoch=standby.epoch, arm=ARM_ALL, mac=standby.local_mac, wake_timer_ms=timer_ms, yield_ms=yield_ms
        )
        standby.epoch, standby.yield_ms = reply.epoch, yield_ms

    def _end_capture(self) -> None:
        """In one exchange where nothing was lost on the line."""
        standby = self._standby
        try:
            if not standby.line.mute:
                standby.epoch = standby.device.abort(standby.epoch).epoch
                return
        except BenchError:
            pass  # a lost reply, of this or of the prepare: the device is asked where it is
        standby.idle_device()

    def _freeze(self) -> None:
        for connection in self._connections:
            try:
                self._standby.freeze(connection)
            except handoff.NotIdle as reason:
                raise Busy(connection, str(reason)) from None

    def _note_sleep(self) -> None:
        """From now on the device may come to speak for the host."""
        self._standby.untold = True
        self._note()

    def _hand_over(self) -> None:
        clock = self._standby.clock
        assert clock is not None
        rows = [
            self._slots.handed_over(
                c.sock, c.network_minutes, c.next_hop, frozen.tcp, clock, c.payload, c.idle_ms(frozen.tcp.info.idle_ms)
            )
            for frozen in self._standby.frozen
            for c in (frozen.connection,)
        ]
        refs = self._standby.line.write_all(SlotRef.of, Command.ADD_TCP_SLOT, [row.wire() for row in rows])
        for frozen, ref in zip(self._standby.frozen, refs, strict=True):
            frozen.connection.slot = ref
            self._standby.handed_over[ref] = frozen.connection
            tcp = frozen.tcp
            detail = {"snd_nxt": tcp.snd_nxt, "rcv_nxt": tcp.rcv_nxt, "tsval": tcp.tsval, "slot": ref.slot}
            self._standby.timeline.add("HANDOFF", **frozen.connection.names, **detail)

    def _commit(self) -> None:
        standby = self._standby
        self._committing = True
        try:
            standby.epoch = standby.device.commit(standby.epoch).epoch
        except DeviceError as error:
            self._committing = False
            if not says(error, OffloadRc.WAKE_PENDING):
                raise
            standby.silent = True
        except BenchError:
            status = standby.device.status()
            if status.power not in (Power.D3, Power.WOKEN):
                raise
            standby.epoch = status.epoch  # its answer was lost, and it has taken over

    def _take_back_commit(self) -> None:
        """The device may have taken over although nobody heard it say so; then it may have sent bytes, too."""
        if not self._committing:
            return
        try:
            self._standby.silence()
            self._standby.take_back()
            self._committing = False
        except BenchError:
            self._standby.lose_payloads()
            raise
