"""A driver that is started anew: what the one before held, the device and the kernel say how far it was.

The system gives the descriptors of the connections again. Then the device is asked: while it speaks for the host nothing is
changed, and the host sleeps on. Else the host is put back on the network.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from msgspec.structs import replace

from rig.device.numbers import Power
from rig.standby.nic.connections import OffloadedConnection, OffloadedPattern
from rig.standby.nic.journal import Note, NotedConnection
from rig.standby.nic.label_watch import LabelWatch
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps
from rig.standby.nic.registry import Registry
from rig.standby.nic.standby import Standby
from rig.standby.nic.steps import Step
from rig.standby.nic.ts_watch import TsWatch
from rig.standby.wire.nic import Held

ASLEEP = (Power.D3, Power.WOKEN)


class Recovery:
    """`on_whole` is called once, when every connection has its descriptor or is given back."""

    def __init__(
        self,
        note: Note,
        standby: Standby,
        registry: Registry,
        watches: tuple[TsWatch, LabelWatch],
        on_whole: Callable[[], None],
    ) -> None:
        self._standby = standby
        self._registry = registry
        self._ts_watch, self._label_watch = watches
        self._on_whole = on_whole
        self._missing = {noted.key: noted for noted in note.connections}
        standby.reinjection.acked = note.acked
        standby.untold, standby.wanted_awake, standby.woke_told_ns = note.untold, note.wanted_awake, note.woke_told_ns
        registry.restore_orphans(note.orphans)
        patterns = (OffloadedPattern(p.key, p.names, p.pattern, p.number, p.resume) for p in note.patterns)
        registry.patterns.restore(patterns, note.pattern_orphans)

    @property
    def missing(self) -> list[str]:
        """Keys of connections that are waited for."""
        return list(self._missing)

    @property
    def held(self) -> Held:
        """As far as is known before the device is asked: a host that may sleep counts as asleep. `Woke` follows where it does
        not."""
        held = self._registry.held(self._standby.untold)
        waited_for = {noted.key: noted.slot for noted in self._missing.values() if noted.slot is not None}
        return replace(held, slots={**waited_for, **held.slots})

    def adopt(self, key: str, sock: socket.socket) -> None:
        """Its descriptor is here; it is taken, or closed when nobody waits for it."""
        noted = self._missing.pop(key, None)
        if noted is None:
            sock.close()
            return
        try:
            self._restore(noted, sock)
        finally:
            self._look()

    def give_back(self, key: str) -> bool:
        """The system does not know it. Whether it was waited for: its slot is freed when the device is asked."""
        noted = self._missing.pop(key, None)
        if noted is None:
            return False
        if noted.slot is not None:
            self._registry.add_orphan(noted.slot, noted.names)
        self._look()
        return True

    def _restore(self, noted: NotedConnection, sock: socket.socket) -> None:
        payload = PayloadOverSleeps.restored(noted.payload) if noted.payload is not None else None
        connection = OffloadedConnection(
            noted.key, sock, noted.names, noted.network_minutes, noted.next_hop, noted.slot, payload, noted.resume
        )
        self._registry.restore(connection)
        self._ts_watch.seed(sock, noted.ts_recent)
        self._label_watch.seed(sock, noted.flow_label)
        self._standby.restore(connection, noted.frozen)

    def _look(self) -> None:
        if not self._missing:
            self._on_whole()

    def steps(self, tell: Callable[[], None], *, slept: bool) -> list[Step]:
        """When the device does not speak for the host: as after an entry that failed, or at the end of a wake. `tell` says that
        the host is awake, which it was not if it `slept`. Who hears it continues apps, which must not read or write what is taken
        back."""
        standby = self._standby
        return [
            Step("take back", standby.take_back),
            Step("thaw", standby.thaw),
            *([Step("tell", tell)] if standby.untold or slept else []),
            Step("rejoin", standby.rejoin),
            Step("idle device", standby.idle_device),
            Step("slots and patterns", lambda: standby.lose(self._registry.match())),
        ]
