"""`rig report`: draw a run's reports again from its record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LATEST = Path("reports/latest")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(report)


def report(
    run_dir: Annotated[Path, typer.Argument(help="a run's directory", metavar="[RUN_DIR]")] = LATEST,
) -> None:
    """Draw a run's reports again, also those of a run that was killed."""
    from rig.commands.run import say_reports
    from rig.report import draw, table

    run = draw(run_dir.resolve())
    typer.echo(table.render(run))
    say_reports(run.directory)
