"""Whether descriptors have something to read or take something: poll(2), as select(2) knows no descriptor above 1023."""

from __future__ import annotations

import select
from collections.abc import Iterable, Mapping, Set


def readable(fd: int, timeout_s: float | None) -> bool:
    """Waits at most `timeout_s`, 0 for not at all, None for as long as it takes. A hang-up counts: the read says so."""
    return bool(ready({fd: select.POLLIN}, timeout_s))


def writable(fd: int, timeout_s: float | None) -> bool:
    """Waits likewise. A broken line counts: the write says so."""
    return bool(ready({fd: select.POLLOUT}, timeout_s))


def readable_of(fds: Iterable[int], timeout_s: float | None) -> Set[int]:
    """Those of `fds` that `readable` would say yes of: one of them ends the wait."""
    return ready(dict.fromkeys(fds, select.POLLIN), timeout_s)


def ready(wanted: Mapping[int, int], timeout_s: float | None) -> Set[int]:
    """Descriptors for which something is there of what is wanted, POLLIN or POLLOUT, or an error or a hang-up."""
    poll = select.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    return {fd for fd, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)}
