"""A topology made real: namespaces, cables, a bridge, the device's port. Everything is gone when it is closed or the
process ends.

    namespace host              namespace wire                 namespace server
      eth0 ──────────────── ph ─┐                   ┌─ ps ──────────── eth0
                                ├──── bridge br0 ───┤
                  device ─── pn ┘                   └─ p-NAME ... other peers

With routers there is a second bridge, br1, for the machines behind them; a router's eth0 is on br0, its eth1 (p-NAME, f-NAME) on
br1. `pn` is the device's port: one end of a veth whose other end `n0` the native device reads and writes with AF_PACKET, or
the TAP that QEMU holds. The bridge does not learn there, as the device speaks with the host's address while the host sleeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from rig.config import DEVICE_KINDS
from rig.errors import UsageError
from rig.net import links, nat, retransmission
from rig.net.cables import Cables
from rig.net.capture import Capture
from rig.net.changes import changes
from rig.net.device_port import DevicePort
from rig.net.gate import Gate
from rig.net.machines import NEAR_IFNAME, HostSpec, Leg, Topology
from rig.net.namespace import Namespace
from rig.net.socket_ends import destroy_tcp_sockets

HOST_IFNAME = NEAR_IFNAME
BRIDGE_MAC, FAR_BRIDGE_MAC = "02:00:00:00:ff:00", "02:00:00:00:ff:fd"


class Network:
    """Namespaces by name in `namespaces` ("wire" and the topology's hosts). Made with the gate open."""

    def __init__(self, topology: Topology, device_kind: str = "native", nic: str = "", *, nic_force: bool = False) -> None:
        """`nic`: for a board, this machine's interface that its Ethernet is wired to; it is ours until `close`. `nic_force`: also
        one that is in use.

        Raises BenchError RIG-N01, N02 (no right to namespaces), N03 (no TAP), N06 (the kernel refuses), and of a NIC what
        BorrowedNic does.
        """
        if device_kind not in DEVICE_KINDS:
            raise UsageError("RIG-C02", f"device kind {device_kind!r}: expected one of {', '.join(DEVICE_KINDS)}")
        self.topology = topology
        self.device_kind = device_kind
        self.device = DevicePort(device_kind, nic, nic_force=nic_force)
        self.device_port = self.device.name
        self.namespaces: dict[str, Namespace] = {}
        self._gate: Gate | None = None
        self.cables = Cables(topology, self.namespaces)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    @property
    def wire(self) -> Namespace:
        return self.namespaces["wire"]

    @property
    def host(self) -> Namespace:
        return self.namespaces[self.topology.host.name]

    @property
    def server(self) -> Namespace:
        return self.namespaces[self.topology.server.name]

    @property
    def next_hop(self) -> Namespace:
        """Of the machine that the server's frames come to the host from."""
        return self.namespaces[self.topology.next_hop.name]

    @property
    def ports(self) -> list[str]:
        """The wire-side ports: what a capture listens on. The device's is last."""
        return [leg.port for leg in self.topology.legs] + [self.device_port]

    def gate(self) -> Gate:
        """This process's gate; another process makes its own: Gate(wire.fd, host_mac)."""
        if self._gate is None:
            host = self.topology.host
            self._gate = Gate(self.wire.fd, host.mac, host.port, self.device_port, self.topology.bridge)
        return self._gate

    def capture(self, path: Path | None = None, keep: bytes = b"", background: bool = True) -> Capture:
        """Record every wire-side port from now on, into a pcapng file if `path` is given; with `keep`, a classic BPF program,
        the frames that it passes. `background`: see Capture. The caller closes it."""
        owners = {leg.port: f"{leg.name} {leg.mac}" for leg in self.topology.legs}
        comment = f"topology {self.topology.name}, device {self.device_kind}"
        return Capture(self.wire, {port: owners.get(port, "device") for port in self.ports}, path, comment, keep, background)

    def set_device_port(self, *, up: bool) -> None:
        """The device's port of the switch; while it is down nothing crosses it, and a veth or NIC there has no carrier."""
        self.wire.run(partial(_set_port, self.device_port, up))

    def set_host_port(self, *, up: bool) -> None:
        """The host's port of the switch; while it is down the host's interface has no carrier."""
        self.wire.run(partial(_set_port, self.topology.host.port, up))
        if up and self.gate().is_open:
            self.wire.run(partial(links.wait_forwarding, [self.topology.host.port]))

    @contextmanager
    def host_without_power(self) -> Iterator[None]:
        """The host's processes end while the block runs, as on a machine that loses its power: no peer hears of a connection
        that it is over, and the kernel knows none of them afterwards. The gate is closed then; the next driver opens it."""
        self.gate().close()
        yield
        self.host.run(destroy_tcp_sockets)

    def set_least_retransmission(self, least_ms: int) -> None:
        """Let the peers wait at least so long before they send a segment again, on connections that are made after this."""
        for spec in self.topology.hosts.values():
            if spec is not self.topology.host and spec.far is None:
                metrics = retransmission.metrics(least_ms)
                self.namespaces[spec.name].run(partial(_route_anew, spec, self.topology, metrics))

    def set_host_metrics(self, metrics: Mapping[str, int]) -> None:
        """Of the host's routes, by pyroute2's names (rtnetlink(7), RTA_METRICS), for connections that are made after this. Raises
        BenchError RIG-N06: the kernel does not know one of them."""
        self.host.run(partial(_route_anew, self.topology.host, self.topology, metrics))

    def forget_mappings(self) -> None:
        """The gateway's address translation forgets all connections at once. Raises BenchError RIG-N12."""
        self.next_hop.run(nat.forget)

    @contextmanager
    def unplugged(self, name: str) -> Iterator[None]:
        """The machine's cable out of its switch while the block runs: every frame to and from it is lost, its link stays up.

        A router's cable is the one on the host's side.
        """
        leg = self.topology.hosts[name]
        self.wire.run(partial(_set_bridge, self.cables.bridge_port(name), 0))
        try:
            yield
        finally:
            self.wire.run(lambda: _set_bridge(self.cables.bridge_port(name), links.index_of(self.topology.bridge_of(leg))))

    def close(self) -> None:
        """Let go of everything; the kernel frees it in the background. A second call does nothing."""
        self.cables.abandon()
        if self._gate is not None:
            self._gate.release()
            self._gate = None
        try:
            self.device.close()
        finally:
            self._close_namespaces()

    def _close_namespaces(self) -> None:
        while self.namespaces:
            self.namespaces.popitem()[1].close()

    def __enter__(self) -> Network:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _build(self) -> None:
        for name in ("wire", *self.topology.hosts):
            self.namespaces[name] = Namespace(name)
        for spec in self.topology.hosts.values():
            self.namespaces[spec.name].run(partial(links.quiet_ipv6, spec.ipv6 is not None))
        self.device.borrow(self.wire)
        self.wire.run(self._lay_cables)
        lossy = any(spec.cable.loss_percent for spec in self.topology.hosts.values())
        least_ms = retransmission.KERNELS_OWN_MS if lossy else retransmission.PATIENT_MS
        for spec in self.topology.hosts.values():
            metrics = {} if spec is self.topology.host else retransmission.metrics(least_ms)
            self.namespaces[spec.name].run(partial(_make_ready, spec, self.topology, metrics))
        self.wire.run(self._join_ports)
        self.device.open(self.wire)
        for spec in self.topology.hosts.values():
            if not spec.cable.plain:
                self.cables.shape(spec.name, spec.cable)

    def _lay_cables(self) -> None:
        """Bridge and cables, wire ends up; not yet joined, as a port forwards only once its link is operational."""
        links.quiet_ipv6(enabled=False)
        links.plain_bridging()
        links.set_up("lo")
        with changes() as route:
            links.add_bridge(route, self.topology.bridge, BRIDGE_MAC)
            if self.topology.routers:
                links.add_bridge(route, self.topology.far_bridge, FAR_BRIDGE_MAC)
            for number, leg in enumerate(self.topology.legs, 1):
                links.add_veth(route, leg.port, f"02:00:00:00:ff:{number:02x}", leg.ifname, leg.mac, self.namespaces[leg.name].fd)
                links.offloads_off(leg.port)
                links.set_up(leg.port)
            self.device.lay(route)

    def _join_ports(self) -> None:
        bridge = links.index_of(self.topology.bridge)
        with changes() as route:
            links.wait_operational(self.ports)
            for leg in self.topology.legs:
                links.enslave(route, leg.port, links.index_of(self.topology.bridge_of(leg)))
                links.add_static_entry(route, leg.port, leg.mac)
            links.enslave(route, self.device_port, bridge, learning=False)
        links.wait_operational(sorted({self.topology.bridge_of(leg) for leg in self.topology.legs}))
        links.wait_forwarding(self.ports)


def _set_bridge(port: str, bridge_index: int) -> None:
    with changes() as route:
        route.link("set", index=links.index_of(port), master=bridge_index)


def _set_port(name: str, up: bool) -> None:
    with changes() as route:
        route.link("set", index=links.index_of(name), state="up" if up else "down")
    if up:
        links.wait_operational([name])


def _make_ready(spec: HostSpec, topology: Topology, metrics: Mapping[str, int]) -> None:
    """A machine's interfaces up, with addresses and routes. Its cables are laid; no switch joins them yet."""
    if spec.far is not None:
        links.forward()
    links.set_up("lo")
    with changes() as route:
        for leg in spec.legs:
            _bring_leg_up(route, leg)
        _wait_host_ready(spec)
        _add_routes(route, spec, topology, metrics)


def _bring_leg_up(route: Any, leg: Leg) -> None:
    links.offloads_off(leg.ifname)
    links.set_up(leg.ifname)
    for address in leg.addresses:
        links.add_address(route, leg.ifname, address)


def _route_anew(spec: HostSpec, topology: Topology, metrics: Mapping[str, int]) -> None:
    with changes() as route:
        _add_routes(route, spec, topology, metrics)


def _wait_host_ready(spec: HostSpec) -> None:
    links.wait_operational([leg.ifname for leg in spec.legs])
    for leg in spec.legs:
        links.wait_addresses(leg.ifname, leg.addresses)


def _add_routes(route: Any, spec: HostSpec, topology: Topology, metrics: Mapping[str, int]) -> None:
    """The first router is the gateway of the machines on both of its sides; a router knows its networks already. `metrics`: of a
    machine's own routes; a peer's have those of rig.net.retransmission, the host is as it is."""
    if spec.far is not None:
        if spec.nat is not None:
            nat.translate(spec.nat)
        return
    if metrics:
        retransmission.set_metrics(route, spec, metrics)
    for gateway in _gateways(spec, topology):
        links.set_default_route(route, gateway, metrics)


def _gateways(spec: HostSpec, topology: Topology) -> list[str]:
    """Addresses of a machine's gateway, one for each family that both have."""
    if not topology.routers:
        return []
    gateway = topology.routers[0].far if topology.is_far(spec) else topology.routers[0]
    assert gateway is not None
    families = {address.version for address in spec.addresses}
    return [str(address.ip) for address in gateway.addresses if address.version in families]
