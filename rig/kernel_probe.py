"""What this kernel lets the rig do, found by doing it: `python -m rig.kernel_probe` prints a JSON object.

A process of its own, as it enters namespaces and cannot come back. Values are "" for "works", else the reason.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from rig.errors import RigError
from rig.net import userns
from rig.process import new_pid_namespace, pid_namespace_refusal

TCP_REPAIR = 19
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
"""tcp.h, if_tun.h"""


def probe() -> dict[str, str]:
    """Feature to reason. "namespaces" comes first: without them the others cannot be tried."""
    outside = {"tun node": attempt(lambda: os.close(os.open("/dev/net/tun", os.O_RDWR)))}
    refused = attempt(_enter)
    if refused:
        return {"namespaces": refused, **outside}
    inside: dict[str, Callable[[], object]] = {
        "veth": lambda: _link(kind="veth", ifname="probe0", peer="probe1"),
        "bridge": lambda: _link(kind="bridge", ifname="probe2"),
        "AF_PACKET": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close(),
        "TCP_REPAIR": _tcp_repair,
        "tap": _tap,
        "NAT": _nat,
        "netem": _netem,
        "PID namespaces": _pid_namespace,  # the last: what is started afterwards would be in it
    }
    return {"namespaces": "", **outside, **{name: attempt(try_it) for name, try_it in inside.items()}}


def attempt(function: Callable[[], object]) -> str:
    """ "" when it worked, else why not."""
    try:
        function()
    except RigError as error:
        return f"{error.cause}\n{error.fix}"
    except Exception as error:  # whatever a library raises is a reason too
        return str(error) or type(error).__name__
    return ""


def _enter() -> None:
    if not userns.enter():
        _unshare_network()


def _unshare_network() -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).unshare(userns.CLONE_NEWNET) != 0:
        raise userns.refusal()


def _link(**parameters: Any) -> None:
    from pyroute2 import IPRoute

    with IPRoute() as route:
        route.link("add", **parameters)


def _tcp_repair() -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)


def _nat() -> None:
    from rig.net import nat
    from rig.net.machines import NatSpec

    nat.translate(NatSpec(established_s=1, forgotten="drop"))


def _netem() -> None:
    from rig.net.shaping import netem

    netem.probe()


def _pid_namespace() -> None:
    try:
        new_pid_namespace()
    except OSError as error:
        raise pid_namespace_refusal(error.errno or 0) from error


def _tap() -> None:
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"probe3", IFF_TAP | IFF_NO_PI))
    finally:
        os.close(fd)


if __name__ == "__main__":
    print(json.dumps(probe()))
