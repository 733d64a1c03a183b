"""The port that shows that a port is one folder: another chip, its UART, its Ethernet, no flash to write."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from rig.children import Child
from rig.clock import WAIT_S, Deadline
from rig.device import mcumgr
from rig.device.codes import GROUP_OS
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.numbers import READ, Power, ResetCause
from rig.device.offload import OffloadClient
from rig.device.process_device import ProcessDevice
from rig.errors import DeviceError
from tests.engine.packets import tcp

from .kinds import without_qemu
from .test_same_bytes import SLOT, settled, sleep
from .wires import Wire, wired

NAME = "qemu:lm3s6965evb"
BOOTS = 40
BOOTLOADER_INFO = 8
"""mcumgr's command of the group os."""
pytestmark = without_qemu


@pytest.fixture
def board() -> Iterator[tuple[ProcessDevice, Wire]]:
    with wired(NAME) as found:
        yield found


@pytest.fixture
def client(board: tuple[ProcessDevice, Wire]) -> Iterator[OffloadClient]:
    with Link(board[0].port) as link:
        mcumgr.wait_ready(link)
        yield OffloadClient(link)


@pytest.mark.parametrize("length", [60, 61, 62, 63, 1514])
def test_it_sleeps_and_wakes_with_the_whole_frame(board: tuple[ProcessDevice, Wire], client: OffloadClient, length: int) -> None:
    """Of each remainder of 4, as its FIFO is read by words; FCS and length are the chip's, none of the frame's."""
    wire = board[1]
    client.attach(1)
    client.add_tcp_slot(SLOT)
    sleep(client)
    wire.send(tcp(seq=4999))
    settled(client, 1)
    answer = wire.take()
    assert len(answer) == 1, "the peer's keep-alive is answered"
    assert client.status().power == Power.D3
    frame = tcp(payload=b"x" * (length - 54))
    wire.send(frame)
    settled(client, 2)
    assert client.status().power == Power.WOKEN
    client.host_awake(client.status().epoch)
    assert [kept.data for kept in client.drain(0).frames] == [frame]


def test_it_says_the_version_that_it_was_built_with(client: OffloadClient) -> None:
    """No slot holds its image, so no signature names it: hello said 0.0.0."""
    hello = client.hello()
    assert hello.version == f"{firmware(NAME).version}+0"
    assert hello.digest == bytes(32)


def test_no_boot_has_the_number_of_another(board: tuple[ProcessDevice, Wire]) -> None:
    """Of chance, taken from a clock that an emulator starts late on a busy machine: read before that it is the same each time."""
    with busy_machine(), Link(board[0].port) as link:
        numbers = [number_of_boot(board[0], link) for _ in range(BOOTS)]
    assert len(set(numbers)) == BOOTS, sorted(numbers)


@contextmanager
def busy_machine() -> Iterator[None]:
    """Two processes that compute for each processor, for a minute at the most."""
    compute = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
    with ExitStack() as stack:
        for _ in range(2 * len(os.sched_getaffinity(0))):
            stack.callback(Child([sys.executable, "-c", compute], []).close)
        yield


def number_of_boot(device: ProcessDevice, link: Link) -> str:
    """It says it after power on."""
    link.heard.clear()
    device.reset()
    deadline = Deadline(WAIT_S)
    while not (said := re.findall(r" boot (\d+), after power on", "\n".join(tuple(link.heard)))):
        assert not deadline.expired, tuple(link.heard)
        time.sleep(0.002)
    return str(said[-1])


def test_it_has_no_image_group_no_boot_loader_and_a_reset_is_told_as_another_boot(client: OffloadClient) -> None:
    before = client.hello()
    assert (before.board, before.reset_cause) == ("lm3s6965evb", ResetCause.POWER_ON)
    with pytest.raises(DeviceError, match="ENOTSUP"):
        mcumgr.image_list(client.requester)
    with pytest.raises(DeviceError, match="ENOTSUP"):
        client.requester.request(READ, GROUP_OS, BOOTLOADER_INFO, {})
    mcumgr.reset(client.requester)
    mcumgr.wait_ready(client.requester)
    after = client.hello()
    assert (after.boot_id, after.reset_cause) == (before.boot_id + 1, ResetCause.SOFTWARE)
