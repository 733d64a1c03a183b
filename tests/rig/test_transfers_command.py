"""`rig transfers`: background transfers folded from the timeline, on a bench that goes on and on one that is over."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rig.bench import Bench
from rig.commands.transfers_view import MOST_ENDED, MOST_UNDER_WAY, as_map, drawn
from rig.config import BenchConfig
from rig.events import TimelineEvent
from rig.results.transfers_state import TransfersState
from rig.suite.transfer_scene import HALF, SIZE, TransferScene

ID = "01234567-89ab-cdef-0123-456789abcdef"
CREATED = {"app": "podcast", "id": ID, "direction": "download", "uri": "http://192.0.2.20/a/show.mp3?x=1", "path": "/tmp/1.mp3"}
NAMES = {"app": "podcast", "id": ID, "direction": "download"}


def told(*records: tuple[str, dict[str, Any]]) -> TransfersState:
    """Records 100 ms apart."""
    state = TransfersState()
    for number, (event, detail) in enumerate(records):
        state.take({"t": number * 100_000_000, "src": "test", "ev": event, **detail})
    return state


def on_a_terminal(state: TransfersState) -> str:
    console = Console(file=(shown := io.StringIO()), width=220, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(drawn(state, "a-test"))
    return shown.getvalue()


def rig_transfers(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rig", "transfers", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_transfer_is_shown_while_it_runs_and_when_it_is_over(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench, bench.peers.http_server() as web:
        scene = TransferScene(bench, web)
        file = scene.halfway("show.mp3", group="shows")
        bench.timeline.wait("TRANSFER_PROGRESS", bytes=HALF)
        (half,) = json.loads(rig_transfers(str(tmp_path), "--json").stdout)["transfers"]
        table = rig_transfers(str(tmp_path / "timeline.jsonl")).stdout
        file.go_on()
        scene.over("show.mp3")
    (over,) = json.loads(rig_transfers(str(tmp_path), "--json").stdout)["transfers"]
    shown = {key: half[key] for key in ("app", "direction", "group", "status", "bytes", "total", "attempts")}
    expected = {"app": "transfers", "direction": "download", "group": "shows", "status": "RUNNING", "bytes": HALF, "total": SIZE}
    assert shown == {**expected, "attempts": 1}
    assert "1 RUNNING" in table
    assert "50.0 kB of 100.0 kB" in table
    assert "show.mp3" in table
    assert (over["status"], over["bytes"]) == ("COMPLETED", SIZE)


def test_a_rate_is_of_the_newest_progress_and_none_of_one_that_waits() -> None:
    running = ("TRANSFER_STATUS", {**NAMES, "status": "RUNNING", "priority": "HIGH"})
    steps = [("TRANSFER_PROGRESS", {**NAMES, "bytes": 50_000 * step, "total": 1_000_000}) for step in range(4)]
    state = told(("TRANSFER_CREATED", CREATED), running, *steps)
    (transfer,) = state.transfers.values()
    assert transfer.rate_bytes_s(state.now_ns) == 500_000
    assert "500.0 kB a second" in on_a_terminal(state)
    state.take({"t": 10**12, "ev": "TRANSFER_PROGRESS", **NAMES, "bytes": 150_000, "total": 1_000_000})
    assert transfer.rate_bytes_s(state.now_ns) == 0
    paused = ("TRANSFER_STATUS", {**NAMES, "status": "PAUSED_NO_NETWORK", "priority": "HIGH"})
    state = told(("TRANSFER_CREATED", CREATED), running, *steps, paused)
    assert [one.rate_bytes_s(state.now_ns) for one in state.transfers.values()] == [0]


def test_why_one_waits_and_what_one_ended_with_is_shown_beside_its_status() -> None:
    permit = ("TRANSFER_PERMIT", {"app": "podcast", "id": ID, "status": "PAUSED_COSTED_NETWORK", "reason": "the network costs"})
    paused = ("TRANSFER_STATUS", {**NAMES, "status": "PAUSED_COSTED_NETWORK", "priority": "LOW"})
    assert "PAUSED_COSTED_NETWORK: the network costs" in on_a_terminal(told(("TRANSFER_CREATED", CREATED), permit, paused))
    error = {**NAMES, "status": "ERROR", "bytes": 5, "total": 0, "error": "404: not found"}
    state = told(("TRANSFER_CREATED", CREATED), permit, ("TRANSFER_ENDED", error))
    assert "ERROR: 404: not found" in on_a_terminal(state)
    assert state.statuses == {"ERROR": 1}


def test_a_bar_is_as_long_as_what_has_come_and_whole_when_it_is_complete() -> None:
    def bar(**progress: int) -> int:
        state = told(("TRANSFER_CREATED", CREATED), ("TRANSFER_PROGRESS", {**NAMES, **progress}))
        return on_a_terminal(state).count("━")

    assert [bar(bytes=done, total=100) for done in (0, 50, 100)] == [0, 10, 20]
    assert bar(bytes=50, total=0) == 0, "of what is not known"
    ended = ("TRANSFER_ENDED", {**NAMES, "status": "COMPLETED", "bytes": 7, "total": 0, "error": None})
    assert on_a_terminal(told(("TRANSFER_CREATED", CREATED), ended)).count("━") == 20


def test_two_of_one_moment_are_told_apart_by_their_ids() -> None:
    """Ids begin with the time."""
    ids = ["63a90df4-bf85-84f3-9681-c4addc0bbb4f", "63a90df4-c54f-8d6d-9398-57a054bc0f09"]
    shown = on_a_terminal(told(*(("TRANSFER_CREATED", {**CREATED, "id": id_}) for id_ in ids)))
    assert [line.split()[-1] for line in shown.splitlines()[2:4]] == ["dc0bbb4f", "54bc0f09"]


def test_of_very_many_those_that_run_come_first_and_all_are_in_the_json() -> None:
    records: list[tuple[str, dict[str, Any]]] = []
    for number in range(200):
        names = {**NAMES, "id": f"{number:036}"}
        records.append(("TRANSFER_CREATED", {**CREATED, "id": f"{number:036}", "path": f"/tmp/file-{number}"}))
        status = {199: "RUNNING", 0: "COMPLETED"}.get(number, "IDLE")
        records.append(("TRANSFER_STATUS", {**names, "status": status, "priority": "DEFAULT"}))
    state = told(*records)
    lines = on_a_terminal(state).splitlines()
    assert "198 IDLE, 1 RUNNING" in lines[0]
    assert "file-199" in lines[2]
    assert f"and {200 - MOST_UNDER_WAY - 1} more" in lines[-1]
    assert len(as_map(state, "t")["transfers"]) == 200
    assert len(lines) <= MOST_UNDER_WAY + MOST_ENDED + 3


DAMAGED: list[Any] = [None, "x", "\ud800", "\x1b[2J", [], {}, True, -1, 10**400, float("inf"), float("nan")]


@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda value: ascii(value)[:8])
def test_a_damaged_value_changes_what_is_shown_and_no_more(damaged: Any) -> None:
    """Of any kind of record, in any place."""
    good = {**CREATED, "t": 1, "status": "RUNNING", "bytes": 5, "total": 10, "attempt": 1, "reason": "r", "error": "e"}
    for event in TimelineEvent:
        state = TransfersState()
        for key in (*good, "group", "priority"):
            state.take({"ev": event.value, **good, key: damaged})
            json.dumps(as_map(state, "test"))
        console = Console(file=(shown := io.StringIO()), width=200)
        console.print(drawn(state, "test"))
        assert "\x1b" not in shown.getvalue()
        shown.getvalue().encode()


def test_where_no_bench_was_is_an_error_that_says_where_to_look(tmp_path: Path) -> None:
    for arguments in (["--json"], []):
        result = rig_transfers(str(tmp_path), *arguments)
        assert result.returncode == 4
        assert "RIG-C05" in result.stderr
        assert "Traceback" not in result.stderr


def test_on_a_terminal_it_is_live_until_its_time_is_over(tmp_path: Path) -> None:
    lines = [{"t": 1, "src": "host", "ev": "TRANSFER_CREATED", **CREATED}]
    (tmp_path / "timeline.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rig", "transfers", str(tmp_path), "--seconds", "0.5"]
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    with (
        os.fdopen(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(command, stdout=theirs, env=environment) as process,
    ):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while chunk := terminal.read(1 << 16):
                shown += chunk
        assert process.wait() == 0
    assert b"1.mp3" in shown
