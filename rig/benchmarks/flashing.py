"""How well flashing fills a serial line.

The emulated devices sit behind a line of a given speed (rig.device.line). The least time the line allows is the time of the
encoded bytes of the image alone: 4/3 for base64, framing of each 127-character line, 10 bits a byte. What is above that in
the upload's messages (headers, CBOR), and every wait for a reply, counts against the efficiency.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from rig.device.factory import emulated
from rig.device.flash import Progress, carry_out, make_plan
from rig.device.image import load
from rig.device.line import PacedLine
from rig.device.line_time import BITS_PER_BYTE
from rig.device.link import Link

BAUDRATE = 921_600
LINE_CHARACTERS, LINE_PAYLOAD_BYTES = 127, 93
"""A full SMP line: two marker bytes, 124 characters of base64 that stand for 93 bytes, a newline."""


@dataclass(frozen=True)
class Flashing:
    """`upload_s` from the first to the last byte of the image; `efficiency` the line's least time over it."""

    image_bytes: int
    upload_s: float
    efficiency: float


def run(kind: str) -> Flashing:
    """Flash an erased device over a paced line. Raises BenchError when it cannot."""
    with emulated(kind) as device, PacedLine(device.port, BAUDRATE) as line, Link(line.port, baudrate=BAUDRATE) as link:
        times_s: list[tuple[float, int]] = []

        def note(progress: Progress) -> None:
            times_s.append((time.monotonic(), progress.sent_bytes))

        image = load(device.firmware.image)
        carry_out(link, make_plan(link, image), note)
    (start_s, first), (end_s, last) = times_s[0], next(item for item in times_s if item[1] == times_s[-1][1])
    upload_s = end_s - start_s
    return Flashing(len(image.data), upload_s, least_time_s(last - first) / upload_s)


def least_time_s(payload_bytes: int) -> float:
    """What the line needs for so many bytes of payload, encoded."""
    return payload_bytes / LINE_PAYLOAD_BYTES * LINE_CHARACTERS * BITS_PER_BYTE / BAUDRATE
