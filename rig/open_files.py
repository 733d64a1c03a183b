"""How many files a process may have open at a time: each socket of the broker is one, in the system and in the supervisor.

The soft limit is there for programs that cannot cope with numbers above 1024 (select); the rig's can, and take the hard one.
"""

from __future__ import annotations

import resource

from rig.errors import UsageError

RESERVED = 128
"""Of those that a process of the host may have, kept for what it goes on with: lines of apps, a new system, a look into /proc."""
FIX = "as root: ulimit -Hn 65536   (in a container: docker run --ulimit nofile=65536; a service: LimitNOFILE=65536)"


def most() -> int:
    """Of this process, now."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def hard_limit() -> int:
    """What it may allow itself."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def allow_all() -> None:
    """This process and those that it will start may have as many as it can allow them."""
    hard = hard_limit()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_reserved(fd: int) -> bool:
    """Whether a descriptor that was just opened is one of the last: the kernel gives the lowest number that is free."""
    return fd >= most() - RESERVED


def check_room(count: int, what: str) -> None:
    """Raises UsageError when this machine does not let a process have so many, and what it needs beside."""
    if count + RESERVED > hard_limit():
        cause = f"{what} take {count + RESERVED:,} open files of a process, which may have {hard_limit():,}"
        raise UsageError("RIG-C25", cause, FIX)
