"""How `rig host` shows what a host is at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from rig.printable import printable
from rig.results.host_entries import App, Channel, Hold, Run, Socket, Task
from rig.results.host_state import HostState

LATEST_RUNS = 12
"""Runs shown, those that go on and the newest that are over."""
MOST_SOCKETS = 16
"""Sockets shown, those of which there was news last."""
SOCKET_COLUMNS = "app socket kind action holder last slot pattern_id"
MOST_HELD = 8
"""Holders shown of those that kept the host awake, the longest first."""


def as_map(state: HostState, test: str) -> dict[str, Any]:
    """For --json. Times are ms before the newest record."""
    return {
        "test": test,
        "screen": state.screen,
        "asleep": state.asleep,
        "slept_ms": round(state.slept_ns / 1e6, 3),
        "system_restarts": state.system_restarts,
        "wakes": dict(state.wakes),
        "levers": state.levers,
        "push": {"line": state.push_line, **state.notifications},
        "transfers": dict(state.transfers.statuses),
        "holds": [_timed(state, asdict(hold)) for hold in state.holds.values()],
        "held_ms": {holder: round(ms, 3) for holder, ms in state.held_ms.items()},
        "apps": [_timed(state, asdict(app)) for app in state.apps.values()],
        "channels": [asdict(channel) for channel in state.channels.values()],
        "sockets": [asdict(socket) for socket in state.sockets.values()],
        "tasks": [asdict(task) for task in state.tasks.values()],
        "runs": [_timed(state, asdict(run)) for run in state.runs.values()],
    }


def _timed(state: HostState, thing: dict[str, Any]) -> dict[str, Any]:
    since_ns = thing.pop("since_ns")
    return {**thing, "for_ms": round((state.now_ns - since_ns) / 1e6, 3)}


def drawn(state: HostState, test: str) -> Group:
    """For a terminal or a pipe."""
    if not test:
        return Group(Text("no bench has written anything yet: waiting for one", style="dim"))
    runs = list(state.runs.values())
    shown = [run for run in runs if not run.ended] + [run for run in runs if run.ended][-LATEST_RUNS:]
    return Group(
        Text(_headline(state, test), style="bold"),
        *_table("Apps", "app instance pid state ms", (_app(state, app) for app in state.apps.values())),
        *_table("Channels", "app channel minutes transport slot status device_slot", map(_channel, state.channels.values())),
        *_table(_sockets_title(state), SOCKET_COLUMNS, map(_socket, list(state.sockets.values())[-MOST_SOCKETS:])),
        *_table("Tasks", "app task kind channel runs", map(_task, state.tasks.values())),
        *_table("Runs", "app task instance state ms", (_run(state, run) for run in shown[-LATEST_RUNS:])),
        *_table("Keeps the host awake", "holder reason ms", (_hold(state, hold) for hold in state.holds.values())),
        *_table("Kept it awake in standby", "holder ms", _most_held(state)),
        *_table("Push", "line received dropped", _push(state)),
        *_table("Background transfers (rig transfers)", "status transfers", sorted(state.transfers.statuses.items())),
        *_table("Levers", "lever value", ((name, str(value)) for name, value in state.levers.items())),
    )


def _headline(state: HostState, test: str) -> str:
    network = "the device speaks for it" if state.asleep else "awake"
    wakes = ", ".join(f"{count} {reason}" for reason, count in state.wakes.most_common()) or "none"
    restarts = f"; system restarted {state.system_restarts} times" if state.system_restarts else ""
    return printable(f"{test}: {state.screen.replace('_', ' ')}, {network}; wakes: {wakes}{restarts}")


def _table(title: str, columns: str, rows: Iterable[Sequence[object]]) -> list[Table]:
    """None for nothing."""
    table = Table(title=title, title_justify="left", title_style="italic", box=None, padding=(0, 2, 0, 0))
    for column in columns.split():
        table.add_column(column.replace("_", " "), justify="right" if column in RIGHT else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    return [table] if table.row_count else []


RIGHT: Mapping[str, None] = dict.fromkeys(
    ("instance", "pid", "ms", "minutes", "device_slot", "slot", "pattern_id", "runs", "transfers", "received", "dropped")
)


def _for_ms(state: HostState, since_ns: int) -> str:
    return f"{(state.now_ns - since_ns) / 1e6:.0f}"


def _app(state: HostState, app: App) -> Sequence[object]:
    return app.name, app.instance, app.pid, app.state, _for_ms(state, app.since_ns)


def _channel(channel: Channel) -> Sequence[object]:
    return (
        channel.app,
        channel.channel,
        channel.minutes,
        channel.transport,
        channel.slot,
        channel.status,
        channel.device_slot,
    )


def _sockets_title(state: HostState) -> str:
    left_out = len(state.sockets) - MOST_SOCKETS
    return f"Sockets of the broker, and {left_out} more" if left_out > 0 else "Sockets of the broker"


def _socket(socket: Socket) -> Sequence[object]:
    where = socket.slot, socket.pattern_id
    return socket.app, socket.socket, socket.kind, socket.action, socket.holder, socket.last, *where


def _task(task: Task) -> Sequence[object]:
    return task.app, task.name, task.kind, task.channel, task.runs


def _run(state: HostState, run: Run) -> Sequence[object]:
    return run.app, run.task, run.instance, run.state, _for_ms(state, run.since_ns)


def _push(state: HostState) -> list[Sequence[object]]:
    """None where there never was any."""
    counts = [state.notifications[what] for what in ("received", "dropped")]
    return [(state.push_line or "none", *counts)] if state.push_line or any(counts) else []


def _most_held(state: HostState) -> list[Sequence[object]]:
    most = sorted(state.held_ms.items(), key=lambda held: -held[1])
    return [(holder, f"{ms:.1f}") for holder, ms in most[:MOST_HELD]]


def _hold(state: HostState, hold: Hold) -> Sequence[object]:
    return hold.holder, hold.reason, _for_ms(state, hold.since_ns)
