"""One run for one board: between two tests of a run nobody else's run takes the board.

Each test opens the serial port anew, and the port's own lock ends with it (`port.py`); this one lasts as long as the process. It
is an abstract socket's name: held by a descriptor, machine-wide, without a file that could stay behind, and without opening the
port, which resets many boards.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path

from rig.device.port import process
from rig.errors import BenchError

_held: dict[str, socket.socket] = {}
"""By name; given back by the end of this process."""


def take(port: str) -> None:
    """Lease the board at `port` for this process; a second time does nothing. Raises BenchError RIG-S08 when another has it."""
    name = _name(port)
    if name is None or name in _held:
        return
    lease = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lease.bind(name)
        lease.listen()
    except OSError as error:
        lease.close()
        if error.errno != errno.EADDRINUSE:
            raise
        cause = f"the board at {port} is leased by {_holder(name)}"
        raise BenchError("RIG-S08", cause, "wait for that run to end, or give another board:PORT") from error
    _held[name] = lease


def _name(port: str) -> str | None:
    """By what the port is, not by how it is called: /dev/serial/by-id/... are links. None for what nobody can share."""
    if "://" in port:
        return None if port.startswith("fd://") else f"\0offload-rig/board/{port}"
    try:
        device = Path(port).stat().st_rdev
    except OSError:
        return None
    return f"\0offload-rig/board/{os.major(device)}:{os.minor(device)}"


def _holder(name: str) -> str:
    """The process that has the lease, asked of the kernel (SO_PEERCRED: pid, uid, gid of who listens)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1)
        try:
            asking.connect(name)
            pid, _, _ = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return "another run"
    return str(process(pid) or "another run")
