"""`rig host`: what the host of a running bench is at, live."""

from __future__ import annotations

import typer

from rig.commands.device_options import Json
from rig.commands.live_state import Seconds, Where, show
from rig.commands.run import REPORTS


def register(app: typer.Typer) -> None:
    @app.command()
    def host(where: Where = REPORTS, as_json: Json = False, seconds: Seconds = 0.0) -> None:
        """Show what the host of a bench is at: apps, channels, sockets, slots, tasks, holds, power.

        Live on a terminal, following the newest bench; once with --json or into a pipe. It reads the timeline that the bench
        writes and asks nothing of it, so a run that is over or was killed shows how its host was last.
        """
        from rig.commands.host_view import as_map, drawn
        from rig.results.host_state import HostState
        from rig.results.newest import Newest

        show(Newest(where, HostState), as_map, drawn, as_json=as_json, seconds=seconds)
