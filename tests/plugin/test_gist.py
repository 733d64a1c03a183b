"""What a screen shows of a failure: words, the text that asks, the newest frames; pytest's comparison stays in the reports."""

from __future__ import annotations

from rig.runner.gist import FRAMES, TEXTS, WORDS, gist

COMPARED = [
    "AssertionError: the answer is another",
    "assert <no wake, 1 answer> == ('', 0)",
    "  ",
    "  At index 1 diff: 1 != 0",
    "  ",
    "  Full diff: (-: missing in left side, +: extra in left side)",
    "    (",
]
ASKED = [f"asked for by EDGE-{n:03d} (RFC 4861): what it says" for n in range(4)]
HEAD = "the device's wire, the last 6 frames (> to the device, < from it; ms before the last):"
WIRE = [HEAD, *(f"  {n - 5:10.3f} {'<' if n % 2 else '>'} frame {n}" for n in range(6))]
DECODED = ["last to the device: 60 bytes, TCP", "  Ether / IP / TCP", "    IP       src=192.0.2.2", "     0  0200 0000"]


def test_what_was_compared_gives_room_to_the_text_and_the_frames() -> None:
    shown = gist("\n".join(COMPARED + ASKED + WIRE + DECODED))
    assert shown == [*COMPARED[:2], *ASKED[:TEXTS], HEAD, *WIRE[-FRAMES:]]


def test_a_deadline_is_told_in_the_words_that_stand_before_it() -> None:
    shown = gist("AssertionError: nothing came\nassert not True\n +  where True = <rig.clock.Deadline object at 0x7f>.expired")
    assert shown == ["AssertionError: nothing came"]


def test_an_unplanned_wake_and_its_frame_come_before_the_texts() -> None:
    wake = ["unplanned wake 1: PACKET", "  frame: 60 bytes, UDP", "    Ether / IP / UDP", "      Ether    src=02"]
    assert gist("\n".join(["AssertionError: x", *wake, *ASKED[:1], *WIRE])) == [
        "AssertionError: x", *wake[:3], ASKED[0], HEAD, *WIRE[-FRAMES:]
    ]  # fmt: skip


def test_a_reason_without_notes_is_cut_to_its_first_lines() -> None:
    lines = [f"line {n}" for n in range(20)]
    assert gist("\n".join(lines)) == lines[:WORDS]


def test_what_is_to_be_done_is_shown_behind_however_much_is_said() -> None:
    words = ["RIG-B04 the native device died, signal 6: line 0", *(f"line {n}" for n in range(1, 20)), "  fix: look there"]
    assert gist("\n".join(words)) == [*words[:WORDS], words[-1]]
    frame = [f"    of the frame {n}" for n in range(9)]
    wakes = [f"unplanned wake {n}: PACKET\n" + "\n".join([*frame, f"  fix: wait for {n}"]) for n in (1, 2)]
    shown = gist("UnplannedWake: " + "\n".join(wakes))
    assert [line for line in shown if "fix" in line or "wake" in line] == [
        "UnplannedWake: unplanned wake 1: PACKET", "  fix: wait for 1", "unplanned wake 2: PACKET", "  fix: wait for 2"
    ]  # fmt: skip
