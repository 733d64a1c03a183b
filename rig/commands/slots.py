"""`rig slots`: the TCP connections that a device keeps alive."""

from __future__ import annotations

import typer

from rig.commands.looking import Baud, Json, Port, device_at, show

COLUMNS = {
    "slot": "slot",
    "gen": "gen",
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
}


def register(app: typer.Typer) -> None:
    @app.command()
    def slots(port: Port, baud: Baud = 115200, as_json: Json = False) -> None:
        """List the TCP slots of a device."""
        with device_at(port, baud) as device:
            show(device.slots(), COLUMNS, as_json=as_json, empty="no slot is in use")
