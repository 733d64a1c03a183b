"""How many workers a run has that is not told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.runner import worker_count


@pytest.mark.parametrize(
    ("processors", "available_kb", "workers"),
    [(2, 16_000_000, 12), (1, 16_000_000, 6), (4, 786_432, 3), (2, 100_000, 1), (64, 500_000_000, 64)],
    ids=["by processors", "one processor", "by memory", "no memory", "no more than is allowed"],
)
def test_as_many_as_processors_and_memory_are_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int, available_kb: int, workers: int
) -> None:
    memory = tmp_path / "meminfo"
    memory.write_text(f"MemTotal: 900000000 kB\nMemFree:  7 kB\nMemAvailable:   {available_kb} kB\nSwapFree: 9 kB\n")
    monkeypatch.setattr(worker_count, "MEMORY", memory)
    monkeypatch.setattr(worker_count, "CGROUP", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(processors))
    assert worker_count.auto_workers() == workers


@pytest.mark.parametrize(("limit", "workers"), [("1342177280", 4), ("max", 12), ("268435456", 1)])
def test_a_container_has_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, workers: int) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("268435456\n")
    monkeypatch.setattr(worker_count, "CGROUP", tmp_path)
    monkeypatch.setattr(worker_count, "MEMORY", tmp_path / "none")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(2))
    assert worker_count.auto_workers() == workers


@pytest.mark.parametrize("said", [None, "", "MemTotal: 7 kB\n", "MemAvailable:\n", "MemAvailable: much kB\n"])
def test_where_nobody_says_what_memory_there_is_the_processors_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    memory = tmp_path / "meminfo"
    if said is not None:
        memory.write_text(said)
    monkeypatch.setattr(worker_count, "CGROUP", tmp_path)
    monkeypatch.setattr(worker_count, "MEMORY", memory)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(2))
    assert worker_count.auto_workers() == 12


def test_this_machine_has_some() -> None:
    assert 1 <= worker_count.auto_workers() <= worker_count.MOST
