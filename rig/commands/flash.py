"""`rig flash`: bring an image onto a device, test it, keep it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.device_options import Baud, device_names, port_names

if TYPE_CHECKING:
    from rig.device.flash import FlashResult, OnProgress
    from rig.device.link import Link


def register(app: typer.Typer) -> None:
    @app.command()
    def flash(
        image: Annotated[
            Path | None, typer.Argument(help="Signed image; default: the built firmware of the board that answers.")
        ] = None,
        port: Annotated[str, typer.Option(help="Serial port or pyserial URL of a board.", autocompletion=port_names)] = "",
        device: Annotated[str, typer.Option(help="native or qemu instead of a port.", autocompletion=device_names)] = "",
        flash_file: Annotated[
            Path | None,
            typer.Option("--flash", help="With --device: the file that holds its flash, made if absent; else nothing stays"),
        ] = None,
        baud: Baud = 115200,
        recovery: Annotated[
            bool, typer.Option(help="Past an image that does not answer: wait for the board to be switched off and on.")
        ] = False,
        force: Annotated[bool, typer.Option(help="Upload even if the same image runs already.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ) -> None:
        """Flash firmware: upload, verify, test, restart, confirm."""
        with ExitStack() as stack:
            link = _link(stack, port, device, flash_file, baud, recovery)
            if recovery:
                _recover(link)
            _run(link, image or _built_image(link, device), device, force=force, as_json=as_json)


def _link(stack: ExitStack, port: str, device: str, flash_file: Path | None, baud: int, recovery: bool) -> Link:
    from rig.device.factory import emulated
    from rig.device.flash_memory import FlashMemory
    from rig.device.images import firmware
    from rig.device.link import Link
    from rig.device.port import shared_warning
    from rig.errors import UsageError

    if bool(port) == bool(device):
        raise UsageError("RIG-C05", "say what to flash: either --port or --device", "`rig devices` lists serial ports")
    if device and recovery:
        raise UsageError("RIG-C05", "--recovery waits for a board's power switch; --device has none", "leave --recovery out")
    if device:
        _ = firmware(device).image
        memory = FlashMemory.in_file(device, flash_file) if flash_file else None
        port = stack.enter_context(emulated(device, flash=memory)).port
    link = stack.enter_context(Link(port, baudrate=baud))
    if warning := shared_warning(port):
        typer.echo(warning, err=True)
    return link


def _recover(link: Link) -> None:
    from rig.device.recovery import enter_recovery

    typer.echo("switch the board off and on now", err=True)
    enter_recovery(link)


def _run(link: Link, path: Path, device: str, *, force: bool, as_json: bool) -> None:
    from rig.device.flash import carry_out, make_plan
    from rig.device.image import load
    from rig.device.images import firmware

    board = firmware(device).board if device else ""
    plan = make_plan(link, load(path), board)
    if as_json:
        _print_json(carry_out(link, plan, force=force))
        return
    typer.echo(f"plan: {plan}")
    result = _with_progress(lambda on_progress: carry_out(link, plan, on_progress, force=force))
    if result.skipped:
        typer.echo(f"already up to date: {result.version} ({result.digest.hex()[:12]})")
    else:
        if result.resumed_at:
            typer.echo(f"resumed at byte {result.resumed_at}, where an earlier upload was cut off")
        rate = result.uploaded_bytes / result.upload_s / 1000
        typer.echo(
            f"flashed {result.version}: {result.uploaded_bytes} bytes in {result.upload_s:.1f} s, {rate:.1f} kB/s; confirmed"
        )


def _built_image(link: Link, device: str) -> Path:
    """The firmware of this build for whatever answers."""
    from rig.device.flash import board_name
    from rig.device.images import firmware, of_board
    from rig.errors import UsageError

    board = board_name(link)
    name = device or of_board(board)
    if not name:
        what = f'board "{board}"' if board else "a boot loader, which does not tell its board"
        raise UsageError("RIG-C08", f"the rig has no image of its own for {what}", "rig flash IMAGE --port ...")
    return firmware(name).image


def _with_progress(work: Callable[[OnProgress], FlashResult]) -> FlashResult:
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    with Bar(
        "upload",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        transient=True,
        disable=not sys.stdout.isatty(),
    ) as bar:
        task = bar.add_task("upload", total=None)
        return work(lambda progress: bar.update(task, total=progress.total_bytes, completed=progress.sent_bytes))


def _print_json(result: FlashResult) -> None:
    import json
    from dataclasses import asdict

    typer.echo(json.dumps({**asdict(result), "digest": result.digest.hex()}))
