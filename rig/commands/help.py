"""`rig help`: topics that belong to no command."""

from __future__ import annotations

from typing import Annotated

import typer

NAMES = "exit-codes, error-codes, bench.toml, topology, requirements, events, signing-key, ci"


def register(app: typer.Typer) -> None:
    @app.command("help", help=f"Explain a topic: {NAMES}.")
    def show(topic: Annotated[str, typer.Argument(help=NAMES, autocompletion=lambda: NAMES.split(", "))] = "exit-codes") -> None:
        from rig import error_codes
        from rig.commands.topics import BENCH_TOML, CI, EXIT_CODES, REQUIREMENTS, SIGNING_KEY, TOPOLOGY
        from rig.device import signing_key
        from rig.errors import UsageError
        from rig.events import page

        files = {"bench.toml": BENCH_TOML, "topology": TOPOLOGY, "requirements": REQUIREMENTS, "ci": CI}
        key = SIGNING_KEY.format(path=signing_key.path())
        topics = {"exit-codes": EXIT_CODES, "error-codes": error_codes.page(), **files, "signing-key": key, "events": page()}
        topics |= {code: f"{code}  {meaning}" for code, meaning in error_codes.MEANINGS.items()}
        if topic not in topics:
            raise UsageError("RIG-C07", f'there is no help on "{topic}"', f"rig help with one of {NAMES}; or rig COMMAND --help")
        typer.echo(topics[topic].rstrip("\n"))
