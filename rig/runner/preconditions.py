"""What would make every test of a run fail or go unrecorded, said once before the first of them."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rig.errors import BenchError, UsageError
from rig.room import lack
from rig.runner.combinations import check, check_word

if TYPE_CHECKING:
    from rig.config import BenchConfig

BOARD_FIX = '--device board:/dev/ttyACM0 --bench-config bench.toml, with [bench] nic = "enp3s0"; `rig devices` lists ports'


def check_words(devices: Sequence[str], topologies: Sequence[str]) -> None:
    """Raise UsageError for a word that names nothing: RIG-C10 device, RIG-C03 and RIG-C01 topology."""
    from rig.net import topology

    for device in devices:
        if device != "auto":
            check_word(device)
    for name in topologies:
        topology.load(name)


def check_machine(devices: Sequence[str], config: BenchConfig) -> None:
    """Raise when a device cannot run here, or a board does not answer. To be called before a user namespace is entered."""
    for device in devices:
        check(device)
        if check_word(device) == "board":
            _check_board(device.partition(":")[2] or config.port, config)


def lease_boards(devices: Sequence[str], config: BenchConfig) -> None:
    """Raise BenchError RIG-S08 when another run has one of the boards; from here on this process has them."""
    from rig.device.lease import take

    for device in devices:
        kind, _, port = device.partition(":")
        if kind == "board" and (port or config.port):
            take(port or config.port)


def check_reports(reports: Path) -> None:
    """Raise UsageError RIG-R12 for a directory that takes no reports, RIG-R14 for one without room; makes it."""
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=reports) as probe:
            probe.write(bytes(4096))
    except OSError as error:
        raise UsageError(
            "RIG-R12", f"no reports can be written to {reports}: {error.strerror}", "give another --reports DIR"
        ) from error
    if no_room := lack(reports):
        raise no_room


def _check_board(port: str, config: BenchConfig) -> None:
    """RIG-C05 no port or NIC named, RIG-N11 no such NIC, N15 in use, N19 not ours to move; what opening the port calls for."""
    from rig.device.board import BoardDevice
    from rig.device.lease import take
    from rig.net.borrowed_nic import restore_left
    from rig.net.nic_guard import refuse_in_use

    if not port:
        raise UsageError("RIG-C05", "device board needs its serial port", BOARD_FIX)
    if not config.nic:
        raise UsageError("RIG-C05", "device board needs this machine's interface that its Ethernet is wired to", BOARD_FIX)
    if config.nic not in {name for _, name in socket.if_nameindex()}:
        raise BenchError("RIG-N11", f"this machine has no interface {config.nic!r}", "correct [bench] nic; see /sys/class/net")
    if os.geteuid() != 0:
        raise BenchError("RIG-N19", f"only root may move the interface {config.nic!r} into the bench", "sudo rig run ...")
    take(port)
    restore_left()
    if not config.nic_force:
        refuse_in_use(config.nic)
    BoardDevice(port, baudrate=config.baudrate, reset_line=config.reset_line).start()
