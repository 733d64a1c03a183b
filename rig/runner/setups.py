"""Which devices and topologies a test runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.errors import BenchError, UsageError

DEFAULT_DEVICE = "native"
DEFAULT_TOPOLOGY = "flat"


@dataclass(frozen=True)
class Setup:
    """One combination; `id` is what stands in the test's name."""

    device: str
    topology: str

    @property
    def id(self) -> str:
        return f"{self.device.replace('/', '_')}-{Path(self.topology).stem}"


def setups(config: pytest.Config, needed: Sequence[Sequence[str]] = ()) -> list[Setup]:
    """Every device with every topology; `needed` are the arguments of the test's topology marks, which win over --topology."""
    topologies = [name for names in needed for name in names] or config.getoption("--topology") or [DEFAULT_TOPOLOGY]
    return [Setup(device, topology) for device in devices(config.getoption("--device")) for topology in topologies]


def devices(asked: Sequence[str] | None) -> list[str]:
    """The device kinds meant by --device; `auto` is native, and qemu where this machine can run it."""
    found: list[str] = []
    for name in asked or [DEFAULT_DEVICE]:
        found += _auto() if name == "auto" else [name]
    return list(dict.fromkeys(found))


def check(device: str) -> None:
    """Raise when this machine cannot run the device: RIG-C10 unknown kind, RIG-T01 no QEMU, RIG-N03 no TAP."""
    kind = device.partition(":")[0]
    if kind not in ("native", "qemu", "board"):
        raise UsageError("RIG-C10", f"no device kind {device!r}", "--device native, qemu, auto or board:PORT")
    if kind == "qemu":
        _check_qemu()


def _auto() -> list[str]:
    try:
        _check_qemu()
    except BenchError:
        return ["native"]
    return ["native", "qemu"]


def _check_qemu() -> None:
    if shutil.which("qemu-system-arm") is None:
        raise BenchError("RIG-T01", "qemu-system-arm is not installed", "apt-get install -y qemu-system-arm")
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        cause = f"no TAP interface can be made: /dev/net/tun: {error.strerror}"
        raise BenchError("RIG-N03", cause, "use --device native, or: modprobe tun && chmod 0666 /dev/net/tun") from error
