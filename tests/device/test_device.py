"""Real firmware, native and on QEMU: who answers, what survives a power cut, what a flash holds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cbor2
import pytest

from rig.clock import WAIT_S, Deadline
from rig.device import mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import create, emulated
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.numbers import ABI, GROUP_OFFLOAD, READ, Fault, OffloadRc, Owner, PatternType, Power
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, ProtocolOffload
from rig.device.prepared import prepared_flash
from rig.errors import BenchError, DeviceError, UsageError

from .images import BOARDS
from .test_contract import CDDL, SLOT


def test_it_says_who_it_is(device: EmulatedDevice, ready_link: Link) -> None:
    hello = OffloadClient(ready_link).hello()
    assert (hello.abi, hello.board) == (ABI, BOARDS[device.kind])
    assert hello.digest != bytes(32)


def test_its_log_tells_in_words_why_it_started(ready_link: Link) -> None:
    client = OffloadClient(ready_link)
    assert " after power on\n" in client.log(0).text
    mcumgr.reset(ready_link)
    mcumgr.wait_ready(ready_link)
    assert " after software reset\n" in client.log(0).text


def test_it_says_what_it_can(ready_link: Link) -> None:
    caps = OffloadClient(ready_link).capabilities()
    assert caps.max_tcp_slots >= 4
    assert caps.max_patterns >= 8
    assert caps.max_pattern_bytes >= 128
    assert caps.protocol_offloads & 1


@pytest.mark.parametrize(("rule", "command"), [("caps_rsp", 2), ("status_rsp", 0x36), ("hello_rsp", 1), ("slot_list_rsp", 0x13)])
def test_what_it_says_is_what_the_cddl_says(ready_link: Link, rule: str, command: int) -> None:
    """Some replies are written by hand: their keys, in the order of the file, and the types of the values."""
    zcbor = pytest.importorskip("zcbor", reason="zcbor is a build tool: pip install 'zcbor==0.9.1'")
    OffloadClient(ready_link).add_tcp_slot(SLOT)
    reply = ready_link.request(READ, GROUP_OFFLOAD, command, {})
    body = re.search(rf"^{rule} = {{(.*?)}}", CDDL, re.DOTALL | re.MULTILINE)
    assert body is not None
    assert list(reply) == re.findall(r'"(\w+)":', body[1])
    zcbor.DataTranslator.from_cddl(CDDL, 3).my_types[rule].validate_str(cbor2.dumps(reply))


def test_link_patterns_are_neither_said_nor_taken_without_an_ethernet() -> None:
    with emulated("native", flash=prepared_flash("native")) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        client = OffloadClient(link)
        caps = client.capabilities()
        assert not {PatternType.LINK_UP, PatternType.LINK_DOWN} & (caps.pattern_types or set())
        assert caps.wake_up_events == 0
        with pytest.raises(DeviceError) as refused:
            client.add_pattern(Pattern.link(1, up=True))
        assert refused.value.rc == OffloadRc.UNSUPPORTED


def test_a_fresh_device_is_silent_and_empty(ready_link: Link) -> None:
    client = OffloadClient(ready_link)
    client.attach(1)
    status = client.status()
    assert status.power == Power.D0
    assert status.owner == Owner.HOST
    assert (client.slots(), client.patterns(), client.offloads()) == ((), (), ())


def test_patterns_and_offloads_come_and_go(ready_link: Link) -> None:
    client = OffloadClient(ready_link)
    client.add_pattern(Pattern.bitmap(7, b"\x08\x06", offset=12))
    client.add_offload(ProtocolOffload(id=1, ip="192.0.2.1", mac=bytes.fromhex("020000000001")))
    assert [pattern.id for pattern in client.patterns()] == [7]
    assert [offload.id for offload in client.offloads()] == [1]
    client.remove_pattern(7)
    client.remove_offload(1)
    with pytest.raises(DeviceError) as caught:
        client.remove_pattern(7)
    assert caught.value.name == "NOT_FOUND"


def test_its_clock_is_ours_within_the_round_trip(ready_link: Link) -> None:
    client = OffloadClient(ready_link)
    first, second = client.time_sync(), client.time_sync()
    assert abs(first.offset_us - second.offset_us) <= (first.rtt_us + second.rtt_us) // 2 + 500  # 500: drift of a busy emulator


def test_a_power_cut_leaves_port_link_and_flash(device: EmulatedDevice, ready_link: Link) -> None:
    client = OffloadClient(ready_link)
    before = client.hello()
    device.power_cut()
    with pytest.raises(BenchError, match="RIG-B03"):
        ready_link.request(0, 100, 1, {}, timeout_s=0.05, retries=1)
    started_s = time.monotonic()
    device.start()
    mcumgr.wait_ready(ready_link)
    after = client.hello()
    assert (after.boot_id, after.digest) == (before.boot_id + 1, before.digest)
    assert after.now_us < (time.monotonic() - started_s) * 1e6, "its clock began anew"


def test_after_a_reset_was_asked_for_only_the_next_program_answers(ready_link: Link) -> None:
    """The old one would carry a request out and be gone with what it did: a confirmation meant for the image on trial."""
    client = OffloadClient(ready_link)
    for round_ in range(3):
        before = client.hello().boot_id
        mcumgr.reset(ready_link)
        mcumgr.wait_ready(ready_link)
        assert client.hello().boot_id == before + 1, round_


def test_a_restart_is_told_to_who_waits_for_events(device: EmulatedDevice, ready_link: Link) -> None:
    restarts: list[int] = []
    ready_link.start_events(lambda event: None, restarts.append)
    first = OffloadClient(ready_link).hello().boot_id
    device.reset()
    mcumgr.wait_ready(ready_link)
    deadline = Deadline(WAIT_S)
    while not restarts and not deadline.expired:
        time.sleep(0.01)
    assert restarts == [first + 1]


def test_a_restart_before_the_first_question_is_told_to_who_knew_the_device(device: EmulatedDevice, ready_link: Link) -> None:
    """The host has attached, its device restarts, and only then the stream of events asks for the first time."""
    restarts: list[int] = []
    first = OffloadClient(ready_link).hello().boot_id
    device.reset()
    mcumgr.wait_ready(ready_link)
    ready_link.start_events(lambda event: None, restarts.append, first)
    deadline = Deadline(WAIT_S)
    while not restarts and not deadline.expired:
        mcumgr.echo(ready_link)
    assert restarts == [first + 1]


def test_lost_replies_do_not_repeat_commands(ready_link: Link) -> None:
    """A pattern added twice would be DUP_ID: the retry must be answered from the device's cache."""
    client = OffloadClient(ready_link)
    client.fault_inject(Fault.DROP_REPLY, 1)
    before = ready_link.stats.retries
    client.add_pattern(Pattern.bitmap(7, b"\x08\x06", offset=12))
    assert ready_link.stats.retries > before
    client.fault_inject(Fault.CORRUPT_REPLY, 1)
    client.remove_pattern(7)
    assert client.patterns() == ()


