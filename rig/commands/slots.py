"""`rig slots`: the TCP connections that a device keeps alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rig.commands.looking import Baud, Json, Port, device_at, show
from rig.device.numbers import Power

if TYPE_CHECKING:
    from rig.device.offload_types import Status

COLUMNS = {
    "slot": "slot",
    "gen": "gen",
    "owner": "owner",
    "state": "state",
    "close_reason": "closed by",
    "snd_una": "snd_una",
    "rcv_nxt": "rcv_nxt",
    "snd_wnd": "peer window",
    "last_rx_age_ms": "heard, ms ago",
    "next_ka_due_ms": "next probe, ms",
    "ka_sent": "probes",
    "ka_acked": "answered",
    "ka_lost": "lost",
    "peer_ka_answered": "peer probes",
    "challenge_acks": "challenges",
    "dup_data": "old data",
    "paws_drops": "PAWS",
    "payloads_sent": "payloads",
    "payloads_answered": "payload answers",
    "payload_counter": "next counter",
    "tokens_used": "tokens used",
    "next_hop_mac": "next hop",
    "next_hop_moves": "moved",
    "vlan_tci": "VLAN TCI",
}


def register(app: typer.Typer) -> None:
    @app.command()
    def slots(port: Port, baud: Baud = 115200, as_json: Json = False) -> None:
        """List the TCP slots of a device, and how long it would go on without hearing of their owner."""
        with device_at(port, baud) as device:
            show(device.slots(), COLUMNS, as_json=as_json, empty="no slot is in use")
            lease = lease_line(device.status())
            if lease and not as_json:
                typer.echo(lease)


def lease_line(status: Status) -> str:
    """Who has the device, and for how long; empty where nobody attached. Specification time."""
    if status.power is Power.EXPIRED:
        return f"the lease of owner {status.owner_id} is over"
    if not status.owner_id:
        return ""
    return f"owner {status.owner_id}: {status.lease_left_ms / 1000:.0f} s of the lease left"
