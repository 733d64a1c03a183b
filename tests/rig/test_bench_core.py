"""`rig bench --device core` on a hundredth of its frames, and what its judge would see of a wrong engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rig.benchmarks import core
from rig.benchmarks.bounds import instructions
from rig.cli import build
from rig.commands.bench_core import right, table
from rig.device.bpf import compile_any
from rig.device.qemu import QEMU
from tests.engine.test_filter import libpcap_says

SCALE = 0.01
FIRMWARE = Path(__file__).parents[2] / "firmware"


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
    assert figures["keepalive_jitter_ms"] is None
    assert 0 < figures["flash_bytes"] <= 65536
    assert 0 < figures["ram_bytes"] <= 131072
    assert figures["bounds"]["flash_bytes"] == {"measured": figures["flash_bytes"], "at_most": 65536, "met": True}
    assert figures["bounds_met"] is all(bound["met"] for bound in figures["bounds"].values())


@pytest.mark.parametrize(("ratio", "options", "code"), [(4.0, ["--check"], 0), (3.9, [], 0), (3.9, ["--check"], 1)])
def test_a_missed_bound_is_an_error_with_check(
    monkeypatch: pytest.MonkeyPatch, ratio: float, options: list[str], code: int
) -> None:
    figures = core.CoreFigures(1.0, ratio, 0, 10, 0, 100, 0, 0, 10, 40_000, 110_000, None)
    monkeypatch.setattr(core, "run", lambda say: figures)
    for form in ([], ["--json"]):
        outcome = CliRunner().invoke(build(), ["bench", "--device", "core", *options, *form])
        assert outcome.exit_code == code, outcome.output
        assert ("MISSED" in outcome.stdout or '"bounds_met": false' in outcome.stdout) is (ratio < 4)


@pytest.mark.edge(71)
@pytest.mark.skipif(shutil.which(QEMU) is None, reason="needs qemu-system-arm")
def test_instructions_on_the_cortex_m3() -> None:
    """As many for a password that is wrong at its start as for one that is wrong at its end: to the tick of the timer, which
    is one instruction in the mean of 40 rounds; a comparison that stops early would save some tens."""
    counted = core.instructions()
    assert abs(counted.password_wrong_at_start - counted.password_wrong_at_end) <= 2
    assert 0 < counted.median < counted.worst
    missed = [f"{bound.name} is {bound.measured}, wanted {bound.wanted}" for bound in instructions(counted) if not bound.met]
    assert missed == []  # exact: QEMU counts, no clock; the same sources and compiler give the same numbers


def test_a_frame_that_costs_more_is_missed_by_its_name() -> None:
    fine = core.Instructions(600, 2000, 600, 2000, 2000)
    assert [bound.met for bound in instructions(fine)] == [True, True]
    slow = [replace(fine, median=601), replace(fine, worst=2001)]
    assert [[bound.met for bound in instructions(one)] for one in slow] == [[False, True], [True, False]]
    figures = core.CoreFigures(1.0, 4.0, 0, 10, 0, 100, 0, 0, 10, 40_000, 110_000, slow[1])
    assert [line.split()[-1] for line in table(figures).splitlines() if "instructions" in line] == ["ok", "MISSED"]


def test_a_bitmap_as_an_expression_means_the_same() -> None:
    data, compared = bytes(range(1, 8)), b"\xff\xff\xff\xff\x00\xff\x00"
    text = core.expression(data, compared, 12)
    assert text == "ether[12:4] = 0x1020304 and ether[16:2] & 0xff = 0x6 and len >= 19"
    program = bytes(compile_any(text))
    assert libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x06\xbb")
    assert not libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x07\xbb")
    assert not libpcap_says(program, bytes(12) + b"\x01\x02\x03\x04\xaa\x06")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_an_engine_that_overlooks_one_bit_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Negative control: the comparison leaves out one bit of every four bytes."""
    tree = shutil.copytree(FIRMWARE / "core", tmp_path / "core").parent
    shutil.copytree(FIRMWARE / "tests", tree / "tests", ignore=shutil.ignore_patterns("corpus"))
    source = tree / "core/pattern_match.c"
    right_way = "spread(c->mask, i))"
    assert source.read_text().count(right_way) == 1
    source.write_text(source.read_text().replace(right_way, "spread(c->mask, i) & 0x7FFFFFFF)"))
    (tree / "native").mkdir()
    sources = [str(path) for path in (*sorted((tree / "core").glob("*.c")), tree / "tests/core_bench.c")]
    library = str(tree / "native/libcorebench.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-std=c11", "-O1", "-I.", "-Icore", "-o", library, *sources], cwd=tree, check=True)
    monkeypatch.setenv("RIG_FIRMWARE_DIR", str(tree))
    monkeypatch.setattr(core, "instructions", lambda: None)
    figures = core.run(lambda *_: None, SCALE)
    assert figures.false_wakes > 100
    assert figures.judged_differently > 0
    assert not right(figures)


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
