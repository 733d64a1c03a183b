"""The bytes of firmware/proto/README.md, section 8, are those of a sleep and a wake: sent and answered as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from rig.device import mcumgr
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD
from rig.device.raw_line import RawLine
from rig.device.smp_header import HEADER

from .kinds import KINDS
from .wires import Wire, wired

PAGE = (Path(__file__).parents[2] / "firmware" / "proto" / "README.md").read_text()
STEPS = re.findall(r"^    ([<>=]) ([0-9a-f]+)((?:\n      [0-9a-f]+)*)", PAGE[PAGE.index("## 8.") :], re.MULTILINE)
CLOCKS_AND_IMAGE = {"board": "", "digest": b"", "now_us": 0, "boot_id": 0, "version": ""}
T_RX, T_WAKE = 10, 11
"""In an event; of a frame, the time is the second."""


@pytest.fixture(params=[*KINDS, "reference"])
def line(request: pytest.FixtureRequest) -> Iterator[tuple[RawLine, Wire]]:
    with wired(request.param) as (device, wire):
        with Link(device.port) as link:
            mcumgr.wait_ready(link)
        raw = RawLine(device.port)
        yield raw, wire
        raw.close()


def comparable(message: bytes) -> tuple[bytes, Any]:
    """Without the time of day, and the length that depends on how it is written."""
    header, body = message[: HEADER.size], cbor2.loads(message[HEADER.size :])
    body |= {key: value for key, value in CLOCKS_AND_IMAGE.items() if key in body}
    if "event" in body:
        body["event"][T_RX] = body["event"][T_WAKE] = 0
    for frame in body.get("frames", ()):
        frame[1] = 0
    for slot in body.get("slots", ()):
        slot[10] = slot[11] = 0
    return header[:2] + header[4:], body


def next_of_the_group(raw: RawLine) -> bytes:
    """Not the answers to those who asked whether it has come up."""
    while HEADER.unpack_from(message := raw.get())[3] != GROUP_OFFLOAD:
        pass
    return message


def test_the_worked_example_is_what_devices_say(line: tuple[RawLine, Wire]) -> None:
    raw, wire = line
    assert [mark for mark, _, _ in STEPS].count("<") == 10
    for mark, head, rest in STEPS:
        message = bytes.fromhex(head + "".join(rest.split()))
        if mark == ">":
            raw.put(message)
        elif mark == "=":
            wire.send(message)
        else:
            assert comparable(next_of_the_group(raw)) == comparable(message)
