"""Namespaces without root: a user namespace in which this process is.

Network namespaces need CAP_SYS_ADMIN. Where the kernel lets an ordinary user make a user namespace, the process has
that capability inside it, over network namespaces that it makes there. `enter()` must run before any thread starts
(unshare(2): CLONE_NEWUSER wants a single-threaded process) and once; it cannot be undone. TAP devices stay out of
reach, as /dev/net/tun keeps its file mode; veth, bridges and raw sockets work.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from rig.errors import BenchError, RigBug

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
"""sched.h"""

NEEDED_CAPABILITIES = (12, 13, 21)
"""CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN (capability.h)."""

SWITCHES: tuple[tuple[str, Callable[[int], bool], str], ...] = (
    ("kernel.unprivileged_userns_clone", lambda value: value == 0, "1"),
    ("user.max_user_namespaces", lambda value: value == 0, "10000"),
    ("kernel.apparmor_restrict_unprivileged_userns", lambda value: value != 0, "0"),
)
"""Sysctls that forbid user namespaces: name, when it forbids, the value that allows."""


def privileged() -> bool:
    """Whether this process can make network namespaces as it is."""
    return all(_effective_capabilities() >> bit & 1 for bit in NEEDED_CAPABILITIES)


_entered = False


def entered() -> bool:
    """Whether this process is in a user namespace of its own making."""
    return _entered


def enter() -> bool:
    """Enter a user namespace where it is needed. True when entered. Raises BenchError RIG-N01 or RIG-N02."""
    if privileged():
        return False
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RigBug("RIG-N07", "a user namespace was asked for after threads had started")
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise refusal()
    _write_maps(uid, gid)
    global _entered
    _entered = True
    return True


def refusal() -> BenchError:
    """Why namespaces are refused to this process and the command that mends it: RIG-N02 names a switch, else RIG-N01."""
    for name, forbids, allows in SWITCHES:
        value = _sysctl(name)
        if value is not None and forbids(value):
            return BenchError(
                "RIG-N02",
                f"user namespaces are switched off here: {name} = {value}",
                f"sudo sysctl -w {name}={allows}   (or run as root: sudo rig ...)",
            )
    return BenchError(
        "RIG-N01",
        f"user {_user_name()} may not create a network namespace (it needs CAP_SYS_ADMIN, or user namespaces)",
        "sudo rig ...   (in a container: allow the capabilities SYS_ADMIN, NET_ADMIN and NET_RAW, or --privileged)",
    )


def _write_maps(uid: int, gid: int) -> None:
    """Become root inside. setgroups must be denied before an unprivileged process may write gid_map."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _sysctl(name: str) -> int | None:
    try:
        return int(Path("/proc/sys", *name.split(".")).read_text())
    except (OSError, ValueError):
        return None


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
