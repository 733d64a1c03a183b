"""Options of a TCP header (RFC 9293 section 3.1, RFC 7323)."""

from __future__ import annotations

import struct

END, NO_OPERATION, TIMESTAMPS = 0, 1, 8
TIMESTAMPS_BYTES = 10


def timestamps(options: bytes) -> tuple[int, int] | None:
    """(TSval, TSecr), None when there are none. A length that cannot be, from a peer, ends the looking or is stepped over."""
    at = 0
    while at + 1 < len(options) and options[at] != END:
        if options[at] == NO_OPERATION:
            at += 1
            continue
        if options[at] == TIMESTAMPS and at + TIMESTAMPS_BYTES <= len(options):
            return struct.unpack_from("!II", options, at + 2)
        at += max(2, options[at + 1])
    return None
