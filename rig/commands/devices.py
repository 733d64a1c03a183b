"""`rig devices`: serial ports, who holds them, who answers."""

from __future__ import annotations

from typing import Annotated

import typer

from rig.commands.device_options import Baud


def register(app: typer.Typer) -> None:
    @app.command()
    def devices(
        ports: Annotated[list[str] | None, typer.Argument(help="Ports to ask besides those found, such as a PTY.")] = None,
        baud: Baud = 115200,
        probe: Annotated[bool, typer.Option(help="Open free ports and say hello; some boards reset when opened.")] = True,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    ) -> None:
        """List serial ports, who holds them and who answers."""
        from rig.device.discovery import find_ports

        found = find_ports(ports or [], baudrate=baud, probe=probe)
        if as_json:
            import json
            from dataclasses import asdict

            typer.echo(json.dumps([asdict(port) for port in found]))
            return
        if not found:
            typer.echo("no serial ports. Without a board: rig serve --device native, rig run --device native")
            return
        from tabulate import tabulate

        rows = [(p.port, p.vid_pid, p.serial_number, p.by_id or p.description, p.state, p.answer) for p in found]
        headers = ("port", "vid:pid", "serial number", "by-id path", "held by", "who answers")
        typer.echo(tabulate(rows, headers))
