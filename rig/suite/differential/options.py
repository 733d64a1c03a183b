"""The options of a TCP header (RFC 9293 3.1, 3.2)."""

from __future__ import annotations

import struct

from rig.suite.differential.segment import HEADER_BYTES, TIMESTAMP_KIND, Segment

END, NO_OPERATION = 0, 1
TIMESTAMP_BYTES = 10
"""RFC 7323 3.2."""


class Malformed(Exception):
    """MUST-7: "prepared to handle an illegal option length"; the contract drops what is broken (section 4, 2)."""


def timestamps_of(segment: Segment) -> tuple[int, int] | None:
    """(TSval, TSecr), None without the option. Raises Malformed, also for a data offset that cannot be."""
    if segment.data_offset is not None and not 5 <= segment.data_offset <= (HEADER_BYTES + len(segment.options)) // 4:
        raise Malformed("data offset")
    found, at, options = None, 0, segment.options
    while at < len(options) and options[at] != END:
        if options[at] == NO_OPERATION:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            raise Malformed("option length")
        if options[at] == TIMESTAMP_KIND:
            if length != TIMESTAMP_BYTES:
                raise Malformed("timestamp option")
            found = struct.unpack_from("!II", options, at + 2)
        at += length
    return found
