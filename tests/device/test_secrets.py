"""What a host confides to a device leaves its memory with the object it was part of, and is in no core file (edge case 108)."""

from __future__ import annotations

import os
import resource
import secrets
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig.device.emulated import EmulatedDevice
from rig.device.link import Link
from rig.device.numbers import OffloadType
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, ProtocolOffload, TcpSlot
from rig.device.payload import PayloadKeepAlive

from .kinds import without_qemu
from .memory import Mapping, holding, mappings

pytestmark = pytest.mark.edge(108)

MAC = bytes.fromhex("020000000001")
SLOT = TcpSlot(
    local="192.0.2.1", remote="192.0.2.2", local_port=49152, remote_port=443, local_mac=MAC, next_hop_mac=MAC,
    snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1, rcv_wnd=64240, rcv_wup=1,
)  # fmt: skip
UDP = ProtocolOffload(
    id=1, type=OffloadType.UDP, ip="192.0.2.1", remote="192.0.2.2", mac=MAC, next_hop_mac=MAC, local_port=5000, remote_port=5001
)


@pytest.fixture
def client(ready_link: Link) -> OffloadClient:
    client = OffloadClient(ready_link)
    client.attach(1)
    return client


def magic(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    client.add_pattern(Pattern.magic(1, secret[:6]))
    return lambda: client.remove_pattern(1)


def bitmap(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    """Between two others: those behind move up when it goes."""
    for number in range(3):
        client.add_pattern(Pattern.bitmap(number, secret if number == 1 else bytes([number]) * 32))
    return lambda: client.remove_pattern(1)


def tokens(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    ref = client.add_tcp_slot(replace(SLOT, payload=PayloadKeepAlive.websocket_ping(secret)))
    return lambda: client.remove_tcp_slot(ref)


def udp(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    client.add_offload(replace(UDP, data=secret))
    return lambda: client.remove_offload(1)


def sleep_and_release(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    """What ends with a release: the tokens of a sleep."""
    client.add_tcp_slot(replace(SLOT, payload=PayloadKeepAlive.websocket_ping(secret)))
    client.commit(client.prepare(epoch=client.status().epoch, arm=7, mac=MAC).epoch)

    def end() -> None:
        client.host_awake(client.status().epoch)
        client.release()

    return end


def fresh_start(client: OffloadClient, secret: bytes) -> Callable[[], object]:
    client.add_pattern(Pattern.bitmap(1, secret))
    client.add_offload(replace(UDP, data=secret))
    return lambda: client.attach(2)


def places_of(device: EmulatedDevice, secret: bytes) -> list[Mapping]:
    """Skips where this user may not look: the native device hides its memory even from its own."""
    try:
        return holding(device.pid, secret)
    except PermissionError:
        pytest.skip("the memory of the device is hidden: needs CAP_SYS_PTRACE")


GIVEN = [magic, bitmap, tokens, udp, sleep_and_release, fresh_start]


@pytest.mark.parametrize("give", GIVEN, ids=[give.__name__ for give in GIVEN])
def test_a_secret_goes_with_its_object(
    device: EmulatedDevice, client: OffloadClient, give: Callable[[OffloadClient, bytes], Callable[[], object]]
) -> None:
    secret = secrets.token_bytes(32)
    take = give(client, secret)
    assert places_of(device, secret[:6]), "the control: while the device has it, it is found"
    take()
    client.status()
    assert not places_of(device, secret[:6])


@pytest.mark.parametrize("device", [pytest.param("qemu", marks=without_qemu)], indirect=True)
def test_a_core_file_of_qemu_lacks_the_memory_of_the_board(device: EmulatedDevice, client: OffloadClient) -> None:
    secret = secrets.token_bytes(32)
    client.add_pattern(Pattern.bitmap(1, secret))
    places = places_of(device, secret)
    assert places
    assert not [place for place in places if place.dumped]
    assert [place for place in mappings(device.pid) if place.dumped], "the control: the rest of QEMU is in it"


@pytest.mark.parametrize("device", ["native"], indirect=True)
def test_the_native_device_leaves_no_core_file(device: EmulatedDevice, client: OffloadClient) -> None:
    """It asks for none, and leaves none when somebody asks for it."""
    assert client.status()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    assert resource.prlimit(device.pid, resource.RLIMIT_CORE) == (0, hard)
    assert not core_of(device.pid)


def core_of(pid: int) -> bool:
    """Ends our child with SIGSEGV; whether the kernel wrote a core file although it may be of any size."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))
    os.kill(pid, signal.SIGSEGV)
    return os.WCOREDUMP(os.waitpid(pid, 0)[1])


def test_a_process_without_the_precaution_leaves_a_core_file(tmp_path: Path) -> None:
    """The control of the one above."""
    process = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    if not core_of(process.pid):
        pytest.skip("no process leaves a core file on this machine")
