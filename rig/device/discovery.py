"""Which serial ports there are, who holds them and who answers on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rig.device import mcumgr
from rig.device.link import Link
from rig.device.offload import OffloadClient
from rig.device.port import holders
from rig.errors import BenchError, DeviceError, RigError

PROBE_S = 0.5


@dataclass(frozen=True)
class FoundPort:
    """A serial port of this machine."""

    port: str
    vid_pid: str
    """"1209:0001", "" for a port that is not on USB."""
    serial_number: str
    by_id: str
    """Path that stays the same when the board is plugged in elsewhere."""
    description: str
    holder: str
    """Processes that have it open, "" when free."""
    answer: str
    """Who speaks SMP there, or why that is not known."""
    there: bool = True
    """False: a port that was named, and no such file."""

    @property
    def state(self) -> str:
        """Who holds it, in a word or more."""
        return self.holder or ("free" if self.there else "not there")


def find_ports(named: Sequence[str] = (), *, baudrate: int = 115200, probe: bool = True) -> list[FoundPort]:
    """The machine's ports and those named. `probe` opens each free one and says hello, which may reset some boards."""
    from serial.tools.list_ports import comports

    listed = {info.device: info for info in comports()}
    ports = list(dict.fromkeys([*named, *sorted(listed)]))
    if not ports:
        return []
    with ThreadPoolExecutor(len(ports)) as pool:
        return list(pool.map(lambda port: _describe(port, listed.get(port), baudrate, probe), ports))


def _describe(port: str, info: object, baudrate: int, probe: bool) -> FoundPort:
    vid, pid = getattr(info, "vid", None), getattr(info, "pid", None)
    held = ", ".join(str(holder) for holder in holders(port, others_only=True))
    return FoundPort(
        port=port,
        vid_pid=f"{vid:04x}:{pid:04x}" if vid is not None and pid is not None else "",
        serial_number=getattr(info, "serial_number", None) or "",
        by_id=_by_id(port),
        description=_text(getattr(info, "description", None)),
        holder=held,
        answer=who_answers(port, baudrate) if probe else "not asked",
        there="://" in port or Path(port).exists(),
    )


def _text(description: str | None) -> str:
    return "" if description in (None, "n/a") else str(description)


def _by_id(port: str) -> str:
    real = Path(port).resolve()
    return next((str(link) for link in Path("/dev/serial/by-id").glob("*") if link.resolve() == real), "")


def who_answers(port: str, baudrate: int) -> str:
    """One line: the offload firmware, another SMP server, or the error that opening met."""
    try:
        with Link(port, baudrate=baudrate) as link:
            mcumgr.echo(link, timeout_s=PROBE_S, retries=0)
            return _offload_firmware(link)
    except BenchError as error:
        return "no answer" if error.code == "RIG-B03" else f"{error.code} {error.cause}"
    except RigError as error:
        return f"{error.code} {error.cause}"


def _offload_firmware(link: Link) -> str:
    try:
        hello = OffloadClient(link).hello()
    except DeviceError:
        return "SMP server without the offload group (a boot loader?)"
    return f"offload {hello.version} on {hello.board}"
