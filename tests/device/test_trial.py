"""Images on trial, and what the list says of slots: over the wire, native and on QEMU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rig.clock import Deadline
from rig.device import flash as flashing
from rig.device import image, mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.link import Link
from rig.device.numbers import WRITE, Power
from rig.device.offload import OffloadClient
from rig.device.prepared import prepared_flash
from rig.errors import BenchError, DeviceError

from .images import signed, signing_key

pytestmark = pytest.mark.skipif(not signing_key().is_file(), reason="the signing key of the built firmware is not here")

ERASE = 5
SLOT_1, ANYWHERE_IN_THE_PROGRAM = 0x70000, 5000


@pytest.fixture
def newer(device: EmulatedDevice, tmp_path: Path) -> image.Image:
    return image.load(signed(device.kind, tmp_path))


def upload(link: Link, wanted: image.Image, part: float = 1.0) -> None:
    def look(progress: flashing.Progress) -> None:
        if progress.sent_bytes >= part * progress.total_bytes and part < 1:
            raise KeyboardInterrupt

    try:
        flashing._upload(link, wanted, look)
    except KeyboardInterrupt:
        assert part < 1


def on_trial(link: Link, wanted: image.Image) -> None:
    upload(link, wanted)
    mcumgr.mark_for_test(link, wanted.digest)
    before = OffloadClient(link).hello().boot_id
    mcumgr.reset(link)
    assert flashing._wait_for_boot(link, wanted, before) is not None
    assert OffloadClient(link).hello().digest == wanted.digest


def test_a_trial_cannot_take_away_the_image_to_go_back_to(device: EmulatedDevice, ready_link: Link, newer: image.Image) -> None:
    """Asking for the trusted image again is no leave to write over it, or the one on trial would stay unconfirmed."""
    trusted = OffloadClient(ready_link).hello().digest
    on_trial(ready_link, newer)
    mcumgr.mark_for_test(ready_link, trusted)
    with pytest.raises(BenchError, match=r"RIG-F02.*NO_FREE_SLOT.*confirm the running one first"):
        upload(ready_link, newer, 0.5)
    with pytest.raises(DeviceError, match="NO_FREE_SLOT"):
        ready_link.request(WRITE, 1, ERASE, {})
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert OffloadClient(ready_link).hello().digest == trusted


def test_an_image_for_good_stays_once_it_has_answered(device: EmulatedDevice, ready_link: Link, newer: image.Image) -> None:
    upload(ready_link, newer)
    rows = ready_link.request(WRITE, 1, mcumgr.STATE, {"hash": newer.digest, "confirm": True}, timeout_s=3)["images"]
    assert [(row["pending"], row["permanent"], row["confirmed"]) for row in rows] == [(False, False, True), (True, True, False)]
    before = OffloadClient(ready_link).hello().boot_id
    mcumgr.reset(ready_link)
    assert flashing._wait_for_boot(ready_link, newer, before) is not None
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert OffloadClient(ready_link).hello().digest == newer.digest


def test_half_an_upload_is_no_image(device: EmulatedDevice, ready_link: Link, newer: image.Image, tmp_path: Path) -> None:
    """The header of one image before the trailer of another, of the same length, is neither."""
    upload(ready_link, newer)
    assert [row.digest for row in mcumgr.image_list(ready_link)][1] == newer.digest
    upload(ready_link, image.load(signed(device.kind, tmp_path, version="9.9.8")), 0.5)
    assert [row.slot for row in mcumgr.image_list(ready_link)] == [0]
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert [row.slot for row in mcumgr.image_list(ready_link)] == [0]


def test_the_list_says_what_would_not_boot(device: EmulatedDevice, ready_link: Link, newer: image.Image) -> None:
    upload(ready_link, newer)
    assert [row.bootable for row in mcumgr.image_list(ready_link)] == [True, True]
    device.power_cut()
    (byte,) = os.pread(device.flash_fd, 1, SLOT_1 + ANYWHERE_IN_THE_PROGRAM)
    os.pwrite(device.flash_fd, bytes([byte ^ 1]), SLOT_1 + ANYWHERE_IN_THE_PROGRAM)
    device.start()
    mcumgr.wait_ready(ready_link)
    assert [row.bootable for row in mcumgr.image_list(ready_link)] == [True, False]


def test_a_device_whose_host_is_gone_for_good_takes_an_image(ready_link: Link, newer: image.Image) -> None:
    """Its lease is over and all that it held is freed: nothing is left to lock the flash for."""
    client = OffloadClient(ready_link)
    client.attach(1, 3000)  # what follows, on a busy machine, before it is over
    client.prepare(epoch=client.status().epoch, arm=7, mac=bytes.fromhex("020000000001"))
    deadline = Deadline(30)
    while client.status().power != Power.EXPIRED:
        assert not deadline.expired
    assert flashing.carry_out(ready_link, flashing.make_plan(ready_link, newer)).version == "9.9.9+0"


def test_a_flash_that_takes_no_record_starts_no_trial(tmp_path: Path) -> None:
    """The image on trial would start at every boot. The host sees the restart, and why the number does not count on."""
    newer = image.load(signed("native", tmp_path))
    memory = prepared_flash("native")
    with emulated("native", flash=memory) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        trusted = OffloadClient(link).hello()
        assert trusted.boot_record_kept
        upload(link, newer)
        mcumgr.mark_for_test(link, newer.digest)
        device.power_cut()
        device.flash_fd = os.open(f"/proc/self/fd/{memory.fd}", os.O_RDONLY)
        boots = []
        for _ in range(3):
            device.reset()
            mcumgr.wait_ready(link)
            hello = OffloadClient(link).hello()
            assert (hello.digest, hello.boot_record_kept) == (trusted.digest, False)
            boots.append(hello.boot_id)
        os.close(device.flash_fd)
    assert len(set(boots)) == 3
