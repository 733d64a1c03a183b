"""`rig monitor`: what a board says and does, live."""

from __future__ import annotations

import queue
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rig.commands.device_options import Baud, port_names
from rig.commands.run import REPORTS
from rig.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from rig.device.link import Link

REFRESH_S = 1.0
"""How often the counters are read."""

KEPT_LINES = 10
"""Of the device's own log, to begin with: a board that does nothing says nothing new."""

Line = tuple[str, str]
"""Kind (log, event, restart) and text."""


def register(app: typer.Typer) -> None:
    @app.command()
    def monitor(
        port: Annotated[
            str, typer.Argument(help="Serial port or pyserial URL.", show_default=False, autocompletion=port_names)
        ] = "",
        named: Annotated[str, typer.Option("--port", help="The same, as the other commands take it.")] = "",
        run: Annotated[
            bool, typer.Option("--run", help="Follow a run instead: its tests' timelines, as they are written.")
        ] = False,
        reports: Annotated[Path, typer.Option(help="With --run: a run's folder, or that of all runs.", metavar="DIR")] = REPORTS,
        baud: Baud = 115200,
        seconds: Annotated[float, typer.Option(help="End after so many seconds; 0: on Ctrl-C.", min=0)] = 0.0,
    ) -> None:
        """Show the log, events and counters of a board, live; or what a run does.

        Of a board it takes the events: nobody else will see them.
        """
        from rig.errors import UsageError

        if run + bool(port) + bool(named) != 1:
            raise UsageError("RIG-C05", "say what to watch: one PORT, or --run", "`rig devices` lists serial ports")
        if run:
            from rig.commands.following import follow

            follow(reports, typer.echo, seconds or float("inf"))
            return
        _watch_port(port or named, baud, seconds or float("inf"))


def _watch_port(port: str, baud: int, seconds: float) -> None:
    """Until somebody presses Ctrl-C, or for so long."""
    from rig.device.link import Link
    from rig.device.port import shared_warning

    lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
    with Link(port, baudrate=baud, log=lambda text: lines.put(("log", text))) as link:
        if warning := shared_warning(port):
            typer.echo(warning, err=True)
        show_hello(link)
        link.start_events(
            lambda event: lines.put(("event", event_text(event))),
            lambda boot_id: lines.put(("restart", f"the device restarted, boot {boot_id}")),
        )
        watch(link, lines, seconds)


def show_hello(link: Link) -> None:
    """Who is there; a boot loader or a silent board is said and watched all the same."""
    from rig.device.offload import OffloadClient
    from rig.errors import BenchError

    try:
        hello = OffloadClient(link).hello()
        typer.echo(f"{hello.board}: offload {hello.version}, image {hello.digest.hex()[:12]}, boot {hello.boot_id}")
        for line in OffloadClient(link).log(0).text.splitlines()[-KEPT_LINES:]:
            typer.echo(f"before   log     {printable(line)}")
    except BenchError as error:
        typer.echo(f"{error.code} {error.cause}", err=True)


def event_text(event: list[Any]) -> str:
    """One line for an event; for one that this rig does not know, as of a newer contract, what the device sent."""
    from rig.device.numbers import EventKind, WakeReason
    from rig.device.offload_types import Event
    from rig.errors import BenchError

    try:
        e = Event.of(event)
    except BenchError as error:
        return f"{error.code} {error.cause}"
    known = e.kind == EventKind.WAKE and e.reason in WakeReason.__members__.values()
    reason = WakeReason(e.reason).name if known else f"code {e.reason}"
    return f"{e.n} {e.kind.name} {reason} slot {e.slot_ref} pattern {e.matched_pattern} {e.saved_bytes} bytes"


def watch(link: Link, lines: queue.SimpleQueue[Line], seconds: float) -> None:
    """Print lines as they come; on a terminal a table of the counters that changed stays below them. Raises BenchError RIG-S07
    when the port goes away."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    end_s = time.monotonic() + seconds
    with Live(console=console, auto_refresh=False, transient=True) as live:
        next_s = 0.0
        while (now_s := time.monotonic()) < end_s:
            if now_s >= next_s and console.is_terminal:
                next_s = now_s + REFRESH_S
                live.update(counter_table(link), refresh=True)
            try:
                kind, text = lines.get(timeout=min(REFRESH_S, end_s - now_s))
            except queue.Empty:
                if link.gone is not None:
                    raise link.gone from None
                continue
            stamp = time.strftime("%H:%M:%S")
            console.print(f"{stamp} {kind:7} {printable(text)}", markup=False, highlight=False, soft_wrap=True)


def counter_table(link: Link) -> Table:
    """Counters that are not zero, and the link's own."""
    from dataclasses import asdict

    from rich.table import Table

    from rig.device.offload import OffloadClient
    from rig.errors import BenchError

    table = Table("counter", "value")
    try:
        device = OffloadClient(link).counters()
    except BenchError as error:
        table.add_row(error.code, error.cause)
        device = {}
    for name, value in {**device, **{f"link {name}": value for name, value in asdict(link.stats).items()}}.items():
        if value:
            table.add_row(name, str(value))
    return table
