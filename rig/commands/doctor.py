"""`rig doctor`: what this machine can do, what it lacks, the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rig.exit_codes import Exit

if TYPE_CHECKING:
    from rig.doctor import Check


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
        restore: Annotated[
            bool, typer.Option("--restore", help="Only give back interfaces that a killed run with a board left bare.")
        ] = False,
    ) -> None:
        """Check this machine; name the remedy of each lack."""
        from rig.doctor import MAIN_JOB, abilities, examine

        if restore:
            _restore()
            return

        checks = examine()
        lacks = abilities(checks)
        if as_json:
            _print_json(checks, lacks)
        else:
            _print_table(checks, lacks)
        if lacks[MAIN_JOB]:
            raise typer.Exit(Exit.BENCH_ERROR)


def _restore() -> None:
    from rig.net.borrowed_nic import restore_left

    restored = restore_left()
    for name in restored:
        typer.echo(f"{name} is as it was")
    if not restored:
        typer.echo("no run left an interface bare")


def _print_table(checks: list[Check], lacks: dict[str, list[str]]) -> None:
    for check in checks:
        typer.echo(f"{check.state:4}  {check.name:16}  {check.reason}")
        if check.fix:
            typer.echo(f"{'':4}  {'':16}  -> {check.fix}")
    can = [ability for ability, missing in lacks.items() if not missing]
    typer.echo(f"\nyou can: {', '.join(can) or 'nothing yet'}")
    cannot = [f"{ability} ({', '.join(missing)})" for ability, missing in lacks.items() if missing]
    if cannot:
        typer.echo(f"you cannot yet: {'; '.join(cannot)}")


def _print_json(checks: list[Check], lacks: dict[str, list[str]]) -> None:
    import json
    from dataclasses import asdict

    abilities = {ability: {"ok": not missing, "missing": missing} for ability, missing in lacks.items()}
    typer.echo(json.dumps({"checks": [asdict(check) for check in checks], "abilities": abilities}))
