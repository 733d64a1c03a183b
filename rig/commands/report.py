"""`rig report`: draw a run's reports again from its record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rig.commands.run import REPORTS

LATEST = REPORTS / "latest"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(report)


def report(
    run_dir: Annotated[Path, typer.Argument(help="a run's directory", metavar="[RUN_DIR]")] = LATEST,
    keep: Annotated[int | None, typer.Option(min=1, metavar="N", help="then delete all runs beside it but the newest N")] = None,
) -> None:
    """Draw a run's reports again, also those of a run that was killed; delete old runs."""
    from rig.report import draw, table

    drawn = draw(run_dir.resolve())
    directory = drawn.run.directory
    typer.echo(f"{table.render(drawn.run, drawn.since)}\n\n{table.files(directory)}")
    if keep is not None:
        _prune(directory, keep)


def _prune(drawn: Path, keep: int) -> None:
    from rig.report.retention import prune

    gone = prune(drawn.parent, keep, drawn)
    typer.echo(f"deleted {len(gone)} older runs: {', '.join(path.name for path in gone)}" if gone else "no older runs to delete")
