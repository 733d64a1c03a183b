"""`rig transfers`: the background transfers of a running bench, live."""

from __future__ import annotations

import typer

from rig.commands.device_options import Json
from rig.commands.live_state import Seconds, Where, show
from rig.commands.run import REPORTS


def register(app: typer.Typer) -> None:
    @app.command()
    def transfers(where: Where = REPORTS, as_json: Json = False, seconds: Seconds = 0.0) -> None:
        """Show the background transfers of a bench's host: how far each is, how fast, its status and why it waits.

        Live on a terminal, following the newest bench; once with --json or into a pipe. It reads the timeline that the bench
        writes and asks nothing of it, so a run that is over or was killed shows how they were last.
        """
        from rig.commands.transfers_view import as_map, drawn
        from rig.results.newest import Newest
        from rig.results.transfers_state import TransfersState

        show(Newest(where, TransfersState), as_map, drawn, as_json=as_json, seconds=seconds)
