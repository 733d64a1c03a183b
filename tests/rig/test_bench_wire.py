"""The filter's figures on a device's own wire, on few of their frames, and what their judge would see of a wrong device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.benchmarks import core, wire
from rig.benchmarks.core import FrameKind, Scene
from rig.commands.bench_wire import wire_table
from rig.net import userns
from rig.net.device_port import TUN
from tests.device.kinds import KINDS

SCALE = 0.01
SCENE_H = Path(__file__).parents[2] / "firmware/tests/bench_scene.h"
needs_namespaces = pytest.mark.skipif(not userns.privileged(), reason="needs network namespaces")


def figures(monkeypatch: pytest.MonkeyPatch, kind: str = "native") -> wire.WireFigures:
    monkeypatch.setattr(wire, "RATES_PER_S", (2_000,))
    monkeypatch.setattr(wire, "EFFECT_S", 5.0)
    monkeypatch.setattr(wire, "instructions", lambda: core.Instructions(1, 2, 3, 4, 5))
    return wire.run(kind, lambda *_: None, SCALE)


@needs_namespaces
@pytest.mark.parametrize("kind", KINDS)
def test_a_device_misses_no_wake_and_wakes_for_no_near_miss(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """No rate is asked for here: a loaded machine is no reason to fail."""
    if kind == "qemu" and not TUN.exists():
        pytest.skip(f"{TUN} is missing")
    found = figures(monkeypatch, kind)
    assert (found.missed_wakes, found.false_wakes, found.matching) == (0, 0, core.PATTERNS)
    assert 0 < found.near_misses <= wire.BURST
    assert found.filter_frames_per_s > 0
    assert (found.m3_instructions_per_frame is None) is (kind != "qemu")
    assert "MISSED" not in wire_table(found, 40_000, 110_000)


@needs_namespaces
def test_a_pattern_that_the_device_does_not_have_and_a_wake_for_nothing_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what is sent for pattern 3 is a near miss, and of each thousand near misses one matches."""
    real = Scene.frame

    def exchanged(scene: Scene, kind: FrameKind, i: int) -> bytes:
        other = {(FrameKind.MATCH, 3): FrameKind.NEAR_MISS, (FrameKind.NEAR_MISS, 7): FrameKind.MATCH}
        return real(scene, other.get((kind, i), kind), i)

    monkeypatch.setattr(Scene, "frame", exchanged)
    found = figures(monkeypatch)
    assert (found.missed_wakes, found.false_wakes) == (1, 1)
    assert wire_table(found, 40_000, 110_000).count("MISSED") == 2


@needs_namespaces
def test_a_wake_for_another_pattern_is_a_missed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Scene.frame
    monkeypatch.setattr(Scene, "frame", lambda scene, kind, i: real(scene, kind, i + (kind is FrameKind.MATCH and i == 5)))
    assert figures(monkeypatch).missed_wakes == 1


def test_the_slots_are_those_of_the_header() -> None:
    """Their numbers are written twice."""
    slot: dict[str, Any] = wire._slot(40_000).wire()
    for name in ("snd_una", "snd_nxt", "rcv_nxt", "rcv_wup", "rcv_wnd", "snd_wnd", "max_snd_wnd", "ka_idle_ms", "ka_intvl_ms"):
        assert f".{name} = {slot[name]}," in SCENE_H.read_text()
