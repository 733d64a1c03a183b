"""`rig help`: topics that belong to no command."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    @app.command("help")
    def show(topic: Annotated[str, typer.Argument(help="exit-codes")] = "exit-codes") -> None:
        """Explain a topic: exit-codes."""
        from rig.cli import EXIT_CODES
        from rig.errors import UsageError

        if topic != "exit-codes":
            raise UsageError("RIG-C07", f'there is no help on "{topic}"', "rig help exit-codes; rig COMMAND --help")
        typer.echo(EXIT_CODES)
