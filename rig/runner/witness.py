"""What a failing test says beside its assertion: by which text it asks for what it asks, and what was on the device's wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rig import catalogue
from rig.inject.decoded import decoded, summary
from rig.runner.about import requirements

if TYPE_CHECKING:
    from rig.bench import Bench

ASKED_FOR, ON_WIRE = "asked for by", "the device's wire"
"""What the notes begin with."""
SHOWN_FRAMES = 10
"""The newest, as a line each; the last one either way with all of its fields and bytes."""


class Crossed(NamedTuple):
    """A frame on the device's cable. `t_ns`: CLOCK_MONOTONIC."""

    t_ns: int
    to_device: bool
    data: bytes


WITNESS: pytest.StashKey[Callable[[], Sequence[Crossed]]] = pytest.StashKey()
"""Set on a test that has a device on a cable: what crossed it, in order."""


FILES: pytest.StashKey[Callable[[Path], None]] = pytest.StashKey()
"""Set on a test that has a device: writes into a folder what is left by nobody else when the test fails."""


def on_bench(bench: Bench) -> list[Crossed]:
    """Of the newest frames of the device's port: what the device sends has the host's address."""
    host = bytes.fromhex(bench.network.topology.host.mac.replace(":", ""))
    frames = bench.capture.frames(bench.network.device_port)[-4 * SHOWN_FRAMES :]
    return [Crossed(frame.t_ns, frame.data[6:12] != host, frame.data) for frame in frames]


def asked_for(item: pytest.Item) -> str:
    """The requirements that the test proves, with their texts."""
    known = catalogue.load()
    lines: list[str] = []
    for found in (known[id_] for id_ in dict.fromkeys(requirements(item)) if id_ in known):
        lines.append(f"{ASKED_FOR} {found.id} ({found.source}): {found.condition} {found.required}")
    return "\n".join(lines)


def on_wire(item: pytest.Item) -> str:
    """The newest frames of the device's cable; empty for a test that has none, and where none crossed."""
    witness = item.stash.get(WITNESS, None)
    frames = list(witness())[-SHOWN_FRAMES:] if witness is not None else []
    if not frames:
        return ""
    end_ns = frames[-1].t_ns
    lines = [f"{ON_WIRE}, the last {len(frames)} frames (> to the device, < from it; ms before the last):"]
    lines += [
        f"  {(frame.t_ns - end_ns) / 1e6:10.3f} {'>' if frame.to_device else '<'} {summary(frame.data)}" for frame in frames
    ]
    for to_device, label in ((True, "last to the device"), (False, "last from the device")):
        last = next((frame for frame in reversed(frames) if frame.to_device is to_device), None)
        if last is not None:
            lines += decoded(label, last.data)
    return "\n".join(lines)
