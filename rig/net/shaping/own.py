"""A shaped cable of the rig's own, for kernels without netem: a machine's port leaves the switch, and a process stands between
them.

    machine ── port │ forwarder │ inner ── outer ── switch

Frames that are on the cable in the moment in which it is put in or taken out may be lost, as with one that a person changes.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from rig.children import Child
from rig.clock import WAIT_S
from rig.errors import BenchError
from rig.net import links
from rig.net.namespace import SOL_PACKET, Namespace
from rig.net.shaping.forwarder import ORDER_BYTES, passed_of
from rig.net.shaping.shape import Passed, Shape
from rig.net.vlan_tag import PACKET_AUXDATA


class OwnShaper:
    """Of one port of a switch. `bridge_port` is what the switch has instead of it."""

    def __init__(self, wire: Namespace, port: str, mac: str, bridge: str) -> None:
        """The cable is a plain one until `turn`. Raises BenchError."""
        self._wire, self._port, self._mac, self._bridge = wire, port, mac, bridge
        self.bridge_port, self._inner = f"s{port}"[:15], f"i{port}"[:15]
        self._stack = ExitStack()
        try:
            self._put_in()
        except BaseException:
            self._stack.close()
            raise

    def turn(self, shape: Shape) -> None:
        """For frames that come from now on. Raises BenchError RIG-N25."""
        self._order(shape=asdict(shape))

    @property
    def passed(self) -> dict[str, Passed]:
        return self._order()

    def abandon(self) -> None:
        """The network ends with it: only the process does not do so by itself."""
        self._child.close()
        self._control.close()

    def close(self) -> None:
        """What waits in it comes out at once, and the machine has its plain cable again."""
        try:
            self._order(flush=True)
        finally:
            self._stack.close()

    def _put_in(self) -> None:
        self._wire.run(self._add_pair)
        self._stack.callback(self._wire.run, partial(_remove, self.bridge_port))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = self._stack.enter_context(ours)
        self._control.settimeout(WAIT_S)
        with theirs, self._packet_socket(self._port) as machine, self._packet_socket(self._inner) as switch:
            fds = [theirs.fileno(), machine.fileno(), switch.fileno()]
            self._child = Child([sys.executable, "-m", "rig.net.shaping.forwarder", *map(str, fds)], fds)
        self._stack.callback(self._child.close)
        self._order()
        self._stack.callback(self._wire.run, partial(_swap, self.bridge_port, self._port, self._mac, self._bridge))
        self._wire.run(partial(_swap, self._port, self.bridge_port, self._mac, self._bridge))
        self._order(go=True)

    def _add_pair(self) -> None:
        with links.rtnetlink() as route:
            route.link("add", ifname=self.bridge_port, kind="veth", peer={"ifname": self._inner})
        for name in (self.bridge_port, self._inner):
            links.offloads_off(name)
            links.set_up(name, arp=False)
        links.wait_operational([self.bridge_port, self._inner])

    def _packet_socket(self, name: str) -> socket.socket:
        sock = self._wire.packet_socket(name)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.setblocking(False)
        return sock

    def _order(self, **order: object) -> dict[str, Passed]:
        try:
            self._control.send(json.dumps(order).encode())
            answer = self._control.recv(ORDER_BYTES)
        except OSError as error:
            raise self._lost(str(error)) from error
        if not answer:
            raise self._lost("it ended")
        return passed_of(answer)

    def _lost(self, why: str) -> BenchError:
        words = self._child.stderr() or why
        return BenchError("RIG-N25", f"the process that shapes the cable at {self._port} does not answer: {words}")


def _swap(leaves: str, comes: str, mac: str, bridge: str) -> None:
    """One port of the switch for another; the machine's address belongs to the new one at once. One that is not in a switch, as
    its cable is unplugged, is not put into it."""
    with links.rtnetlink() as route:
        (link,) = route.get_links(ifname=leaves)
        if link.get_attr("IFLA_MASTER") is None:
            return
        route.link("set", index=links.index_of(leaves), master=0)
        links.enslave(route, comes, links.index_of(bridge))
        links.add_static_entry(route, comes, mac)
        links.wait_forwarding([comes])


def _remove(name: str) -> None:
    with links.rtnetlink() as route:
        route.link("del", index=links.index_of(name))
