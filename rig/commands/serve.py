"""`rig serve`: a device alone, for smpmgr, miniterm or whatever else speaks to a serial port."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.device_options import MAX_BAUD, device_names

if TYPE_CHECKING:
    from rig.device.flash_memory import FlashMemory

SAMPLE_LEASE_MS = 3_600_000
CHECK_S = 0.5
"""How often to see whether the device still lives."""


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(
        device: Annotated[str, typer.Option(help="native, qemu or reference.", autocompletion=device_names)] = "native",
        flash_file: Annotated[
            Path | None, typer.Option("--flash", help="File that holds its flash, 1 MiB (qemu: 16 MiB); made, erased, if absent.")
        ] = None,
        erased: Annotated[bool, typer.Option(help="Begin with an erased flash: the boot loader answers.")] = False,
        sample: Annotated[
            bool,
            typer.Option(
                "--sample", help="Load a connection, patterns and offloads: something for slots, patterns, ... to show."
            ),
        ] = False,
        baud: Annotated[
            int, typer.Option(help="Let bytes pass at this speed, bit/s; 0: as fast as it goes.", min=0, max=MAX_BAUD)
        ] = 0,
    ) -> None:
        """Run a device alone; print its serial port. Ctrl-C ends."""
        from rig.device.factory import alone
        from rig.device.images import no_flash
        from rig.device.line import PacedLine
        from rig.device.prepared import takes_an_image
        from rig.errors import UsageError

        if not takes_an_image(device) and (flash_file is not None or erased):
            raise no_flash(device)
        if sample and erased:
            raise UsageError("RIG-C05", "a boot loader takes no --sample", "leave out --erased")
        with alone(device, _memory(device, flash_file, erased=erased)) as running:
            if sample:
                _load_sample(running.port)
            if running.port.startswith("/") and not baud:
                _announce(device, running.port)
                _watch(running.check)
            with PacedLine(running.port, baud) as line:
                _announce(device, line.port)
                _watch(running.check)


def _memory(device: str, flash_file: Path | None, *, erased: bool) -> FlashMemory | None:
    from rig.device.flash_memory import FlashMemory
    from rig.device.prepared import prepared_flash, takes_an_image

    if flash_file is not None:
        return FlashMemory.in_file(device, flash_file)
    return None if erased or not takes_an_image(device) else prepared_flash(device)


def _load_sample(port: str) -> None:
    """What a host of the flat topology would leave with it. Nobody is on its wire: the connection's probes get no answer."""
    from rig.device.link import Link
    from rig.device.offload import OffloadClient
    from rig.device.pattern import Pattern
    from rig.device.protocol_offload import ProtocolOffload
    from rig.device.tcp_slot import TcpSlot

    host, mac, server_mac = "192.0.2.10", bytes.fromhex("020000000110"), bytes.fromhex("020000000120")
    with Link(port) as link:
        client = OffloadClient(link)
        client.attach(1, SAMPLE_LEASE_MS)
        client.add_tcp_slot(
            TcpSlot(
                local=host, remote="192.0.2.20", local_port=49152, remote_port=5223, local_mac=mac, next_hop_mac=server_mac,
                snd_una=1000, snd_nxt=1000, snd_wl1=2000, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=2000, rcv_wnd=64240,
                rcv_wup=2000,
            )
        )  # fmt: skip
        client.add_pattern(Pattern.magic(1))
        client.add_pattern(Pattern.syn(2, ip=host, port=22))
        client.add_offload(ProtocolOffload(id=1, ip=host, mac=mac))


def _announce(device: str, port: str) -> None:
    """The port alone on stdout, so that scripts can read it; the rest is for people."""
    typer.echo(port)
    typer.echo(f"{device} device is on. Try: smpmgr --port {port} image state-read. Ctrl-C ends it.", err=True)


def _watch(check: Callable[[], None]) -> None:
    """Until a signal, or until the device dies by itself, which `check` raises."""
    while True:
        check()
        time.sleep(CHECK_S)
