"""`rig slots`: the TCP connections that a device keeps alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rig.commands.device_options import Baud, Json, Port, device_at, plain, show
from rig.device.numbers import Power

if TYPE_CHECKING:
    from rig.device.offload_types import Status
    from rig.device.tcp_slot import SlotInfo

COLUMNS = {
    "slot": "slot",
    "owner": "owner",
    "state": "state",
    "close_reason": "closed by",
    "local": "local",
    "remote": "remote",
    "last_rx_age_ms": "heard ms ago",
    "next_ka_due_ms": "probe in ms",
    "ka_sent": "probes",
    "ka_acked": "answered",
    "ka_lost": "lost",
}
"""Less than a terminal's width; the rest stands in --all."""


def register(app: typer.Typer) -> None:
    @app.command()
    def slots(
        port: Port,
        baud: Baud = 115200,
        everything: Annotated[bool, typer.Option("--all", help="Every field, a column for each slot.")] = False,
        as_json: Json = False,
    ) -> None:
        """List the TCP slots of a device, and how long it would go on without hearing of their owner.

        --json: one object, slots and lease.
        """
        with device_at(port, baud) as device:
            listed, status = device.slots(), device.status()
        if as_json:
            _print_json(listed, status)
            return
        if everything and listed:
            _show_all(listed)
        else:
            show(listed, COLUMNS, as_json=False, empty="no slot is in use")
        if lease := lease_line(status):
            typer.echo(lease)


def _rows(slots: Sequence[SlotInfo]) -> list[dict[str, Any]]:
    return [{field.name: plain(getattr(slot, field.name)) for field in fields(slot)} for slot in slots]


def _show_all(slots: Sequence[SlotInfo]) -> None:
    from tabulate import tabulate

    rows = _rows(slots)
    typer.echo(tabulate([[name, *(row[name] for row in rows)] for name in rows[0]], tablefmt="plain"))


def _print_json(slots: Sequence[SlotInfo], status: Status) -> None:
    import json

    lease = {"owner": status.owner_id, "left_ms": status.lease_left_ms, "over": status.power is Power.EXPIRED}
    typer.echo(json.dumps({"lease": lease, "slots": _rows(slots)}))


def lease_line(status: Status) -> str:
    """Who has the device, and for how long; empty where nobody attached. Specification time."""
    if status.power is Power.EXPIRED:
        return f"the lease of owner {status.owner_id} is over"
    if not status.owner_id:
        return ""
    return f"owner {status.owner_id}: {status.lease_left_ms / 1000:.0f} s of the lease left"
