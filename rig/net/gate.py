"""The gate between the host and the network: its port's membership in the bridge.

Open: `ph` is a port of the bridge and frames for the host's address go there. Closed: `ph` has no master, no frame
reaches or leaves the host, and frames for the host's address go to the device's port.

Who gets a unicast frame is decided by one bridge entry for the host's address. It is static and sticky (learning never
moves it) and is replaced in place, so that at every instant it points at exactly one port: closing moves the entry,
then takes the port out; opening puts the port in, then moves the entry. Each frame goes to one side, none to both.

A frame that the bridge has given to the host's side may still wait in a processor's backlog when the entry moves. Taking the
port out waits for an RCU grace period, after which no forwarding to it is under way; what is then in the backlogs is
counted and waited for, so that after `close()` nothing more enters the host's stack.

The messages are built once and sent over a netlink socket of our own: pyroute2 would take the same 0.5 ms, but its
objects open one socket for each calling thread, in that thread's namespace, and its import costs 120 ms in a process
(the standby service) that needs four messages of it.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from dataclasses import dataclass

from rig.errors import BenchError
from rig.mac import mac_bytes
from rig.net.attributes import attribute_kinds
from rig.net.backlog import Backlogs
from rig.net.namespace import Namespace
from rig.net.netlink import ANSWER_BYTES, HEADER, NLM_F_ACK, acknowledgements, request

RTM_GETLINK, RTM_SETLINK, RTM_NEWNEIGH = 18, 19, 28
NLM_F_REPLACE, NLM_F_CREATE = 0x100, 0x400
IFLA_MASTER, NDA_LLADDR = 10, 2
NUD_NOARP, NTF_MASTER, NTF_STICKY = 0x40, 0x04, 0x40
IFINFOMSG_BYTES = 16
"""rtnetlink.h, netlink.h, if_link.h, neighbour.h"""


class Gate:
    """Opens and closes the host's way to the network; usable by every process that holds the wire's descriptor.

    Opens its sockets once. Thread-safe.
    """

    def __init__(
        self, wire_ns_fd: int, host_mac: str, host_port: str = "ph", device_port: str = "pn", bridge: str = "br0"
    ) -> None:
        self._lock = threading.Lock()
        wire = Namespace("wire", wire_ns_fd)  # borrowed: never closed here
        ports = wire.run(lambda: _Ports(*(socket.if_nametoindex(name) for name in (host_port, device_port, bridge))))
        self._netlink = wire.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._netlink.bind((0, 0))
        self._packet = wire.packet_socket(host_port, receive=False)
        self._backlogs = Backlogs()
        mac = mac_bytes(host_mac)
        self._close_messages = _forward(mac, ports.device) + _set_master(ports.host, 0)
        self._join_message = _set_master(ports.host, ports.bridge)
        self._steer_message = _forward(mac, ports.host)
        self._query = request(RTM_GETLINK, 0, struct.pack("=BxHiII", 0, 0, ports.host, 0, 0))

    def close(self) -> None:
        """Cut the host off; when this returns, nothing more enters its stack and the device gets its frames."""
        with self._lock:
            self._send(self._close_messages, answers=2)
            self._backlogs.drain()

    def open(self) -> None:
        """Put the host back on the network; when this returns, its port forwards and gets its frames."""
        with self._lock:
            self._send(self._join_message + self._steer_message, answers=2)

    def join(self) -> None:
        """First half of opening: the host can send again, its unicast frames still go to the device."""
        with self._lock:
            self._send(self._join_message, answers=1)

    def steer_to_host(self) -> None:
        """Second half: from now the host's unicast frames go to its own port."""
        with self._lock:
            self._send(self._steer_message, answers=1)

    def wait_delivered(self) -> None:
        """What was on its way through the switch is where it was sent to, such as at the device when `steer_to_host` is over."""
        with self._lock:
            self._backlogs.drain()  # into the switch
            self._backlogs.drain()  # and out of it

    @property
    def is_open(self) -> bool:
        """What the kernel says, so that it also holds when another process moved the gate."""
        with self._lock:
            self._netlink.send(self._query)
            reply = self._netlink.recv(ANSWER_BYTES)
        return any(kind == IFLA_MASTER for kind in attribute_kinds(reply, HEADER.size + IFINFOMSG_BYTES))

    @property
    def state(self) -> str:
        """ "open" or "closed"."""
        return "open" if self.is_open else "closed"

    def inject(self, frame: bytes) -> int:
        """Send an Ethernet frame towards the host, whatever the gate's state. Returns the time before it, monotonic ns."""
        t_ns = time.monotonic_ns()
        self._packet.send(frame)
        return t_ns

    def release(self) -> None:
        """Close the sockets. The gate itself stays as it is."""
        for resource in (self._netlink, self._packet, self._backlogs):
            resource.close()

    def _send(self, messages: bytes, answers: int) -> None:
        """Raises BenchError RIG-N06 when the kernel refuses; all answers are taken first, so that the next call finds none."""
        self._netlink.send(messages)
        errors: list[int] = []
        while len(errors) < answers:
            errors += acknowledgements(self._netlink.recv(ANSWER_BYTES))
        if any(errors):
            refused = ", ".join(os.strerror(error) for error in errors if error)
            raise BenchError("RIG-N06", f"the kernel refused to move the gate: {refused}", "rig doctor")


@dataclass(frozen=True)
class _Ports:
    """Interface indices."""

    host: int
    device: int
    bridge: int


def _set_master(port: int, master: int) -> bytes:
    """struct ifinfomsg, IFLA_MASTER; 0 is "no master"."""
    body = struct.pack("=BxHiII", 0, 0, port, 0, 0) + struct.pack("=HHI", 8, IFLA_MASTER, master)
    return request(RTM_SETLINK, NLM_F_ACK, body)


def _forward(mac: bytes, port: int) -> bytes:
    """struct ndmsg, NDA_LLADDR: replace the bridge's entry for `mac` by a static, sticky one that points at `port`."""
    body = struct.pack("=BxxxiHBB", socket.AF_BRIDGE, port, NUD_NOARP, NTF_MASTER | NTF_STICKY, 0)
    attribute = struct.pack("=HH6sxx", 10, NDA_LLADDR, mac)
    return request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE, body + attribute)
