"""A shaped cable by the kernel's own queueing (tc-netem(8)), before both ends of it.

The messages are our own: pyroute2 sends the `rate` of a queue as TCA_RATE too, which is another thing, and the kernel refuses it.
"""

from __future__ import annotations

import os
import socket
import struct
from functools import partial

from rig.errors import BenchError
from rig.net import links
from rig.net.namespace import Namespace
from rig.net.shaping.shape import FROM_MACHINE, TO_MACHINE, Passed, Shape

RTM_NEWQDISC, RTM_DELQDISC, NLMSG_ERROR = 36, 37, 2
REQUEST_ACK, REPLACE_CREATE = 0x1 | 0x4, 0x100 | 0x400
TC_H_ROOT, HANDLE = 0xFFFFFFFF, 0x10000
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_NETEM_RATE, TCA_NETEM_RATE64, TCA_NETEM_LATENCY64, TCA_NETEM_JITTER64 = 6, 8, 10, 11
"""rtnetlink.h, netlink.h, pkt_sched.h"""

FASTEST_BYTES_PER_S = 1 << 40
"""Of a cable without a rate: with one, whatever it is, netem keeps the order of frames that have a jitter."""


class NetemShaper:
    """Of a machine's cable: frames to it wait at its port of the switch, those from it at its own interface."""

    def __init__(self, wire: Namespace, port: str, machine: Namespace, ifname: str) -> None:
        """A plain cable until `turn`."""
        self.bridge_port = port
        self._ends = {TO_MACHINE: (wire, port), FROM_MACHINE: (machine, ifname)}

    def turn(self, shape: Shape) -> None:
        """For frames that come from now on. Raises BenchError RIG-N06."""
        for namespace, ifname in self._ends.values():
            namespace.run(partial(queue, ifname, shape))

    @property
    def passed(self) -> dict[str, Passed]:
        return {name: namespace.run(partial(_passed, ifname)) for name, (namespace, ifname) in self._ends.items()}

    def abandon(self) -> None:
        """It goes with its namespaces."""

    def close(self) -> None:
        """What waits is lost, as on a cable that is changed."""
        for namespace, ifname in self._ends.values():
            namespace.run(partial(_send, _message(RTM_DELQDISC, 0, ifname, b"")))


def offered() -> bool:
    """Whether this kernel has it: tried in a namespace that goes at once."""
    with Namespace("netem") as nowhere:
        try:
            nowhere.run(probe)
        except BenchError:
            return False
    return True


def probe() -> None:
    """Raises BenchError RIG-N06 where there is none. In a namespace that nobody needs."""
    queue("lo", Shape(delay_ms=1))


def queue(ifname: str, shape: Shape) -> None:
    """Replaces what is there, in the calling thread's namespace."""
    _send(_message(RTM_NEWQDISC, REPLACE_CREATE, ifname, options(shape)))


def options(shape: Shape) -> bytes:
    """struct tc_netem_qopt (latency, limit, loss, gap, duplicate, jitter) and what has outgrown it: ns, bytes a second."""
    loss = round((2**32 - 1) * shape.loss_percent / 100)
    rate = shape.rate_kbit * 125 or FASTEST_BYTES_PER_S
    return (
        struct.pack("=6I", 0, shape.limit_frames, loss, 0, 0, 0)
        + _attribute(TCA_NETEM_LATENCY64, struct.pack("=q", round(shape.delay_ms * 1e6)))
        + _attribute(TCA_NETEM_JITTER64, struct.pack("=q", round(shape.jitter_ms * 1e6)))
        + _attribute(TCA_NETEM_RATE, struct.pack("=IiIi", min(rate, 2**32 - 1), 0, 0, 0))
        + _attribute(TCA_NETEM_RATE64, struct.pack("=Q", rate))
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _message(kind: int, flags: int, ifname: str, options: bytes) -> bytes:
    """struct nlmsghdr, struct tcmsg: the interface's root queue. Without options: that queue, whatever it is."""
    body = struct.pack("=BxxxiIII", socket.AF_UNSPEC, links.index_of(ifname), HANDLE, TC_H_ROOT, 0)
    if options:
        body += _attribute(TCA_KIND, b"netem\0") + _attribute(TCA_OPTIONS, options)
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST_ACK | flags, 1, 0) + body


def _send(message: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
        route.send(message)
        answer = route.recv(1 << 16)
    (error,) = struct.unpack_from("=i", answer, 16)
    if error:
        raise BenchError("RIG-N06", f"the kernel refused a queue of kind netem: {os.strerror(-error)}", "rig doctor")


def _passed(ifname: str) -> Passed:
    with links.rtnetlink() as route:
        stats = next(q for q in route.get_qdiscs(links.index_of(ifname)) if q.get_attr("TCA_KIND") == "netem").get_attr(
            "TCA_STATS2"
        )
    basic, waiting = stats.get_attr("TCA_STATS_BASIC"), stats.get_attr("TCA_STATS_QUEUE")
    return Passed(basic["packets"], basic["bytes"], waiting["drops"])
