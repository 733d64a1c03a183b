"""Flashing real firmware: skip, test, confirm, revert, resume; images that are refused, by this side or by the device."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig.device import image, mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.flash import Progress, carry_out, flash, make_plan
from rig.device.images import firmware
from rig.device.line import PacedLine
from rig.device.link import Link
from rig.device.numbers import Fault
from rig.device.offload import OffloadClient
from rig.device.prepared import prepared_flash
from rig.errors import BenchError, UsageError

from .images import BOARDS, imgtool, signed, signing_key, unchecked

pytestmark = pytest.mark.skipif(not signing_key().is_file(), reason="the signing key of the built firmware is not here")


@pytest.fixture
def newer(device: EmulatedDevice, tmp_path: Path) -> Path:
    return signed(device.kind, tmp_path)


def running(link: Link) -> mcumgr.SlotImage:
    return next(row for row in mcumgr.image_list(link) if row.active)


def built(device: EmulatedDevice) -> image.Image:
    return image.load(firmware(device.kind).image)


# -- the good way ------------------------------------------------------------------------------------------------------


def test_the_same_image_is_not_sent_again(device: EmulatedDevice, ready_link: Link) -> None:
    result = flash(ready_link, firmware(device.kind).image)
    assert result.skipped
    assert result.uploaded_bytes == 0


def test_force_sends_it_again(device: EmulatedDevice, ready_link: Link) -> None:
    result = flash(ready_link, firmware(device.kind).image, force=True)
    assert not result.skipped
    assert running(ready_link).digest == built(device).digest


def test_a_new_image_runs_and_stays(device: EmulatedDevice, ready_link: Link, newer: Path) -> None:
    seen: list[Progress] = []
    result = flash(ready_link, newer, seen.append)
    assert (result.skipped, result.version) == (False, "9.9.9+0")
    assert [p.sent_bytes for p in seen] == sorted(p.sent_bytes for p in seen)
    assert seen[-1].sent_bytes == seen[-1].total_bytes == newer.stat().st_size
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert OffloadClient(ready_link).hello().version == "9.9.9+0"
    assert running(ready_link).confirmed


def test_an_image_that_is_not_confirmed_goes_back(device: EmulatedDevice, ready_link: Link, newer: Path) -> None:
    plan = make_plan(ready_link, image.load(newer))
    carry_out(ready_link, replace(plan, running=running(ready_link)), force=False)
    other = built(device)
    flash_without_confirm(ready_link, other)
    assert OffloadClient(ready_link).hello().digest == other.digest
    assert not running(ready_link).confirmed
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert OffloadClient(ready_link).hello().digest == plan.image.digest
    assert running(ready_link).confirmed


def flash_without_confirm(link: Link, wanted: image.Image) -> None:
    from rig.device import flash as module

    module._upload(link, wanted, lambda progress: None)
    mcumgr.mark_for_test(link, wanted.digest)
    before = OffloadClient(link).hello().boot_id
    mcumgr.reset(link)
    module._wait_for_boot(link, wanted, before)


def test_an_image_that_does_not_start_is_reported_and_the_old_one_returns(
    device: EmulatedDevice, ready_link: Link, tmp_path: Path
) -> None:
    """Signed, so it is accepted, but its program is empty: the power cut brings the old one back."""
    bad = signed(device.kind, tmp_path, contents=bytes(4096))
    before = running(ready_link).digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mcumgr, "BOOT_S", 1.5)
        with pytest.raises(BenchError, match="RIG-F04"):
            flash(ready_link, bad)
    device.reset()
    mcumgr.wait_ready(ready_link)
    assert running(ready_link).digest == before


# -- interrupted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.DROP_REPLY, Fault.CORRUPT_REPLY])
def test_a_lost_reply_costs_one_repetition(ready_link: Link, newer: Path, fault: Fault) -> None:
    plan = make_plan(ready_link, image.load(newer))
    OffloadClient(ready_link).fault_inject(fault, 2)
    assert carry_out(ready_link, plan).version == "9.9.9+0"
    assert ready_link.stats.retries >= 2
    assert running(ready_link).digest == plan.image.digest


def stop_at(fraction: float) -> Callable[[Progress], None]:
    """Breaks off an upload as Ctrl-C would."""

    def look(progress: Progress) -> None:
        if progress.sent_bytes > fraction * progress.total_bytes:
            raise KeyboardInterrupt

    return look


def test_an_upload_that_was_broken_off_is_resumed(ready_link: Link, newer: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        flash(ready_link, newer, stop_at(0.6))
    result = flash(ready_link, newer)
    assert result.resumed_at > 0.5 * newer.stat().st_size
    assert running(ready_link).digest == result.digest


def test_a_power_cut_in_the_upload_leaves_the_old_image(device: EmulatedDevice, ready_link: Link, newer: Path) -> None:
    before = running(ready_link).digest
    with pytest.raises(KeyboardInterrupt):
        flash(ready_link, newer, stop_at(0.5))
    device.power_cut()
    device.start()
    mcumgr.wait_ready(ready_link)
    assert running(ready_link).digest == before
    assert flash(ready_link, newer).version == "9.9.9+0"


# -- refused by this side: nothing is sent ------------------------------------------------------------------------------


def damaged(data: bytes, how: str) -> bytes:
    match how:
        case "empty":
            return b""
        case "no image":
            return b"#!/bin/sh\n" * 100
        case "cut off":
            return data[: len(data) // 2]
        case "no TLVs":
            return data[:-150]
        case "one bit":
            return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["empty", "no image", "cut off", "no TLVs", "one bit"])
def test_a_damaged_file_is_refused_before_anything_is_sent(tmp_path: Path, how: str) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(damaged(firmware("native").image.read_bytes(), how))
    with pytest.raises(UsageError, match="RIG-F01"):
        image.load(path)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match=r"RIG-F01 /dev/zero is no image to flash: it is longer than \d+ bytes"):
        image.load(Path("/dev/zero"))


def test_an_image_of_another_board_is_refused_before_anything_is_sent(
    device: EmulatedDevice, ready_link: Link, tmp_path: Path
) -> None:
    other = signed(device.kind, tmp_path, board="relay-8ch")
    with pytest.raises(UsageError, match=f'RIG-B01 this is board "{BOARDS[device.kind]}".*"relay-8ch".*Nothing was written'):
        flash(ready_link, other)
    assert len(mcumgr.image_list(ready_link)) == 1


# -- refused by the device: the old image stays -------------------------------------------------------------------------


def bad_image(kind: str, folder: Path, how: str) -> Path:
    if how == "other key":
        key = folder / "other.pem"
        imgtool("keygen", "--type", "ed25519", "--key", str(key))
        return signed(kind, folder, key=key)
    if how == "unsigned":
        return signed(kind, folder, sign=False)
    if how == "wrong board":
        return signed(kind, folder, board="relay-8ch")
    path = signed(kind, folder)
    data = path.read_bytes()
    changed = {
        "one bit": data[:2000] + bytes([data[2000] ^ 4]) + data[2001:],
        "cut off": data[:-60],
        "no image": bytes(4) + data[4:],
        "signature bit": data[:-1] + bytes([data[-1] ^ 1]),
        "too large": data[:12] + (0x70000).to_bytes(4, "little") + data[16:],
        "more than a slot": data + bytes(0x60001 - len(data)),
    }
    path.write_bytes(changed[how])
    return path


BAD = ["other key", "unsigned", "wrong board", "one bit", "cut off", "no image", "signature bit", "too large", "more than a slot"]


@pytest.mark.parametrize("how", BAD)
def test_the_device_refuses_bad_images_and_says_why(device: EmulatedDevice, ready_link: Link, tmp_path: Path, how: str) -> None:
    bad = unchecked(bad_image(device.kind, tmp_path, how))
    before = running(ready_link)
    plan = replace(make_plan(ready_link, built(device)), image=bad)
    with pytest.raises(BenchError, match=r"RIG-F02.*it says"):
        carry_out(ready_link, plan)
    assert running(ready_link) == before
    assert len(mcumgr.image_list(ready_link)) == 1


# -- speed -------------------------------------------------------------------------------------------------------------


def test_uploading_fills_the_line(tmp_path: Path) -> None:
    """Nine tenths of what goes over the line, both ways, is the image in SMP's encoding: 120 of 123 bytes a line are base64,
    3 for 4. How little the line stands still is a figure of `rig bench`."""
    from rig.device import flash as module

    upload = image.load(signed("native", tmp_path, contents=random.Random(1).randbytes(20_000)))
    memory = prepared_flash("native")
    with emulated("native", flash=memory) as device, PacedLine(device.port, 0) as line, Link(line.port) as link:
        mcumgr.echo(link)
        before = line.carried_bytes
        module._upload(link, upload, lambda progress: None)
        carried_bytes = line.carried_bytes - before
    assert 0.9 <= len(upload.data) * 4 / 3 * 123 / 120 / carried_bytes <= 1.0
