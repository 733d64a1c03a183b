"""`rig host`: what a host is at, folded from its timeline, on a bench that goes on and on one that is over."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rig.bench import Bench
from rig.commands.host_view import as_map, drawn
from rig.config import BenchConfig
from rig.events import TimelineEvent
from rig.results.host_state import ENDED_TASKS, HostState


def told(*records: tuple[str, dict[str, Any]]) -> HostState:
    """Records 1 ms apart."""
    state = HostState()
    for number, (event, detail) in enumerate(records):
        state.take({"t": number * 1_000_000, "src": "test", "ev": event, **detail})
    return state


def rig_host(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rig", "host", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_bench_that_goes_on_is_shown_as_it_is(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        app = bench.host.start_app("chat", "rig.suite.chat_app:ChatApp")
        app.call("open_channel", channel="inbox", host=bench.server.address, port=bench.server.port, minutes=1439)
        awake = json.loads(rig_host(str(tmp_path), "--json").stdout)
        bench.host.enter_standby()
        asleep = json.loads(rig_host(str(tmp_path), "--json").stdout)
        table = rig_host(str(tmp_path / "timeline.jsonl")).stdout
        bench.host.exit_standby()
        app.call("close_channel", channel="inbox")
        closed = json.loads(rig_host(str(tmp_path), "--json").stdout)
    assert (awake["screen"], awake["asleep"], asleep["asleep"]) == ("active", False, True)
    assert [(app["name"], app["state"]) for app in awake["apps"]] == [("chat", "running")]
    assert [app["state"] for app in asleep["apps"]] == ["suspended"]
    channel = asleep["channels"][0]
    assert (channel["channel"], channel["slot"], channel["transport"]) == ("inbox", "hardware", "connected")
    assert channel["device_slot"] is not None
    assert {task["kind"] for task in asleep["tasks"]} == {"push", "keepalive"}
    assert "the device speaks for it" in table
    assert "inbox" in table
    assert closed["channels"] == []


def test_the_push_line_and_the_transfers_are_shown() -> None:
    running = {"app": "podcast", "id": "a", "direction": "download", "status": "RUNNING", "priority": "DEFAULT"}
    up = ("PUSH_CONNECTED", {"address": "192.0.2.20", "port": 5000, "acknowledged": 0})
    came = ("PUSH_RECEIVED", {"number": 1, "app": "mail", "channel": "c", "bytes": 3})
    dropped = ("PUSH_DROPPED", {"number": 1, "app": "mail", "channel": "c", "why": "nobody"})
    state = told(up, came, dropped, came, ("TRANSFER_STATUS", running), ("TRANSFER_STATUS", {**running, "id": "b"}))
    shown = as_map(state, "t")
    assert shown["push"] == {"line": "192.0.2.20 port 5000", "received": 2, "dropped": 1}
    assert shown["transfers"] == {"RUNNING": 2}
    console = Console(file=(drawing := io.StringIO()), width=200)
    console.print(drawn(state, "t"))
    assert "192.0.2.20 port 5000" in drawing.getvalue()
    state.take({"t": 9_000_000, "ev": "PUSH_LOST", "error": "reset"})
    assert as_map(state, "t")["push"]["line"] is None


def test_sockets_of_the_broker_are_shown_with_who_has_them_and_where_the_device_has_them() -> None:
    news = {"app": "mail", "socket": "news", "kind": "STREAM_SOCKET", "task_id": "t"}
    given = ("OWNERSHIP_TO_BROKER", {**news, "action": "WAKE", "instance": 1})
    slot = {**news, "slot": 3, "gen": 1}
    state = told(("NIC_PATTERN_ADD", slot), given)
    shown = {"app": "mail", "socket": "news", "kind": "STREAM_SOCKET", "action": "WAKE"}
    with_broker = {**shown, "holder": "broker", "last": None, "slot": 3, "pattern_id": None}
    assert as_map(state, "t")["sockets"] == [with_broker]
    fired = ("SOCKET_ACTIVITY", {**news, "reason": "SOCKET_ACTIVITY", "instance": 4})
    taken = ("OWNERSHIP_TO_APP", {**news, "instance": 2})
    state = told(("NIC_PATTERN_ADD", slot), given, fired, taken, ("NIC_PATTERN_DEL", slot))
    with_app = {**with_broker, "holder": "process 2", "last": "SOCKET_ACTIVITY", "slot": None}
    assert as_map(state, "t")["sockets"] == [with_app]
    for end in (("TASK_HOST_END", {"app": "mail", "instance": 2}), ("MACHINE_RESTART", {})):
        assert told(given, fired, taken, end).sockets == {}
    assert told(given, ("SOCKET_DROPPED", news)).sockets == {}
    assert told(("NIC_PATTERN_ADD", slot), ("NIC_PATTERN_DEL", slot)).sockets == {}, "refused at last"
    waits = told(given, ("SOCKET_WAITS", {**news, "reason": "it does not wake"}))
    assert as_map(waits, "t")["sockets"][0]["last"] == "waits: it does not wake"


def test_of_very_many_sockets_the_newest_are_drawn_and_all_are_in_the_json() -> None:
    state = told(*(("OWNERSHIP_TO_BROKER", {"app": "mail", "socket": f"s{number}", "kind": "k"}) for number in range(1000)))
    console = Console(file=(shown := io.StringIO()), width=200)
    console.print(drawn(state, "t"))
    assert "s999" in shown.getvalue()
    assert "s100 " not in shown.getvalue()
    assert "and 984 more" in shown.getvalue()
    assert len(as_map(state, "t")["sockets"]) == 1000


DAMAGED: list[Any] = [None, "x", "\ud800", "\x1b[2J", [], {}, True, -1, 10**400, float("inf"), float("nan")]


@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda value: ascii(value)[:8])
def test_a_damaged_value_changes_what_is_shown_and_no_more(damaged: Any) -> None:
    """Of any kind of record, in any place."""
    good = {"t": 1, "app": "chat", "instance": 1, "task": "sync", "task_id": "a", "holder": "h", "reason": "r", "held_ms": 1.5}
    for event in TimelineEvent:
        state = HostState()
        for key in (*good, *"incarnation pid status state minutes channel error kind slot fault".split()):
            state.take({"ev": event.value, **good, key: damaged})
            json.dumps(as_map(state, "test"))
        console = Console(file=(shown := io.StringIO()))
        console.print(drawn(state, "test"))
        assert "\x1b" not in shown.getvalue()
        shown.getvalue().encode()


def test_where_no_bench_was_is_an_error_that_says_where_to_look(tmp_path: Path) -> None:
    for arguments in (["--json"], []):
        result = rig_host(str(tmp_path), *arguments)
        assert result.returncode == 4
        assert "RIG-C05" in result.stderr
        assert "Traceback" not in result.stderr


def test_the_newest_of_a_run_is_shown(tmp_path: Path) -> None:
    for number, test in enumerate(("old", "new")):
        folder = tmp_path / "tests" / test
        folder.mkdir(parents=True)
        (folder / "timeline.jsonl").write_text(
            json.dumps({"t": 1, "src": "host", "ev": "APP_READY", "app": test, "pid": 1}) + "\n"
        )

        os.utime(folder / "timeline.jsonl", ns=(number * 10**9, number * 10**9))
    shown = json.loads(rig_host(str(tmp_path), "--json").stdout)
    assert (shown["test"], shown["apps"][0]["name"]) == ("new", "new")


def test_runs_wait_run_and_end() -> None:
    task = {"app": "mail", "task": "fetch", "task_id": "t1"}
    state = told(
        ("REGISTER", {**task, "kind": "time"}),
        ("TASK_PENDING", {**task, "instance": 7, "reason": "INTERNET_AVAILABLE"}),
    )
    assert state.runs[7].state == "pending: INTERNET_AVAILABLE"
    for event, detail, expected in (
        ("RUN_ENTER", {}, "running"),
        ("CANCEL_SENT", {"reason": "ABORT"}, "cancelled: ABORT"),
        ("RUN_EXIT", {"fault": None}, "done"),
    ):
        state.take({"t": 9_000_000, "src": "test", "ev": event, **task, "instance": 7, **detail})
        assert state.runs[7].state == expected
    assert state.tasks["t1"].runs == 1
    assert state.runs[7].ended


def test_a_run_that_never_ran_or_was_killed_is_over_and_one_that_a_quota_holds_up_is_paused() -> None:
    task = {"app": "mail", "task": "fetch", "task_id": "t1", "instance": 7}
    state = told(("TASK_PENDING", {**task, "reason": "battery saver"}), ("TASK_END", {**task, "reason": "ABORT", "fault": None}))
    assert (state.runs[7].state, state.runs[7].ended) == ("ABORT", True)
    state = told(("RUN_ENTER", task), ("TASK_PAUSED", {**task, "reason": "its quota of processor time"}))
    assert state.runs[7].state == "paused: its quota of processor time"
    for event, detail, expected in (
        ("TASK_CONTINUED", {}, ("running", False)),
        ("TASK_KILLED", {"process": "app"}, ("running", False)),
        ("TASK_END", {"reason": "killed", "fault": "its process ended"}, ("killed", True)),
    ):
        state.take({"t": 9_000_000, "src": "test", "ev": event, **task, **detail})
        assert (state.runs[7].state, state.runs[7].ended) == expected


def test_a_channel_that_is_taken_away_has_no_slot_and_one_that_is_closed_is_gone() -> None:
    channel = {"app": "chat", "channel": "inbox"}
    granted = ("SLOT_GRANT", {**channel, "status": "HARDWARE_SLOT_ALLOCATED", "kind": "hardware"})
    state = told(("CTOR", {**channel, "minutes": 15}), granted, ("SLOT_FREE", {**channel, "kind": "hardware"}))
    shown = state.channels["chat", "inbox"]
    assert (shown.slot, shown.status) == (None, None)
    state.take({"t": 9_000_000, "src": "test", "ev": "CHANNEL_CLOSE", **channel})
    assert state.channels == {}


def test_runs_that_are_over_are_not_kept_for_ever() -> None:
    records = [("RUN_EXIT", {"app": "a", "task": "t", "instance": number, "fault": None}) for number in range(ENDED_TASKS + 30)]
    assert len(told(*records).runs) == ENDED_TASKS


def test_holds_are_those_that_hold_now_and_their_sums() -> None:
    hold = {"holder": "app mail/1", "reason": "a read"}
    state = told(("POWER", {"state": "connected_standby"}), ("SLEEP_REFUSED", {**hold, "held_ms": 20}))
    assert [entry.holder for entry in state.holds.values()] == ["app mail/1"]
    state.take({"t": 50_000_000, "ev": "HELD", **hold, "held_ms": 60.5})
    assert (state.holds, state.held_ms) == ({}, {"app mail/1": 60.5})


def test_sleeps_add_up_and_a_frame_written_late_turns_no_clock_back() -> None:
    state = told(("SLEEP_ENTER", {}), ("FRAME", {}), ("SLEEP_EXIT", {}), ("SLEEP_ENTER", {}), ("PUSH", {}))
    state.take({"t": 0, "ev": "FRAME"})
    assert state.slept_ns == 3_000_000


@pytest.mark.parametrize(
    "line", [b"[]\n", b'{"ev": "APP_READY"}\n', b'{"ev": 5, "t": "x"}\n', b"\xff\xfe\n", b'{"ev": "RUN_ENTER"}\n']
)
def test_damaged_lines_are_passed_over(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "timeline.jsonl").write_bytes(line + b'\n{"t": 5, "ev": "NIC_WAKE", "reason": "MAGIC"}\n')
    assert json.loads(rig_host(str(tmp_path), "--json").stdout)["wakes"] == {"MAGIC": 1}
