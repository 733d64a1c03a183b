"""What a bad line, a hasty or a hostile host and a power cut do to real firmware, native and on QEMU: nothing that lasts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cbor2
import pytest

from rig.device import flash as flashing
from rig.device import image, mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, Fault, Power
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, TcpSlot
from rig.device.prepared import prepared_flash
from rig.errors import DeviceError

from .images import signed, signing_key

MAC = bytes.fromhex("020000000001")
SLOT = TcpSlot(
    local="192.0.2.1", remote="192.0.2.2", local_port=49152, remote_port=443, local_mac=MAC, next_hop_mac=MAC,
    snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1, rcv_wnd=64240, rcv_wup=1,
)  # fmt: skip
CUT_STEP_BYTES = {"native": 4096, "qemu": 16384}
"""Native: the erase unit. QEMU boots slower, so it looks less often."""

needs_key = pytest.mark.skipif(not signing_key().is_file(), reason="the signing key of the built firmware is not here")


@pytest.fixture
def client(ready_link: Link) -> OffloadClient:
    client = OffloadClient(ready_link)
    client.attach(1)
    return client


@pytest.fixture(autouse=True)
def same_boot(client: OffloadClient) -> Iterator[None]:
    """Whatever a test does to it, the device has not restarted behind our back."""
    before = client.hello().boot_id
    yield
    assert client.hello().boot_id == before


# -- requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.edge(93, 99)
@pytest.mark.parametrize("fault", [Fault.DROP_REPLY, Fault.CORRUPT_REPLY])
def test_a_repeated_request_is_carried_out_once(ready_link: Link, client: OffloadClient, fault: Fault) -> None:
    client.fault_inject(fault, 1)
    before = ready_link.stats.retries  # waiting for the boot may have taken some
    ref = client.add_tcp_slot(SLOT)
    assert ready_link.stats.retries > before
    assert [(slot.slot, slot.gen) for slot in client.slots()] == [(ref.slot, ref.gen)]
    with pytest.raises(DeviceError, match="DUP_TUPLE"):  # under another number it is another request
        client.add_tcp_slot(SLOT)


UNKNOWN_VALUES = (0, 23, 24, 2**16, 2**32, 2**64 - 1, -1, -(2**64), 1.5, 1e300, True, None, b"", b"x" * 300, "", "x" * 300)


@pytest.mark.edge(107)
def test_mcumgr_requests_with_keys_of_a_newer_client_are_served(ready_link: Link) -> None:
    """In front of the key that counts: a scalar or a string is skipped, to its last byte."""
    for value in UNKNOWN_VALUES:
        assert ready_link.request(WRITE, 0, 0, {"a": value, "d": "heard"}) == {"r": "heard"}, value


# -- the flash -----------------------------------------------------------------------------------------------------------


@pytest.mark.edge(106)
def test_the_flash_is_locked_while_armed(device: EmulatedDevice, ready_link: Link, client: OffloadClient) -> None:
    before = device.flash.contents()
    epoch = client.prepare(epoch=client.status().epoch, arm=7, mac=MAC).epoch
    first = mcumgr.first_piece(1000, bytes(32), firmware(device.kind).image.read_bytes()[:500])
    for armed in (Power.PREPARED, Power.D3):
        assert client.status().power == armed
        for command, body in ((mcumgr.UPLOAD, first), (mcumgr.STATE, {"confirm": True}), (5, {})):
            with pytest.raises(DeviceError):
                ready_link.request(WRITE, 1, command, body)
        if armed == Power.PREPARED:
            client.commit(epoch)
    assert "locked" in " ".join(ready_link.heard)
    assert len(mcumgr.image_list(ready_link)) == 1
    assert device.flash.contents() == before
    client.host_awake(client.status().epoch)
    client.release()
    assert ready_link.request(WRITE, 1, mcumgr.UPLOAD, {**first, "len": 300_000})["off"] == 500


def cuts(before: bytes, after: bytes) -> Iterator[bytes]:
    """A flash as power cuts leave it while it changes from one to the other: in the middle of what changes, and behind it."""
    changed = [at for at in range(0, len(before), 64) if before[at : at + 64] != after[at : at + 64]]
    if changed:
        middle = changed[len(changed) // 2] + 32
        yield after[:middle] + before[middle:]
    yield after


def boots(kind: str, contents: bytes) -> bytes:
    """The digest of what runs. Raises DeviceError when it is the boot loader."""
    with emulated(kind, flash=FlashMemory(kind, contents)) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        return OffloadClient(link).hello().digest


@needs_key
@pytest.mark.edge(106)
def test_a_power_cut_anywhere_in_an_update_leaves_an_image_that_boots(
    device: EmulatedDevice, client: OffloadClient, tmp_path: Path
) -> None:
    """Snapshots of the flash at every 4 KiB of the upload and at every step behind it, each booted by a device of its own."""
    kind, step_bytes = device.kind, CUT_STEP_BYTES[device.kind]
    new, old_digest = image.load(signed(kind, tmp_path)), client.hello().digest
    with emulated(kind, flash=prepared_flash(kind)) as victim, Link(victim.port) as link:
        mcumgr.wait_ready(link)
        flashes = [victim.flash.contents()]

        def look(progress: flashing.Progress) -> None:
            if progress.sent_bytes >= step_bytes * len(flashes):
                flashes.append(victim.flash.contents())

        flashing._upload(link, new, look)
        uploaded = len(flashes)
        flashes.append(victim.flash.contents())
        mcumgr.mark_for_test(link, new.digest)
        flashes.append(victim.flash.contents())
        mcumgr.reset(link)
        mcumgr.wait_ready(link)
        mcumgr.confirm(link)
        flashes.append(victim.flash.contents())
    assert uploaded >= len(new.data) // step_bytes
    for number, (before, after) in enumerate(pairwise(flashes)):
        for contents in cuts(before, after):
            runs = boots(kind, contents)
            assert runs == old_digest or (runs == new.digest and number >= uploaded), f"cut {number}"
    assert boots(kind, flashes[-1]) == new.digest


@needs_key
def test_a_flash_that_would_not_boot_is_told_apart(device: EmulatedDevice) -> None:
    """The control of the one above: a single bit of the only image."""
    contents = bytearray(prepared_flash(device.kind).contents())
    contents[0x10000 + 5000] ^= 1
    with pytest.raises(DeviceError):
        boots(device.kind, bytes(contents))


# -- secrets -------------------------------------------------------------------------------------------------------------


@pytest.mark.edge(108)
def test_passwords_and_payloads_stay_in_the_device(ready_link: Link, client: OffloadClient) -> None:
    """In no list, counter, log line or status, in whatever form it left the device. A bitmap of the frame is in the list of
    patterns, for whoever brings a device up, and in nothing else."""
    secret, payload, frame = b"s3cr3t", b"private!", b"the frame"
    client.add_pattern(Pattern.magic(1, secret))
    client.add_pattern(Pattern.payload(2, client.add_tcp_slot(SLOT), payload))
    client.add_pattern(Pattern.bitmap(3, frame))
    with pytest.raises(DeviceError):  # refusals may be talkative
        client.add_pattern(Pattern.magic(1, secret))
    told = [repr(list(ready_link.heard)).encode()]
    for command in (Command.LIST_PATTERNS, Command.COUNTERS, Command.STATUS, Command.HELLO, Command.GET_LOG):
        body = {"cursor": 0} if command == Command.GET_LOG else {}
        told.append(cbor2.dumps(ready_link.request(READ, GROUP_OFFLOAD, command, body)))
    assert len(client.patterns()) == 3
    for word in (secret, payload):
        assert not any(word in text or word.hex().encode() in text for text in told)
    assert sum(frame in text or frame.hex().encode() in text for text in told) == 1
