"""`rig log`: what a device logged, read from its memory: nobody had to listen when it was written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rig.commands.device_options import Baud, Json, Port, device_at
from rig.printable import printable


def register(app: typer.Typer) -> None:
    @app.command()
    def log(
        port: Port,
        baud: Baud = 115200,
        since: Annotated[int, typer.Option(help="Cursor: `next` of an earlier --json.", min=0, max=2**32 - 1)] = 0,
        as_json: Json = False,
    ) -> None:
        """Print the last lines that a device logged."""
        with device_at(port, baud) as device:
            kept = device.log(since)
        if as_json:
            import json

            typer.echo(json.dumps(asdict(kept)))
            return
        if kept.lost:
            typer.echo(f"... {kept.lost} bytes before this are not kept any more", err=True)
        for line in kept.text.splitlines():
            typer.echo(printable(line))
