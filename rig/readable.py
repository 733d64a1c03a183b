"""Whether a descriptor has something to read: poll(2), as select(2) knows no descriptor above 1023."""

from __future__ import annotations

import select


def readable(fd: int, timeout_s: float) -> bool:
    """Waits at most `timeout_s`, 0 for not at all. A hang-up counts: the read says so."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
