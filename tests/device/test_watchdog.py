"""A firmware that hangs is reset by its watchdog; on trial it is gone with that, and the host sees why."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import cbor2
import pytest

from rig.clock import WAIT_S, Deadline
from rig.device import framing, image, mcumgr
from rig.device.codes import GROUP_OS
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.flash import carry_out, flash, make_plan
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.numbers import NO_PATTERN, WRITE, Fault, ResetCause, WakeReason
from rig.device.offload import OffloadClient
from rig.device.offload_types import Hello
from rig.device.prepared import prepared_flash
from rig.device.smp_header import HEADER, VERSION_2
from rig.errors import BenchError

from .images import signed, signing_key
from .kinds import without_qemu
from .test_trial import on_trial
from .wires import TightQemu

pytestmark = pytest.mark.skipif(not signing_key().is_file(), reason="the signing key of the built firmware is not here")

WATCHDOG_S = 2.0
"""firmware/port/port.h; the reset comes at the latest after twice as long."""
BACK_S = 2 * WATCHDOG_S + mcumgr.BOOT_S
SLOT_0 = 0x10000
LONG_ECHO = cbor2.dumps({"d": "x" * 1900})


def hang(link: Link) -> None:
    OffloadClient(link).fault_inject(Fault.HANG, 1)


def back(link: Link, boot_id: int) -> Hello:
    """Its first words after the restart."""
    mcumgr.wait_ready(link, BACK_S)
    hello = OffloadClient(link).hello()
    assert hello.boot_id != boot_id
    return hello


@pytest.mark.edge(97)
def test_a_hang_ends_in_a_reset_that_says_so(device: EmulatedDevice) -> None:
    events: list[list[int]] = []
    with Link(device.port) as link:
        mcumgr.wait_ready(link)
        before = OffloadClient(link).hello()
        hang(link)
        after = back(link, before.boot_id)
        assert (after.boot_id, after.reset_cause) == (before.boot_id + 1, ResetCause.WATCHDOG)
        assert OffloadClient(link).status().last_wake_reason == WakeReason.FIRMWARE_STALLED
        link.start_events(events.append)
        deadline = Deadline(WAIT_S)
        while not events and not deadline.expired:
            mcumgr.echo(link)
        assert WakeReason.FIRMWARE_STALLED in events[0]
        assert NO_PATTERN in events[0], "no pattern matched, not pattern 0"
        link.stop_events()


def test_a_device_with_nothing_to_do_is_not_reset(device: EmulatedDevice) -> None:
    """The control: it sleeps, and looks after its watchdog meanwhile. Nothing is to happen, so there is nothing to wait for."""
    with Link(device.port) as link:
        mcumgr.wait_ready(link)
        boot_id = OffloadClient(link).hello().boot_id
        time.sleep(3 * WATCHDOG_S)
        assert OffloadClient(link).hello().boot_id == boot_id


def test_an_image_that_hangs_on_trial_is_gone_after_the_reset(device: EmulatedDevice, tmp_path: Path) -> None:
    newer = image.load(signed(device.kind, tmp_path))
    with Link(device.port) as link:
        mcumgr.wait_ready(link)
        trusted = OffloadClient(link).hello()
        on_trial(link, newer)
        tried = OffloadClient(link).hello()
        hang(link)
        after = back(link, tried.boot_id)
        assert (after.digest, after.reset_cause) == (trusted.digest, ResetCause.WATCHDOG)
        assert "was not confirmed: back to slot 0" in " ".join(link.heard)


def hanging(folder: Path) -> Path:
    """An image for the Cortex-M3 whose first instruction, and every exception's, is a branch to itself."""
    entry = 0x40000 + 64
    vectors = struct.pack("<16I", 0x20001000, *[entry | 1] * 15)
    return signed("qemu", folder, contents=vectors + struct.pack("<H", 0xE7FE) * 1024)


@without_qemu
def test_an_image_that_hangs_at_once_is_gone_without_a_power_cut(tmp_path: Path) -> None:
    with emulated("qemu", flash=prepared_flash("qemu")) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        before = OffloadClient(link).hello()
        with pytest.raises(BenchError, match=r"RIG-F04 9\.9\.9.* was not started or did not stay: it runs .* again"):
            flash(link, hanging(tmp_path))
        after = OffloadClient(link).hello()
        assert (after.digest, after.reset_cause) == (before.digest, ResetCause.WATCHDOG)


@without_qemu
def test_a_trusted_image_that_hangs_every_time_leaves_the_boot_loader(tmp_path: Path) -> None:
    """Sound, signed, and nobody can talk to it: after three resets the boot loader stays, and takes another."""
    contents = bytearray(FlashMemory("qemu").contents())
    bad = hanging(tmp_path).read_bytes()
    contents[SLOT_0 : SLOT_0 + len(bad)] = bad
    with emulated("qemu", flash=FlashMemory("qemu", bytes(contents))) as device, Link(device.port) as link:
        mcumgr.wait_ready(link, 4 * BACK_S)
        assert "crashes in a row" in " ".join(link.heard)
        good = image.load(firmware("qemu").image)
        carry_out(link, make_plan(link, good, "mps2-an385"))
        assert OffloadClient(link).hello().digest == good.digest


SLOW_READS, A_READ_BYTES, REST_S = 24, 64, 0.25


@without_qemu
def test_a_reader_that_is_slow_is_no_hang() -> None:
    """The device waits in the middle of a long reply, for longer than its watchdog would, and gets on all the time."""
    with TightQemu(flash=prepared_flash("qemu")) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        boot_id = OffloadClient(link).hello().boot_id
        link.close()
        line = device.tight_line.ours
        header = HEADER.pack(VERSION_2 | WRITE, 0, len(LONG_ECHO), GROUP_OS, 1, mcumgr.ECHO)
        line.setblocking(True)
        line.sendall(framing.encode(header + LONG_ECHO))
        taken = 0
        for _ in range(SLOW_READS):
            taken += len(line.recv(A_READ_BYTES))
            time.sleep(REST_S)
        assert taken < len(LONG_ECHO), "the control: it is not through yet"
        with Link(device.port) as again:
            mcumgr.wait_ready(again)
            assert OffloadClient(again).hello().boot_id == boot_id
