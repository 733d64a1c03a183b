"""`rig check`: whether a device keeps the contract, over its serial line alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.device_options import Baud, Json, device_names, port_names
from rig.printable import printable

if TYPE_CHECKING:
    from rig.device.check.asked import Finding


def register(app: typer.Typer) -> None:
    @app.command()
    def check(
        port: Annotated[str, typer.Option(help="Serial port or pyserial URL of the device.", autocompletion=port_names)] = "",
        device: Annotated[
            str, typer.Option(help="native, qemu or reference, started for this.", autocompletion=device_names)
        ] = "",
        baud: Baud = 115200,
        only: Annotated[str, typer.Option("-k", help="Only steps with these words in their names.")] = "",
        as_json: Json = False,
    ) -> None:
        """Hold a device against the contract for firmware (firmware/proto/README.md): no network is needed.

        It attaches, which frees what another host has left with the device. Exit code 1: something is not as the contract has it.
        """
        from rig.errors import UsageError
        from rig.exit_codes import Exit

        if bool(port) == bool(device):
            raise UsageError("RIG-C05", "rig check wants a device to look at", "--port /dev/ttyACM0, or --device native")
        with _port_of(port, device) as at:
            found = _shown(at, baud, only, as_json=as_json)
        raise typer.Exit(Exit.FAILED if found else Exit.PASSED)


@contextmanager
def _port_of(port: str, device: str) -> Iterator[str]:
    if port:
        yield port
        return
    from rig.device import mcumgr
    from rig.device.factory import alone
    from rig.device.link import Link
    from rig.device.prepared import prepared_flash, takes_an_image
    from rig.device.process_device import died

    with alone(device, prepared_flash(device) if takes_an_image(device) else None) as running:
        with Link(running.port) as link:
            running.watch(lambda how, words: link.end(died(running.kind, how, words)))
            mcumgr.wait_ready(link)
        yield running.port


def _shown(port: str, baud: int, only: str, *, as_json: bool) -> bool:
    """Prints each step as it ends; returns whether anything is wrong."""
    from rig.device.check.asked import Verdict
    from rig.device.check.examination import examine

    findings: list[Finding] = []
    for step, found in examine(port, baud, only):
        findings += found
        if not as_json:
            _tell(step, found)
    if as_json:
        import json

        typer.echo(json.dumps([{"step": f.step, "verdict": f.verdict.name, "words": f.words} for f in findings]))
    wrong, lacks = (sum(f.verdict is verdict for f in findings) for verdict in (Verdict.WRONG, Verdict.LACKS))
    if not as_json:
        profile = "the minimum profile is met" if not lacks else f"{lacks} lacking for the minimum profile and the suite"
        typer.echo(f"\n{wrong} against the contract; {profile}" if wrong else f"\nas the contract has it; {profile}")
    return bool(wrong)


def _tell(step: str, found: list[Finding]) -> None:
    for finding in found:
        typer.echo(f"{step:20}{finding.verdict.value:7}{printable(finding.words)}".rstrip())
        step = ""
