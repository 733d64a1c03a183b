"""What a driver writes into its journal: all that it holds and that neither the device nor the kernel could tell."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from rig.standby.nic.attachment import Attachment
from rig.standby.nic.connections import OffloadedConnection, OffloadedPattern
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.journal import Journal, Note, NotedConnection, NotedPattern
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.registry import Registry
from rig.standby.nic.standby import Standby
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.wire.nic import ToDriver


class Notes:
    """Without a journal nothing is written. `calls`: those of the system that have no answer yet, by number."""

    def __init__(
        self,
        journal: Journal | None,
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
        self._calls: dict[int, ToDriver] = {}
        self._before: Note | None = None
        """Of a driver before this one, until all that it held is here."""

    def begin(self) -> Note | None:
        """What a driver before this one has noted. It stays, but for the system's calls, until `is_whole`."""
        self._before = self._journal.last() if self._journal is not None else None
        if self._before is not None:
            self._calls = dict(self._before.calls)
        return self._before

    def is_whole(self) -> None:
        self._before = None

    def given_back(self, key: str) -> None:
        """What a driver before this one held: who comes after us waits for it no more. Raises as `write`."""
        before = self._before
        if before is None:
            return
        slots = [(noted.slot, noted.names) for noted in before.connections if noted.key == key and noted.slot is not None]
        left = [noted for noted in before.connections if noted.key != key]
        self._before = replace(before, connections=left, orphans=[*before.orphans, *slots])
        self.write()

    def owes(self, number: int, call: ToDriver) -> None:
        """The system waits for an answer: who comes after us owes it, too. Raises as `write`; then nothing is owed."""
        self._calls[number] = call
        try:
            self.write()
        except BaseException:
            del self._calls[number]
            raise

    def answered(self, number: int) -> None:
        if self._calls.pop(number, None) is not None:
            self.write()

    def write(self) -> None:
        """Raises OSError; ValueError when it is too much for the journal."""
        if self._journal is None:
            return
        if self._before is not None:
            self._journal.write(replace(self._before, calls=self._calls))
            return
        frozen = {frozen.connection.key: frozen.tcp for frozen in self._standby.frozen}
        note = Note(
            self._attachment.boot_id,
            self._attachment.epoch,
            self._standby.reinjection.acked,
            [self._noted(connection, frozen.get(connection.key)) for connection in self._registry.all()],
            [_noted_pattern(held) for held in self._registry.patterns.all()],
            [(slot, dict(names)) for slot, names in self._registry.orphans],
            {number: dict(names) for number, names in self._registry.patterns.orphans.items()},
            self._calls,
            self._standby.untold,
            self._standby.wanted_awake,
            self._standby.woke_told_ns,
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


def _noted_pattern(held: OffloadedPattern) -> NotedPattern:
    return NotedPattern(held.key, dict(held.names), held.pattern, held.number, held.resume)
