"""`bench.wire`: the cables of a bench as a test makes them worse, and good again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rig.events import TimelineEvent as E
from rig.net.network import Network
from rig.net.shaping.shape import Passed, Shape
from rig.timeline import TimelineWriter


class Wire:
    """Each turn is a LEVER record: wire (whose cable), loss_percent, delay_ms, jitter_ms, rate_kbit."""

    def __init__(self, network: Network, timeline: TimelineWriter) -> None:
        self._network = network
        self._timeline = timeline

    def shape(
        self, machine: str = "", *, loss_percent: float = 0, delay_ms: float = 0, jitter_ms: float = 0, rate_kbit: int = 0
    ) -> None:
        """The machine's cable from now on, the same each way; without values the plain one again. `machine`: any but the host,
        whose frames may also be the device's; "": where the host's frames to the server go, the server or the gateway.

        Raises UsageError RIG-C20 for what cannot be; then all stays as it was."""
        name, shape = self._named(machine), Shape(loss_percent, delay_ms, jitter_ms, rate_kbit)
        self._network.cables.shape(name, shape)
        self._timeline.add(E.LEVER, wire=name, **asdict(shape))

    @contextmanager
    def shaped(
        self, machine: str = "", *, loss_percent: float = 0, delay_ms: float = 0, jitter_ms: float = 0, rate_kbit: int = 0
    ) -> Iterator[None]:
        """The same while the block runs; as it was before afterwards."""
        before = self.shape_of(machine)
        self.shape(machine, loss_percent=loss_percent, delay_ms=delay_ms, jitter_ms=jitter_ms, rate_kbit=rate_kbit)
        try:
            yield
        finally:
            self.shape(machine, **asdict(before))

    def shape_of(self, machine: str = "") -> Shape:
        """As that cable is now."""
        return self._network.cables.shape_of(self._named(machine))

    def passed(self, machine: str = "") -> dict[str, Passed]:
        """What came through that cable and what was lost in it since it was shaped, by direction: "to_machine" and
        "from_machine". Nothing for a plain one."""
        return self._network.cables.passed(self._named(machine))

    def _named(self, machine: str) -> str:
        return machine or self._network.topology.next_hop.name
