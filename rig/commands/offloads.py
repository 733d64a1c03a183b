"""`rig offloads`: what a device answers in the name of its host."""

from __future__ import annotations

import typer

from rig.commands.device_options import Baud, Json, Port, device_at, show

COLUMNS = {
    "id": "id",
    "type": "type",
    "answered": "answered",
}


def register(app: typer.Typer) -> None:
    @app.command()
    def offloads(port: Port, baud: Baud = 115200, as_json: Json = False) -> None:
        """List the protocol offloads of a device."""
        with device_at(port, baud) as device:
            show(device.offloads(), COLUMNS, as_json=as_json, empty="no protocol offloads")
