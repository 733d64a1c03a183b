"""What a failing test says beside its assertion: the text that asks for it, and the frames of the device's wire, decoded."""

from __future__ import annotations

from typing import Any

import pytest

from rig.inject.decoded import decoded
from rig.inject.frames import Flow, arp_request, tcp_segment
from rig.runner.witness import SHOWN_FRAMES, WITNESS, Crossed, asked_for, on_wire

TO_HOST = Flow("02:00:00:00:00:02", "02:00:00:00:00:01", "192.0.2.2", "192.0.2.1", 443, 40_000)
PROBE = tcp_segment(TO_HOST.reversed, 999, 5000, timestamps=(7, 8))


class Item:
    """As much of a pytest.Item as is asked."""

    def __init__(self, *frames: Crossed, edges: tuple[int, ...] = ()) -> None:
        self.stash = pytest.Stash()
        self.stash[WITNESS] = lambda: frames
        self.edges = edges

    def iter_markers(self, name: str) -> list[Any]:
        return [pytest.mark.edge(*self.edges).mark] if name == "edge" and self.edges else []


def told(item: Item) -> str:
    return on_wire(item)  # type: ignore[arg-type]


def test_the_texts_of_what_a_test_proves_are_named() -> None:
    text = asked_for(Item(edges=(41,)))  # type: ignore[arg-type]
    assert text.startswith("asked for by EDGE-041 (RFC 9293 section 3.10.7.4): Data arrives out of order")
    assert asked_for(Item()) == ""  # type: ignore[arg-type]


def test_frames_are_told_with_direction_time_and_numbers() -> None:
    text = told(Item(Crossed(1_000_000, True, arp_request(TO_HOST)), Crossed(3_500_000, False, PROBE)))
    assert "-2.500 > Ether / ARP who has 192.0.2.1 says 192.0.2.2" in text
    assert "0.000 < Ether / IP / TCP 192.0.2.1:40000 > 192.0.2.2:https A seq=999 ack=5000 win=502 len=0 ts=7,8" in text
    assert "last to the device: 60 bytes, ARP request" in text
    assert "seq=999 ack=5000 dataofs=8 flags=A" in text
    assert PROBE[:4].hex() in text


def test_only_the_newest_and_none_where_nothing_crossed() -> None:
    frames = [Crossed(n, True, tcp_segment(TO_HOST, n, 0)) for n in range(SHOWN_FRAMES + 5)]
    text = told(Item(*frames))
    assert "seq=5 " in text
    assert "seq=4 " not in text
    assert told(Item()) == ""


@pytest.mark.parametrize("cut", [0, 5, 14, 20, 40])
def test_a_frame_that_is_cut_short_is_shown_all_the_same(cut: int) -> None:
    lines = decoded("frame", PROBE[:cut])
    assert lines[0].startswith(f"frame: {cut} bytes")
    assert "".join(lines[1:]).replace(" ", "").endswith(PROBE[:cut][-4:].hex())


def test_an_advertisement_is_told_with_its_flags() -> None:
    """A wrong one looks like a right one in scapy's line."""
    from rig.suite.neighbour_frames import na, ns

    text = told(Item(Crossed(0, True, ns()), Crossed(1, False, na(flags=(0, 1, 0)))))
    assert "2001:db8::9 > ff02::1:ff02:3 at 33:33:ff:02:00:03 hlim=255 target=2001:db8::1:2:3" in text
    assert "2001:db8::9 > ff02::1 at 33:33:00:00:00:01 hlim=255 target=2001:db8::1:2:3 R=0 S=1 O=0" in text
