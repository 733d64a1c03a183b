"""`rig patterns`: what wakes the host, and how often it matched."""

from __future__ import annotations

import typer

from rig.commands.looking import Baud, Json, Port, device_at, show

COLUMNS = {
    "id": "id",
    "type": "type",
    "hits": "hits",
}


def register(app: typer.Typer) -> None:
    @app.command()
    def patterns(port: Port, baud: Baud = 115200, as_json: Json = False) -> None:
        """List the wake patterns of a device."""
        with device_at(port, baud) as device:
            show(device.patterns(), COLUMNS, as_json=as_json, empty="no wake patterns")
