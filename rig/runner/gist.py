"""What of a failure's reason a screen shows: its own words, by which text they are asked for, what was on the wire.

pytest tells of two values that differ character by character, which fills a screen before the notes come that say which frame it
was about and what asks for another one. All of it stands in the reports.
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.runner.wakes.ledger import UNPLANNED
from rig.runner.witness import ASKED_FOR, ON_WIRE

WORDS, WAKES, TEXTS, FRAMES = 6, 3, 2, 4
"""Lines of each part at most."""

FIX = "fix: "
"""What is to be done, behind whatever else is said: shown also where that is long."""

COMPARISONS = ("At index ", "Full diff", "Omitting ", "Left contains ", "Right contains ", "Differing items", "Use -v ")
"""With these pytest begins to compare; what stands before is said already."""

EXPIRED = ("assert not True", "+  where True = <rig.clock.Deadline ")
"""How pytest tells of a deadline that is over, behind words that say what it was for."""


def gist(error: str) -> list[str]:
    """The lines, in the order in which they stand."""
    parts: dict[str, list[str]] = {"": [], UNPLANNED: [], ASKED_FOR: [], ON_WIRE: []}
    part = ""
    for line in error.splitlines():
        part = next((note for note in parts if note and line.startswith(note)), part)
        parts[part].append(line)
    wire = parts[ON_WIRE]
    frames = [line for line in wire[1:] if line.lstrip(" -.0123456789").startswith(("> ", "< "))]
    words, wakes = _cut(list(_said(parts[""])), WORDS), _cut(parts[UNPLANNED], WAKES)
    return [*words, *wakes, *parts[ASKED_FOR][:TEXTS], *wire[:1], *frames[-FRAMES:]]


def _cut(lines: list[str], most: int) -> list[str]:
    return lines[:most] + [line for line in lines[most:] if line.lstrip().startswith(FIX)][:1]


def _said(lines: list[str]) -> Iterator[str]:
    for line in lines:
        bare = line.strip()
        if bare.startswith(COMPARISONS):
            return
        if bare and not bare.startswith(EXPIRED):
            yield line
