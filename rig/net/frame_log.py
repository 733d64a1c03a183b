"""Frames as timeline records: one short line a frame, for the pictures and for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rig.mac import mac_bytes
from rig.net.capture import Capture, CapturedFrame
from rig.net.frame_words import describe

FIRST_FRAMES, LAST_FRAMES = 250, 250
"""Of each port: how the test began, and what led to its end. A picture with more says nothing; the pcapng has them all."""


def frame_records(capture: Capture, ports: Sequence[str], host_mac: str, device_port: str) -> Iterator[dict[str, Any]]:
    """Keyword arguments of FRAME records, in order of time: port, t_ns, len, info, as_host (sent with the host's address).

    Those of the device's port, whatever it is called, have `device`.

    The first of a port after a gap also has `left_out`: how many before it are in the pcapng alone.
    """
    mac = mac_bytes(host_mac)
    rows = [row for port in ports for row in _shown(port, capture.frames(port), capture.mark(port))]
    for port, frame, left_out in sorted(rows, key=lambda row: row[1].t_ns):
        data = frame.data
        more = {name: value for name, value in (("device", port == device_port), ("left_out", left_out)) if value}
        yield {"t_ns": frame.t_ns, "port": port, "len": len(data), "info": describe(data), "as_host": data[6:12] == mac, **more}


def _shown(port: str, kept: Sequence[CapturedFrame], count: int) -> Iterator[tuple[str, CapturedFrame, int]]:
    """(port, frame, how many before it are not shown). `kept`: the newest of `count` frames; older ones went for their memory."""
    if len(kept) <= FIRST_FRAMES + LAST_FRAMES:
        first, last = kept[:0], kept
    else:
        first, last = kept[:FIRST_FRAMES], kept[-LAST_FRAMES:]
    forgotten = count - len(kept)
    for part, before in ((first, forgotten), (last, count - len(first) - len(last) - (forgotten if first else 0))):
        for number, frame in enumerate(part):
            yield port, frame, before if number == 0 else 0