def test_a_device_that_died_says_so(device: EmulatedDevice) -> None:
    device.check()
    os.kill(device.pid, signal.SIGKILL)
    deadline = Deadline(WAIT_S)
    with pytest.raises(BenchError, match="RIG-B04"):  # noqa: PT012  the kernel needs a moment
        while not deadline.expired:
            device.check()


def test_the_process_dies_with_the_rig() -> None:
    """SIGKILL of the rig leaves no device behind."""
    code = (
        "import sys,time; from rig.device.factory import emulated; d = emulated('native'); d.start(); "
        "print(d.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as rig:
        assert rig.stdout is not None
        pid = int(rig.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        rig.kill()
    deadline = Deadline(WAIT_S)
    while _alive(pid) and not deadline.expired:
        time.sleep(0.01)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_stop_gives_everything_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with emulated("native") as device, Link(device.port):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_flash_in_a_file_lasts(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    memory = FlashMemory.in_file("native", path)
    assert memory.contents() == b"\xff" * 0x100000
    os.pwrite(memory.fd, b"kept", 0x1000)
    memory.close()
    memory = FlashMemory.in_file("native", path)
    assert memory.contents()[0x1000:0x1004] == b"kept"
    memory.close()
    with pytest.raises(UsageError, match="RIG-C09"):
        FlashMemory.in_file("native", tmp_path)
    with pytest.raises(UsageError, match=r"RIG-C09 .* no regular file"):
        FlashMemory.in_file("native", Path("/dev/full"))


def test_a_flash_file_is_one_devices_alone(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    held = pytest.raises(UsageError, match=r"RIG-C09 .* another device runs on it")
    with emulated("native", flash=FlashMemory.in_file("native", path)), held:
        FlashMemory.in_file("native", path)
    FlashMemory.in_file("native", path).close()


def test_missing_firmware_is_said_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIG_FIRMWARE_DIR", str(tmp_path))
    with pytest.raises(BenchError) as caught:
        firmware("native")
    assert (caught.value.code, caught.value.fix) == ("RIG-T02", "make firmware")


def test_missing_qemu_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BenchError, match="apt install qemu-system-arm") as caught:
        emulated("qemu")
    assert caught.value.code == "RIG-T01"


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(UsageError, match="RIG-C10"):
        create("toaster")
    with pytest.raises(UsageError, match="RIG-C05"):
        create("board")
