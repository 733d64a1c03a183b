"""`rig bench --transfers` and its kills, on small files; no rate is asked for here: a loaded machine is no reason to fail."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.benchmarks import bounds, transfer_kills, transfers
from rig.benchmarks.stats import Summary
from rig.benchmarks.transfer_kills import TransferKills
from rig.commands.bench_transfers import table, table_of_kills
from rig.config import BenchConfig

MIB = 1 << 20


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Nothing of it is kept: a gigabyte is among its files."""
    with Bench(BenchConfig(), tmp_path) as bench:
        yield bench
    shutil.rmtree(tmp_path)


def nothing(_step: str, _done: int, _total: int) -> None:
    pass


def test_a_large_file_is_fetched_as_often_by_curl_and_is_whole(bench: Bench) -> None:
    found = transfers.large_file(bench, nothing, 4 * MIB)
    assert (len(found.curl_mb_s), len(found.ours_mb_s), found.whole) == (transfers.PAIRS, transfers.PAIRS, True)
    assert min(found.curl_mb_s + found.ours_mb_s) > 0
    assert 5 < found.peak_mib < bounds.TRANSFERS_MIB
    assert not list(bench.artefacts.glob("large-*"))


@pytest.mark.limit_s(180)
def test_pushes_reach_a_host_that_sleeps_and_one_that_a_transfer_holds_awake(bench: Bench) -> None:
    found = transfers.wakes(bench, nothing, 2 * transfers.BLOCKS, transfers.LARGE_BYTES)
    each = {name: len(getattr(found, name)) for name in ("idle_ms", "resting_ms", "busy_ms")}
    assert each == dict.fromkeys(each, 2 * transfers.BLOCKS)
    assert len(bench.timeline.find("SLEEP_REFUSED", holder="transfer of transfers")) >= transfers.BLOCKS
    wakes = bench.timeline.find("NIC_WAKE", channel=transfers.CHANNEL)  # one of frames that had no room is the transfer's
    assert len(wakes) == 4 * transfers.BLOCKS, "none of the third kind is a wake"


def test_many_at_once_are_all_whole(bench: Bench) -> None:
    found = transfers.many(bench, nothing, 80, 20_000)
    assert (found.count, found.whole) == (80, 80)
    assert 0 < found.median_s <= found.took_s
    assert 0 < found.longest_wait_s <= found.took_s


@pytest.mark.limit_s(180)
def test_whoever_dies_no_file_is_wrong(bench: Bench) -> None:
    found = transfer_kills.run(bench, 8, lambda _number: None, seed=3)
    assert sum(found.kills.values()) == 8
    assert found.complete + sum(found.failed.values()) == 8 * transfer_kills.AT_ONCE
    assert found.wrong == []
    assert not list(bench.artefacts.glob("round-*"))


def test_a_file_that_is_not_the_servers_is_wrong(bench: Bench) -> None:
    """The control: of what has its name, of what was reported, of what says nothing."""
    with bench.peers.nginx() as nginx:
        rounds = transfer_kills.Rounds(bench, nginx, 1)
        (bench.artefacts / "mixed").write_bytes(b"other")
        rounds.judge("mixed", "COMPLETED", b"data")
        (bench.artefacts / "early").write_bytes(b"da")
        rounds.judge("early", "CONNECTION_ABORTED", b"data")
        rounds.judge("gone", "COMPLETED", b"data")
        rounds.judge("silent", "", b"data")
    assert [words.partition(":")[0] for words in rounds.found.wrong] == ["mixed", "early", "gone", "silent"]
    assert not rounds.found.right
    assert "mixed: COMPLETED" in table_of_kills("native", rounds.found)


def test_what_is_shown_and_what_it_is_held_against() -> None:
    large = transfers.LargeFile([100.0, 120.0], [90.0, 93.0], 45.0)
    times = {name: Summary.of([ms]) for name, ms in (("idle_ms", 2.0), ("resting_ms", 2.2), ("busy_ms", 3.4))}
    many = transfers.Many(200, 199, 8.0, 4.0, 3.0)
    wanted = bounds.of_transfers(large, times, many)
    met = {bound.name: bound.met for bound in wanted}
    assert met == {
        "rate_to_curl": False,
        "transfers_peak_mib": True,
        "push_to_run_resting_to_idle": True,
        "push_to_run_busy_to_idle": False,
        "at_once_not_whole": False,
        "longest_wait_to_all": True,
    }
    shown = table("native", large, times, many, wanted)
    assert "rate_to_curl" in shown
    assert "WRONG CONTENT" in shown
    killed = TransferKills(7, Counter(app=3), 2, 11, Counter({"CONNECTION_RESET": 1}))
    assert "seed 7" in table_of_kills("native", killed)
    assert "ended with: CONNECTION_RESET" in table_of_kills("native", killed)
    json.dumps(bounds.as_json(wanted))
