"""`rig manifest`: what an app's manifest says, before anything is installed from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.device_options import Json

if TYPE_CHECKING:
    from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="manifest")

    @group.callback()
    def manifest() -> None:
        """Look at the manifest of an app under test; both forms: rig help manifest."""

    @group.command()
    def check(
        file: Annotated[Path, typer.Argument(help="appx XML or TOML, by its suffix", metavar="FILE")], as_json: Json = False
    ) -> None:
        """Print what a manifest says, or what is wrong in it: with line, key, and what would be right."""
        from rig.manifest.read import read_manifest

        read = read_manifest(file)
        typer.echo(json.dumps(_json(read)) if as_json else _text(read))


def _json(read: Manifest) -> dict[str, object]:
    tasks = [
        {
            "entry_point": extension.entry_point,
            "type": task_type,
            "executable": extension.executable,
            "in_app": extension.runs_in_app(task_type),
        }
        for extension in read.extensions
        for task_type in sorted(extension.task_types)
    ]
    facts = {"name": read.name, "version": read.version, "entry": read.entry}
    return {**facts, "privileged": read.privileged, "lock_screen": read.lock_screen, "tasks": tasks}


def _text(read: Manifest) -> str:
    """A line of the app, and a table of its tasks."""
    from tabulate import tabulate

    more = [word for word, on in (("privileged", read.privileged), ("lock screen", read.lock_screen)) if on]
    runs = f"runs {read.entry}" if read.entry else "no entry: nothing to launch"
    lines = [", ".join([f"{read.name} {read.version}", runs, *more])]
    rows = [
        [extension.entry_point, task_type, _where(read, extension, task_type)]
        for extension in read.extensions
        for task_type in sorted(extension.task_types)
    ]
    lines.append(tabulate(rows, ["entry point", "type", "runs in"], tablefmt="simple") if rows else "no background tasks")
    return "\n\n".join(lines)


def _where(read: Manifest, extension: BackgroundTasksExtension, task_type: TaskType) -> str:
    if not read.declares(extension.entry_point, task_type):
        return "nowhere, it cannot be registered: a control channel's task has an executable"
    return "the app's process" if extension.runs_in_app(task_type) else "a process of its own"
