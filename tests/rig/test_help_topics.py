"""The files that `rig help` shows are complete, right and usable as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from rig import catalogue
from rig.cli import main
from rig.clock import Clock
from rig.commands.help import NAMES
from rig.commands.topics import BENCH_TOML, REQUIREMENTS, TOPOLOGY
from rig.commands.transfers_page import TRANSFERS
from rig.config import BenchConfig, StandbyConfig, load
from rig.device.images import names
from rig.net import topology
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy, BackgroundTransferStatus


def test_the_bench_toml_has_every_key_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH_TOML)
    assert load(path) == BenchConfig()
    shown = tomllib.loads(BENCH_TOML)
    assert list(shown["bench"]) == [f.name for f in fields(BenchConfig) if f.name not in ("clock", "standby")]
    assert list(shown["clock"]) == [f.name for f in fields(Clock)]
    assert list(shown["standby"]) == [f.name for f in fields(StandbyConfig)]


def test_the_topology_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOPOLOGY)
    plan = topology.load(path)
    assert (plan.host.name, plan.server.name, plan.next_hop.name) == ("laptop", "cloud", "gateway")


def test_the_catalogue_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(REQUIREMENTS)
    own = catalogue.read(path).requirements
    assert list(own) == ["MY-001", "MY-002"]
    assert all(getattr(own["MY-002"], name) for name in catalogue.FIELDS)


def test_the_page_of_transfers_names_what_there_is() -> None:
    words = set(re.findall(r"\w+", TRANSFERS))
    assert set(BackgroundTransferStatus.__members__) <= words
    assert set(BackgroundTransferCostPolicy.__members__) <= words
    keys = re.search(r"\[standby\]: (.*)\.\n", TRANSFERS)
    assert keys
    assert set(keys[1].split(", ")) == {f.name for f in fields(StandbyConfig) if "transfer" in f.name}


def test_every_topic_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for topic in NAMES.split(", "):
        assert main(["help", topic]) == 0
        assert len(capsys.readouterr().out) > 200, topic


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rig serve --device ", sorted(names())),
        ("rig run --device qe", [name for name in names() if name.startswith("qe")]),
        ("rig run --topology n", ["nat", "nat-2s", "nat-3s", "nat-drop"]),
        ("rig help t", ["tour", "tests", "topology", "transfers"]),
    ],
)
def test_a_shell_can_complete_values(typed: str, offered: list[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1), "_RIG_COMPLETE": "complete_bash"}
    rig = Path(sys.executable).parent / "rig"
    done = subprocess.run([rig], env={**os.environ, **words}, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.split() == offered


@pytest.mark.parametrize(
    ("word", "fix"), [("run", "rig run --help"), ("check", "rig check --help"), ("toaster", "rig help with one of tour")]
)
def test_a_word_that_is_no_topic_gets_the_way_to_what_was_meant(word: str, fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", word]) == 4
    assert f"  fix: {fix}" in capsys.readouterr().err
