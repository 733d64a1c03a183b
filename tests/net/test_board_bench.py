"""A board's bench: its serial port and the NIC it is wired to, moved into the wire namespace and given back.

The board is the native firmware on a PTY, its wire a veth pair in a namespace that stands for the machine's first one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device.native import NativeDevice
from rig.device.prepared import prepared_flash
from rig.errors import BenchError
from rig.net import links
from rig.net.namespace import Namespace
from rig.suite.scene import CHAT_APP

NIC, BOARD_END = "nic0", "board0"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Namespace]:
    """Where the NIC lives."""
    monkeypatch.setenv("RIG_STATE_DIR", str(tmp_path / "state"))
    with Namespace("machine") as namespace:
        namespace.run(_add_wire)
        yield namespace


def _add_wire() -> None:
    links.quiet_ipv6(enabled=False)
    with links.rtnetlink() as route:
        links.add_veth(route, NIC, "02:00:00:00:aa:01", BOARD_END, "02:00:00:00:aa:02")
    for name in (NIC, BOARD_END):
        links.offloads_off(name)
    links.set_up(BOARD_END, arp=False)


def interfaces(namespace: Namespace) -> set[str]:
    return {name for _, name in namespace.run(socket.if_nameindex)}


def test_a_board_with_its_nic_wakes_the_host_and_the_nic_comes_back(machine: Namespace, tmp_path: Path) -> None:
    eth = machine.packet_socket(BOARD_END)
    with eth, NativeDevice(eth=eth, flash=prepared_flash("native")) as board:
        bench = Bench(BenchConfig(device="board", port=board.port, nic=NIC), tmp_path)
        machine.run(bench.__enter__)
        try:
            assert NIC not in interfaces(machine)
            app = bench.host.start_app("chat", CHAT_APP)
            app.call("open_channel", channel="inbox", host=bench.server.address, port=bench.server.port, minutes=1439)
            asleep = bench.host.enter_standby()
            bench.server.push(b"hello")
            bench.timeline.wait("TASK_DATA", data=b"hello".hex(), after=asleep.seq)
        finally:
            bench.__exit__()
        assert NIC in interfaces(machine)


def test_no_such_nic_is_said(machine: Namespace, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="RIG-N11 the board's NIC 'eth77'"):
        machine.run(Bench(BenchConfig(device="board", port="/dev/null", nic="eth77"), tmp_path).__enter__)
