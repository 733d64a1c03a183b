"""The committed seeds of the fuzzers hold every kind of object: what no seed adds, a fuzzer hardly ever finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from rig.device.numbers import Command, OffloadType, PatternType

CORPUS = Path(__file__).parents[2] / "firmware" / "tests" / "corpus" / "command"
WRITE_BIT = 0x80


def steps(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(kind, bytes) as fuzz_command.c reads them."""
    at = 0
    while at + 3 <= len(data):
        end = at + 3 + int.from_bytes(data[at + 1 : at + 3])
        yield data[at], data[at + 3 : end]
        at = end


@pytest.mark.edge(107)
@pytest.mark.parametrize(
    ("kinds", "command"), [(OffloadType, Command.ADD_OFFLOAD), (PatternType, Command.ADD_PATTERN)], ids=["offloads", "patterns"]
)
def test_some_seed_adds_every_type(kinds: type[OffloadType | PatternType], command: Command) -> None:
    found = [body for path in CORPUS.iterdir() for kind, body in steps(path.read_bytes()) if kind == WRITE_BIT | command]
    assert {cbor2.loads(body)["type"] for body in found} >= set(kinds), "`make -C firmware corpus`, and a message for it there"
