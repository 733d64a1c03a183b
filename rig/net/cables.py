"""The cables of a topology's machines, plain until somebody shapes one: by the kernel's own queueing where it has netem, else by
a process between port and switch."""

from __future__ import annotations

from collections.abc import Mapping

from rig.errors import UsageError
from rig.net.machines import HostSpec, Topology
from rig.net.namespace import Namespace
from rig.net.shaping import netem
from rig.net.shaping.netem import NetemShaper
from rig.net.shaping.own import OwnShaper
from rig.net.shaping.shape import PLAIN, Passed, Shape


class Cables:
    """By the machine's name; a router's is the one on the host's side."""

    def __init__(self, topology: Topology, namespaces: Mapping[str, Namespace]) -> None:
        """`namespaces`: "wire" and those of the machines, once they are made."""
        self._topology = topology
        self._namespaces = namespaces
        self._shapers: dict[str, NetemShaper | OwnShaper] = {}
        self._shapes: dict[str, Shape] = {}

    def shape(self, name: str, shape: Shape) -> None:
        """What it does to frames from now on. Raises UsageError RIG-C20, BenchError."""
        spec = self._topology.hosts.get(name)
        if spec is None or spec is self._topology.host:
            others = ", ".join(other for other in self._topology.hosts if other != self._topology.host.name)
            raise UsageError("RIG-C20", f"there is no cable of {name!r} to shape", f"one of {others}")
        if shape.plain:
            if name in self._shapers:
                self._shapers.pop(name).close()
        else:
            if name not in self._shapers:
                self._shapers[name] = self._shaper(spec)
            self._shapers[name].turn(shape)
        self._shapes[name] = shape

    def shape_of(self, name: str) -> Shape:
        return self._shapes.get(name, PLAIN)

    def passed(self, name: str) -> dict[str, Passed]:
        """Through it since it is shaped, by direction; {} for a plain one."""
        return self._shapers[name].passed if name in self._shapers else {}

    def bridge_port(self, name: str) -> str:
        """The switch's end of it."""
        return self._shapers[name].bridge_port if name in self._shapers else self._topology.hosts[name].port

    def abandon(self) -> None:
        """They go with their namespaces."""
        while self._shapers:
            self._shapers.popitem()[1].abandon()

    def _shaper(self, spec: HostSpec) -> NetemShaper | OwnShaper:
        wire = self._namespaces["wire"]
        if netem.offered():
            return NetemShaper(wire, spec.port, self._namespaces[spec.name], spec.ifname)
        return OwnShaper(wire, spec.port, spec.mac, self._topology.bridge_of(spec))
