"""`rig bench --device core` on a hundredth of its frames, and what its judge would see of a wrong engine."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from rig.benchmarks import core
from rig.cli import build
from rig.commands.bench_core import right, table
from rig.device.bpf import compile_any
from rig.device.qemu import QEMU
from tests.engine.test_filter import libpcap_says

SCALE = 0.01


def test_the_filter_is_right_and_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ratio is asked for here: a loaded machine is no reason to fail."""
    whole = core.run
    monkeypatch.setattr(core, "run", lambda say: whole(say, SCALE))
    outcome = CliRunner().invoke(build(), ["bench", "--device", "core", "--json"])
    assert outcome.exit_code == 0, outcome.output
    figures: dict[str, Any] = json.loads(outcome.stdout)
    assert (figures["missed_wakes"], figures["false_wakes"], figures["judged_differently"], figures["leaking_cycles"]) == (
        0,
        0,
        0,
        0,
    )
    assert (figures["matching"], figures["near_misses"], figures["cycles"]) == (10_000, 100_000, 100)
    assert figures["filter_frames_per_s"] > 0
    assert figures["filter_vs_libpcap_ratio"] > 0
    assert 0 < figures["flash_bytes"] <= 65536
    assert 0 < figures["ram_bytes"] <= 131072


@pytest.mark.edge(71)
@pytest.mark.skipif(shutil.which(QEMU) is None, reason="needs qemu-system-arm")
def test_instructions_on_the_cortex_m3() -> None:
    """As many for a password that is wrong at its start as for one that is wrong at its end."""
    counted = core.instructions()
    assert counted.password_wrong_at_start == counted.password_wrong_at_end > 0
    assert 0 < counted.median < counted.worst < 10_000


def test_a_bitmap_as_an_expression_means_the_same() -> None:
    data, compared = bytes(range(1, 8)), b"\xff\xff\xff\xff\x00\xff\x00"
    text = core.expression(data, compared, 12)
    assert text == "ether[12:4] = 0x1020304 and ether[16:2] & 0xff = 0x6 and len >= 19"
    program = bytes(compile_any(text))
    assert libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x06\xbb")
    assert not libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x07\xbb")
    assert not libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x06")


def test_one_wrong_wake_is_enough() -> None:
    def spoilt(**change: Any) -> core.CoreFigures:
        return replace(fine, **change)

    fine = core.CoreFigures(1.0, 4.0, 0, 10, 0, 100, 0, 0, 10, 40_000, 110_000, None)
    assert right(fine)
    assert "MISSED" not in table(fine)
    for wrong in ("missed_wakes", "false_wakes", "judged_differently", "leaking_cycles"):
        bad = spoilt(**{wrong: 1})
        assert not right(bad)
        assert table(bad).count("MISSED") == 1
