"""What a driver writes into its journal: all that it holds and that neither the device nor the kernel could tell."""

from __future__ import annotations

import contextlib

from rig.standby.nic.attachment import Attachment
from rig.standby.nic.connections import OffloadedConnection
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.journal import Journal, Note, NotedConnection, NotedPattern
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.registry import Registry
from rig.standby.nic.standby import Standby
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.wire.nic import ToDriver


class Notes:
    """`calls`: those of the system that have no answer yet, by number."""

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        standby: Standby,
        attachment: Attachment,
        watches: tuple[TsWatch, LabelWatch],
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._standby = standby
        self._attachment = attachment
        self._ts_watch, self._label_watch = watches
        self.calls: dict[int, ToDriver] = {}

    def last(self) -> Note | None:
        """Of a driver before this one."""
        return self._journal.last()

    def write(self) -> None:
        """Raises OSError."""
        frozen = {frozen.connection.key: frozen.tcp for frozen in self._standby.frozen}
        note = Note(
            self._attachment.boot_id,
            self._attachment.epoch,
            self._standby.reinjection.acked,
            [self._noted(connection, frozen.get(connection.key)) for connection in self._registry.all()],
            [NotedPattern(held.key, dict(held.names), held.pattern) for held in self._registry.patterns],
            [(slot, dict(names)) for slot, names in self._registry.orphans],
            self.calls,
        )
        self._journal.write(note)

    def _noted(self, connection: OffloadedConnection, frozen: FrozenTcp | None) -> NotedConnection:
        ts_recent, flow_label = 0, 0
        with contextlib.suppress(OSError):  # the peer has reset it
            ts_recent = self._ts_watch.ts_recent(connection.sock)
            flow_label = self._label_watch.flow_label(connection.sock)
        return NotedConnection(
            key=connection.key,
            names=dict(connection.names),
            network_minutes=connection.network_minutes,
            next_hop=connection.next_hop,
            slot=connection.slot,
            payload=connection.payload.noted if connection.payload is not None else None,
            resume=connection.resume,
            frozen=frozen,
            ts_recent=ts_recent,
            flow_label=flow_label,
        )
