"""The connections that the driver holds, and their places in the device; its patterns beside them (patterns.py)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from rig.device.offload import OffloadClient
from rig.device.payload import PayloadKeepAlive
from rig.device.tcp_slot import SlotRef, TcpSlot
from rig.errors import BenchError, DeviceError
from rig.net.tcp_diag import has_md5_keys
from rig.standby.nic.connections import OffloadedConnection, OffloadedPattern
from rig.standby.nic.next_hop import NextHop, NextHops
from rig.standby.nic.patterns import Patterns
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps
from rig.standby.nic.refusals import is_for_good, unless_gone
from rig.standby.nic.tcp_slots import TcpSlots
from rig.standby.wire.nic import Held
from rig.timeline import TimelineWriter


class Registry:
    """By key. Everything that is in it is whole: a connection that the device refuses does not get in."""

    def __init__(self, device: OffloadClient, slots: TcpSlots, next_hops: NextHops, timeline: TimelineWriter) -> None:
        self._device = device
        self.slots = slots
        """What makes them; the driver may have another one when the device is attached."""
        self._next_hops = next_hops
        self._timeline = timeline
        self._connections: dict[str, OffloadedConnection] = {}
        self.patterns = Patterns(device, timeline)
        self._orphans: list[tuple[SlotRef, Mapping[str, Any]]] = []
        self._unsure = False
        """The device may have a slot of ours that is not known here: the answer that would have told was lost."""

    def reserve(
        self,
        key: str,
        sock: socket.socket,
        names: Mapping[str, Any],
        network_minutes: int,
        payload: PayloadKeepAlive | None = None,
        resume: tuple[int, ...] = (),
    ) -> OffloadedConnection:
        """Take the socket and give the connection a place in the device; a key that is held is given back first. Raises what
        `Reserve` says, with the socket closed. The same payload again goes on where it was."""
        held = self._connections.get(key)
        try:
            self.give_back(key)
            next_hop, ref = self._place(sock, names, network_minutes)
        except BaseException:
            sock.close()
            raise
        pay = _going_on(held, payload)
        connection = OffloadedConnection(key, sock, names, network_minutes, next_hop, ref, pay, resume)
        self._connections[key] = connection
        return connection

    def _place(self, sock: socket.socket, names: Mapping[str, Any], network_minutes: int) -> tuple[NextHop, SlotRef]:
        try:
            self._check_alone(sock)
            next_hop = self._checked_next_hop(sock)
            ref = self._add_slot(self.slots.reservation(sock, network_minutes, next_hop))
        except OSError as error:
            cause = f"the connection is over: {error.strerror}"
            self._timeline.add("NIC_REFUSED", **names, error=cause)
            raise BenchError("RIG-N23", cause, "connect again") from error
        except BenchError as error:
            self._timeline.add("NIC_REFUSED", **names, error=str(error))
            raise
        self._timeline.add("NIC_PATTERN_ADD", **names, slot=ref.slot, gen=ref.gen)
        return next_hop, ref

    def _add_slot(self, slot: TcpSlot) -> SlotRef:
        try:
            return self._device.add_tcp_slot(slot)
        except DeviceError:
            raise
        except BenchError:
            self._unsure = True
            raise

    def _check_alone(self, sock: socket.socket) -> None:
        """Two keys may come with duplicates of one socket: the device would have one place for both, and refuse the second at
        each entry, so that whoever asks for that keeps the host awake for ever."""
        number = os.fstat(sock.fileno()).st_ino
        for other in self._connections.values():
            if other.sock is not sock and os.fstat(other.sock.fileno()).st_ino == number:
                cause = f"the device keeps this connection already, for {dict(other.names)}"
                raise BenchError("RIG-N24", cause, "give one connection to one owner, not a duplicate of it to another")

    def _checked_next_hop(self, sock: socket.socket) -> NextHop:
        remote = sock.getpeername()[0]
        if has_md5_keys(sock):
            cause = "the connection signs its segments (TCP MD5, RFC 2385), which no device can do for it"
            raise BenchError("RIG-N13", cause, "give it a software slot, or leave the signatures out")
        return self._next_hops.find(remote)

    def restore(self, connection: OffloadedConnection) -> None:
        """One that a driver before this one held."""
        self._connections[connection.key] = connection

    def restore_orphans(self, orphans: Iterable[tuple[SlotRef, Mapping[str, Any]]]) -> None:
        self._orphans = list(orphans)

    def add_orphan(self, slot: SlotRef, names: Mapping[str, Any]) -> None:
        """Of a connection that was given back before it was restored."""
        self._orphans.append((slot, names))

    def doubt(self) -> None:
        """All is restored, of a driver that may have died over the answer to another slot."""
        self._unsure = True

    def match(self) -> list[OffloadedConnection | OffloadedPattern]:
        """Bring the device's slots, and its patterns, and these together: a slot of ours that nobody holds is freed, a connection
        without one gets it. Returns those that are refused, and raises, as `_place_again`."""
        there = self._find_orphans()
        self.free_orphans()
        refused = self._place_again([c for c in self._connections.values() if c.slot not in there])
        return [*refused, *self.patterns.match()]

    def _find_orphans(self) -> set[SlotRef]:
        """All slots of ours in the device; those of nobody are to be freed."""
        there = {slot.ref for slot in self._device.slots() if slot.owner == self.slots.owner}
        held = {connection.slot for connection in self._connections.values()} | {slot for slot, _ in self._orphans}
        self._orphans += [(slot, {}) for slot in there - held]
        self._unsure = False
        return there

    def _place_again(self, connections: Iterable[OffloadedConnection]) -> list[OffloadedConnection]:
        """Those of them that are gone meanwhile, or refused: they have no slot, and their owners are to be told. Raises
        BenchError when it is the device that cannot be had, or is elsewhere: then all of it is to be done again."""
        refused = []
        for connection in connections:
            connection.slot = None
            try:
                connection.next_hop, connection.slot = self._place(connection.sock, connection.names, connection.network_minutes)
            except BenchError as error:
                if not is_for_good(error):
                    raise
                refused.append(connection)
        return refused

    @property
    def orphans(self) -> list[tuple[SlotRef, Mapping[str, Any]]]:
        """Slots that the device would not free yet, and their owners' names."""
        return list(self._orphans)

    def give_back(self, key: str) -> None:
        """Free its slot and close its descriptor. A slot that the device cannot be told of now is freed later: `free_orphans`."""
        connection = self._connections.pop(key, None)
        if connection is None:
            return
        connection.sock.close()
        if connection.slot is not None:
            self._orphans.append((connection.slot, connection.names))
        with contextlib.suppress(BenchError):
            self.free_orphans()

    def free_orphans(self) -> None:
        """Slots and patterns that are given back. Raises BenchError for the first that the device does not take back."""
        if self._unsure:
            self._find_orphans()
        while self._orphans:
            slot, names = self._orphans[0]
            unless_gone(self._device.remove_tcp_slot, slot)
            del self._orphans[0]
            self._timeline.add("NIC_PATTERN_DEL", **names, slot=slot.slot, gen=slot.gen)
        self.patterns.free_orphans()

    def update(self, key: str, network_minutes: int, payload: PayloadKeepAlive | None, resume: tuple[int, ...]) -> None:
        """Raises BenchError RIG-R24 for a key that is not held."""
        connection = self.get(key)
        connection.network_minutes = network_minutes
        connection.resume = resume
        connection.payload = _going_on(connection, payload)

    def give_all_again(self) -> list[OffloadedConnection | OffloadedPattern]:
        """The device has forgotten them, patterns too. Returns those that are refused, and raises, as `_place_again`."""
        self._orphans.clear()
        for connection in self._connections.values():  # none that is not reached below keeps the number of another's slot
            connection.slot = None
        return [*self._place_again(self._connections.values()), *self.patterns.give_all_again()]

    def held(self, asleep: bool) -> Held:
        """What the device has of them."""
        slots = {connection.key: connection.slot for connection in self.all() if connection.slot is not None}
        return Held(asleep, slots, [pattern.key for pattern in self.patterns.all() if pattern.number is not None])

    def get(self, key: str) -> OffloadedConnection:
        """Raises BenchError RIG-R24 for a key that is not held."""
        try:
            return self._connections[key]
        except KeyError:
            raise BenchError("RIG-R24", f"the driver holds no connection {key!r}") from None

    def find(self, key: str) -> OffloadedConnection | None:
        return self._connections.get(key)

    def all(self) -> list[OffloadedConnection]:
        return list(self._connections.values())

    def owner_of(self, slot: SlotRef | None, pattern_id: int | None) -> OffloadedConnection | OffloadedPattern | None:
        """Whose frame woke the host."""
        connection = next((c for c in self._connections.values() if slot is not None and c.slot == slot), None)
        return connection or self.patterns.with_number(pattern_id)


def _going_on(held: OffloadedConnection | None, payload: PayloadKeepAlive | None) -> PayloadOverSleeps | None:
    """The same payload again goes on where it was; another one begins anew."""
    before = held.payload if held is not None else None
    if payload is None or (before is not None and before.set_by_app == payload):
        return before if payload is not None else None
    return PayloadOverSleeps(payload)
