"""`rig host`: what the host of a running bench is at, live."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.device_options import Json
from rig.commands.run import REPORTS

if TYPE_CHECKING:
    from rig.results.newest import NewestHost

REFRESH_S = 0.2
"""How often the files are looked at: a person reads no faster."""


def register(app: typer.Typer) -> None:
    @app.command()
    def host(
        where: Annotated[
            Path,
            typer.Argument(
                help="The folder of all runs, of one run, of one test, or a timeline.jsonl. Of several tests, the newest.",
                metavar="[DIR]",
            ),
        ] = REPORTS,
        as_json: Json = False,
        seconds: Annotated[float, typer.Option(help="End after so many seconds; 0: on Ctrl-C.", min=0)] = 0.0,
    ) -> None:
        """Show what the host of a bench is at: apps, channels, sockets, slots, tasks, holds, power.

        Live on a terminal, following the newest bench; once with --json or into a pipe. It reads the timeline that the bench
        writes and asks nothing of it, so a run that is over or was killed shows how its host was last.
        """
        from rig.commands.host_view import as_map, drawn
        from rig.results.newest import NewestHost

        newest = NewestHost(where)
        if as_json:
            import json

            newest.insist()
            typer.echo(json.dumps(as_map(newest.state, newest.name), indent=1))
            return
        from rich.console import Console

        console = Console()
        if not console.is_terminal:
            newest.insist()
            console.print(drawn(newest.state, newest.name))
            return
        _watch(newest, seconds or float("inf"))


def _watch(newest: NewestHost, seconds: float) -> None:
    """Until somebody presses Ctrl-C, or for so long."""
    from rich.live import Live

    from rig.commands.host_view import drawn

    end_s = time.monotonic() + seconds
    with Live(auto_refresh=False, screen=False) as live:
        while time.monotonic() < end_s:
            newest.look()
            live.update(drawn(newest.state, newest.name), refresh=True)
            time.sleep(min(REFRESH_S, max(0.0, end_s - time.monotonic())))
