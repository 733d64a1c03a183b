"""What `rig host` and `rig transfers` have in common: a state that is folded from the newest timeline, as JSON, once, or live."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rig.results.newest import Newest
    from rig.results.records import State

S = TypeVar("S", bound="State")

REFRESH_S = 0.2
"""How often the files are looked at: a person reads no faster."""

PIPE_WIDTH = 200
"""Nobody folds the lines of a pipe or a file."""

Where: TypeAlias = Annotated[
    Path,
    typer.Argument(
        help="The folder of all runs, of one run, of one test, or a timeline.jsonl. Of several tests, the newest.",
        metavar="[DIR]",
    ),
]
Seconds: TypeAlias = Annotated[float, typer.Option(help="End after so many seconds; 0: on Ctrl-C.", min=0)]


def show(
    newest: Newest[S],
    as_map: Callable[[S, str], dict[str, Any]],
    drawn: Callable[[S, str], RenderableType],
    *,
    as_json: bool,
    seconds: float,
) -> None:
    """Raises UsageError where no bench has written anything; on a terminal one is waited for."""
    if as_json:
        newest.insist()
        typer.echo(json.dumps(as_map(newest.state, newest.name), indent=1))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        newest.insist()
        console.width = max(console.width, PIPE_WIDTH)
        console.print(drawn(newest.state, newest.name))
        return
    _watch(newest, drawn, seconds or float("inf"))


def _watch(newest: Newest[S], drawn: Callable[[S, str], RenderableType], seconds: float) -> None:
    """Until somebody presses Ctrl-C, or for so long."""
    from rich.live import Live

    end_s = time.monotonic() + seconds
    with Live(auto_refresh=False, screen=False) as live:
        while time.monotonic() < end_s:
            newest.look()
            live.update(drawn(newest.state, newest.name), refresh=True)
            time.sleep(min(REFRESH_S, max(0.0, end_s - time.monotonic())))
