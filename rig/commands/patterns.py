"""`rig patterns`: what wakes the host, and how often it matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rig.commands.device_options import Baud, Json, Port, device_at, show

if TYPE_CHECKING:
    from rig.device.pattern import PatternInfo


def register(app: typer.Typer) -> None:
    @app.command()
    def patterns(port: Port, baud: Baud = 115200, as_json: Json = False) -> None:
        """List the wake patterns of a device."""
        with device_at(port, baud) as device:
            listed = device.patterns()
        if as_json or not listed:
            show(listed, {}, as_json=as_json, empty="no wake patterns")
            return
        from tabulate import tabulate

        rows = [(pattern.id, pattern.type.name, pattern.hits, matches(pattern)) for pattern in listed]
        typer.echo(tabulate(rows, ("id", "type", "hits", "matches")))


def matches(pattern: PatternInfo) -> str:
    """What a pattern wakes for, as a person says it."""
    from rig.device.numbers import PatternType as T

    said = {
        T.MAGIC: "a magic packet for the host's MAC",
        T.EAPOL: "an EAPOL frame",
        T.LINK_UP: "the link comes",
        T.LINK_DOWN: "the link goes",
        T.PROGRAM: "what its program accepts",
    }
    if pattern.type in said:
        return said[pattern.type]
    if pattern.type in (T.IPV4_SYN, T.IPV6_SYN, T.UDP_PORT):
        what = "UDP" if pattern.type is T.UDP_PORT else f"a connection over {pattern.type.name[:4].replace('V', 'v')}"
        return f"{what} from {_end(pattern.src, pattern.sport)} to {_end(pattern.dst, pattern.port)}"
    if pattern.type is T.TCP_PAYLOAD:
        return f"byte {pattern.offset} on of a slot's new data: {pattern.data_bytes} bytes, which the device keeps to itself"
    return f"byte {pattern.offset} on of the frame: {_bytes(pattern)}"


def _end(address: str, port: int) -> str:
    named = f"port {port}" if port else ""
    return " ".join(part for part in (address, named) if part) or "anywhere"


def _bytes(pattern: PatternInfo) -> str:
    """In hexadecimal; ".." for a byte that may be anything."""
    compared = [pattern.mask[i // 8] >> i % 8 & 1 for i in range(len(pattern.data))]
    shown = "".join(f"{byte:02x}" if wanted else ".." for byte, wanted in zip(pattern.data, compared, strict=True))
    rest = pattern.data_bytes - len(pattern.data)
    return shown + (f" and {rest} more" if rest else "")
