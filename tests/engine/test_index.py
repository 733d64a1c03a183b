"""What the engine looks up instead of going through all of it: which patterns a frame can match, whose ports a segment has.

A look-up that left one out would be a wake lost, so both are judged by the plain walk, written here in Python, on tables that
are made to collide: few values, few places, patterns and slots that come and go.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from tests.engine.engine_lib import HOST_PORT, MAGIC, OK, PEER_PORT, Engine
from tests.engine.packets import ether, tcp

PLACES = [0, 5, 6, 11, 12, 13, 14, 23, 30, 36, 37, 59, 60, 61, 70]
BYTES = b"\x00\x01\x20\xff"
"""Few, so that patterns match; 00 01, 01 00 and 20 21 share a bucket."""


@dataclass(frozen=True)
class Bitmap:
    offset: int
    data: bytes
    mask: bytes

    def matches(self, frame: bytes) -> bool:
        if self.offset + len(self.data) > len(frame):
            return False
        compared = [i for i in range(len(self.data)) if self.mask[i // 8] >> i % 8 & 1]
        return all(frame[self.offset + i] == self.data[i] for i in compared)


def any_bitmap(rng: random.Random) -> Bitmap:
    length = rng.choice([1, 2, 2, 2, 3, 4, 9])
    mask = rng.choice([b"\xff\xff", rng.randbytes(2)])[: (length + 7) // 8]
    if not any(mask[i // 8] >> i % 8 & 1 for i in range(length)):
        mask = b"\xff" * len(mask)
    return Bitmap(rng.choice(PLACES), bytes(rng.choices(BYTES, k=length)), mask)


def any_frame(rng: random.Random) -> bytes:
    """Not IP: no length but its own; as short as an Ethernet header."""
    return bytes(ether(type=0x88B5)) + bytes(rng.choices(BYTES, k=rng.choice([0, 1, 9, 22, 45, 46, 47, 66])))


@pytest.mark.parametrize("seed", range(40))
def test_every_pattern_that_matches_is_found(eng: Engine, seed: int) -> None:
    rng = random.Random(seed)
    there: dict[int, Bitmap] = {}
    for step in range(40):
        while there and (len(there) == 32 or rng.random() < 0.4):
            gone = rng.choice(list(there))
            assert eng.pattern_remove(gone) == OK
            del there[gone]
        for k in range(rng.randrange(1, 33 - len(there))):
            one = any_bitmap(rng)
            assert eng.pattern_add(100 * step + k, data=one.data, mask=one.mask, offset=one.offset) == OK
            there[100 * step + k] = one
        if step == 20:
            assert eng.pattern_add(9999, type_=MAGIC) == OK
        before, frame = eng.patterns(), any_frame(rng)
        eng.sleep()
        eng.rx(frame)
        hits = {id_ for id_, n in eng.patterns().items() if n > before[id_]}
        expected = {id_ for id_, one in there.items() if one.matches(frame)}
        assert hits == expected, frame.hex()
        event = eng.event()
        assert (event and event.pattern_id) == (min(expected) if expected else None)
        assert (eng.host_awake(), eng.release()[0]) == (OK, OK)


@pytest.mark.parametrize("seed", range(10))
def test_every_slot_is_found_by_its_ports_and_no_other(eng: Engine, seed: int) -> None:
    """The ports differ by what the look-up mixes: their low bytes, their high bytes, local and remote swapped."""
    rng = random.Random(seed)
    pairs = [(HOST_PORT ^ a, PEER_PORT ^ b) for a in (0, 1, 0x100, 0x101) for b in (0, 1, 0x100, 0x101)]
    there: dict[tuple[int, int], tuple[int, int]] = {}
    for _ in range(8):
        for pair in rng.sample(pairs, 8):
            if pair in there:
                assert eng.slot_remove(*there.pop(pair)) == OK
            else:
                rc, slot, gen = eng.slot_add(local_port=pair[0], remote_port=pair[1])
                assert rc == OK
                there[pair] = slot, gen
        eng.sleep()
        for pair in pairs:
            before = eng.counters["rx_slot_consumed"]
            eng.rx(tcp(dport=pair[0], sport=pair[1]))
            assert eng.counters["rx_slot_consumed"] - before == (pair in there), pair
        assert eng.host_awake() == OK
        eng.release()
        there.clear()  # without KEEP
        eng.rx(tcp())
