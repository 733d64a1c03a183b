"""What `rig counters`, `slots`, `patterns`, `offloads` and `log` share: a look into a running device, changing nothing.

The speed of the line is everybody's who takes a port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rig.device.offload import OffloadClient


def port_names() -> list[str]:
    """For a shell that completes."""
    from rig.device.port import visible_ports

    return visible_ports()


def device_names() -> list[str]:
    """Those that run on this machine by themselves."""
    from rig.device.images import names

    return names()


Port = Annotated[
    str, typer.Option(help="Serial port or pyserial URL; that of a running `rig serve` too.", autocompletion=port_names)
]
MAX_BAUD = 12_000_000
"""What a USB full-speed adapter can promise at most."""
Baud = Annotated[int, typer.Option(help="Speed of the line, bit/s.", min=50, max=MAX_BAUD)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with every field.")]


@contextmanager
def device_at(port: str, baud: int) -> Iterator[OffloadClient]:
    """The offload firmware behind a port. Raises what opening the port or its answer calls for."""
    from rig.device.link import Link
    from rig.device.offload import OffloadClient
    from rig.device.port import shared_warning

    with Link(port, baudrate=baud) as link:
        if warning := shared_warning(port):
            typer.echo(warning, err=True)
        client = OffloadClient(link)
        client.hello()
        yield client


def show(objects: Sequence[Any], columns: Mapping[str, str], *, as_json: bool, empty: str) -> None:
    """Dataclass objects as a table. `columns`: field to heading; JSON has all fields."""
    rows = [{field.name: plain(getattr(item, field.name)) for field in fields(item)} for item in objects]
    if as_json:
        import json

        typer.echo(json.dumps(rows))
    elif not rows:
        typer.echo(empty)
    else:
        from tabulate import tabulate

        typer.echo(tabulate([[row[name] for name in columns] for row in rows], list(columns.values())))


def plain(value: Any) -> Any:
    """Enum members by name, bytes in hexadecimal."""
    if isinstance(value, Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value
