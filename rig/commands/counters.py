"""`rig counters`: what a device counted."""

from __future__ import annotations

from typing import Annotated

import typer

from rig.commands.device_options import Baud, Json, Port, device_at


def register(app: typer.Typer) -> None:
    @app.command()
    def counters(
        port: Port,
        baud: Baud = 115200,
        everything: Annotated[bool, typer.Option("--all", help="Those that stand at 0 too.")] = False,
        clear: Annotated[bool, typer.Option(help="Set them to 0 after reading.")] = False,
        as_json: Json = False,
    ) -> None:
        """Show the counters of a device."""
        with device_at(port, baud) as device:
            values = device.counters()
            if clear:
                device.clear_counters()
        if as_json:
            import json

            typer.echo(json.dumps(values))
            return
        from tabulate import tabulate

        rows = [(name, value) for name, value in values.items() if value or everything]
        typer.echo(tabulate(rows, ("counter", "value")))
