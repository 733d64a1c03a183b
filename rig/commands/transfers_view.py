"""How `rig transfers` shows background transfers."""

from __future__ import annotations

from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rig.printable import printable
from rig.results.transfers_state import Transfer, TransfersState

MOST_UNDER_WAY, MOST_ENDED = 40, 10
"""Rows: of those that have not ended the first, those that run before the others; of those that have, the newest."""
BAR_WIDTH = 20
STYLES = {"RUNNING": "green", "COMPLETED": "dim", "CANCELED": "dim", "ERROR": "red"}
COLUMNS = (
    *("app", "file", "", "progress", "bytes", "a second"),
    *("status", "priority", "group", "tries", "id"),
)
RIGHT = ("bytes", "a second", "tries")
UNBROKEN = ("", "bytes", "a second", "priority", "id")
ARROWS = {"download": "↓", "upload": "↑"}
ID_LETTERS = 8
"""The last ones tell those of one test apart: an id begins with its time. --json has all of it."""


def as_map(state: TransfersState, test: str) -> dict[str, Any]:
    """For --json, in the order of their creation; `rate_bytes_s` of the newest seconds."""
    return {
        "test": test,
        "statuses": dict(state.statuses),
        "transfers": [
            {
                **{key: value for key, value in vars(transfer).items() if not key.startswith("_")},
                "rate_bytes_s": round(transfer.rate_bytes_s(state.now_ns), 1),
            }
            for transfer in state.transfers.values()
        ],
    }


def drawn(state: TransfersState, test: str) -> Group:
    """For a terminal or a pipe."""
    if not test:
        return Group(Text("no bench has written anything yet: waiting for one", style="dim"))
    going = [transfer for transfer in state.transfers.values() if not transfer.ended]
    going.sort(key=lambda transfer: transfer.status != "RUNNING")
    ended = [transfer for transfer in state.transfers.values() if transfer.ended]
    shown = going[:MOST_UNDER_WAY] + ended[-MOST_ENDED:]
    left_out = len(going) + len(ended) - len(shown)
    parts: list[RenderableType] = [Text(_headline(state, test), style="bold")]
    if shown:
        parts.append(_table(state, shown))
    if left_out:
        parts.append(Text(f"and {left_out} more", style="dim"))
    return Group(*parts)


def _headline(state: TransfersState, test: str) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(state.statuses.items())) or "no transfers"
    rate = sum(transfer.rate_bytes_s(state.now_ns) for transfer in state.transfers.values())
    return printable(f"{test}: {counts}" + (f"; {decimal(int(rate))} a second" if rate else ""))


def _table(state: TransfersState, transfers: list[Transfer]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        justify: Literal["left", "right"] = "right" if column in RIGHT else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column in UNBROKEN)
    for transfer in transfers:
        rate = transfer.rate_bytes_s(state.now_ns)
        table.add_row(
            _text(transfer.app),
            _text(transfer.name),
            _text(ARROWS.get(transfer.direction, "")),
            _bar(transfer),
            _text(_bytes(transfer)),
            _text(decimal(int(rate)) if rate else ""),
            _text(_status(transfer), STYLES.get(transfer.status, "yellow")),
            _text(transfer.priority),
            _text(transfer.group),
            _text(str(transfer.attempts)),
            _text(transfer.id[-ID_LETTERS:]),
        )
    return table


def _bar(transfer: Transfer) -> ProgressBar:
    """A whole one for what is complete, also where nobody knew how much it would be."""
    total, come = (transfer.total, transfer.bytes) if transfer.total else (1, transfer.status == "COMPLETED")
    return ProgressBar(total=total, completed=come, width=BAR_WIDTH)


def _bytes(transfer: Transfer) -> str:
    come = decimal(max(0, transfer.bytes))
    return f"{come} of {decimal(transfer.total)}" if transfer.total > 0 else come


def _status(transfer: Transfer) -> str:
    """With why."""
    why = transfer.error or transfer.reason
    return f"{transfer.status}: {why}" if why else transfer.status


def _text(words: str, style: str = "") -> Text:
    return Text(printable(words), style=style)
