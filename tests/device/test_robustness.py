"""What a bad line, a hasty or a hostile host and a power cut do to real firmware, native and on QEMU: nothing that lasts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cbor2
import pytest

from rig.clock import Deadline
from rig.device import flash as flashing
from rig.device import framing, image, mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, Fault, Owner, Power
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, TcpSlot
from rig.device.prepared import prepared_flash
from rig.device.smp_header import HEADER, VERSION_2
from rig.errors import DeviceError

from .images import signed, signing_key

MAC = bytes.fromhex("020000000001")
SLOT = TcpSlot(
    local="192.0.2.1", remote="192.0.2.2", local_port=49152, remote_port=443, local_mac=MAC, next_hop_mac=MAC,
    snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1, rcv_wnd=64240, rcv_wup=1,
)  # fmt: skip
SEND_S = 20.0
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


def put(link: Link, data: bytes) -> None:
    """Bytes on the line as they are."""
    link._writer.write(data, Deadline(SEND_S))


def message(op: int, group: int, command: int, body: bytes, seq: int = 250, version: int = VERSION_2) -> bytes:
    return HEADER.pack(version | op, 0, len(body), group, seq, command) + body


def answered_at_once(link: Link) -> None:
    before = link.stats.retries
    assert mcumgr.echo(link, "still here", timeout_s=5) == "still here"
    assert link.stats.retries == before


# -- the line ------------------------------------------------------------------------------------------------------------


@pytest.mark.edge(93)
@pytest.mark.parametrize("byte", [0xFF, 0x00, 0x06, ord("A")])
def test_64_kib_of_noise(ready_link: Link, byte: int) -> None:
    put(ready_link, bytes([byte]) * 65536)
    answered_at_once(ready_link)


def add_slot_frame(seq: int = 250) -> bytes:
    """The frame of an ADD_TCP_SLOT, taken from the client's own request."""
    kept: list[bytes] = []

    class Keep:
        def request(self, op: int, group: int, command: int, body: dict[str, object], **_: object) -> dict[str, int]:
            kept.append(message(op, group, command, cbor2.dumps(body, canonical=True), seq))
            return {"slot": 0, "gen": 0}

    OffloadClient(Keep()).add_tcp_slot(SLOT)  # type: ignore[arg-type]
    return framing.encode(kept[0])


@pytest.mark.edge(93)
@pytest.mark.parametrize("cut", [1, 2, 50, 127, 128, 200, -2])
def test_a_break_in_the_middle_of_a_frame(ready_link: Link, client: OffloadClient, cut: int) -> None:
    """A break is read as a byte 0. The half frame is worth nothing, the one behind it everything."""
    put(ready_link, add_slot_frame()[:cut] + b"\x00")
    answered_at_once(ready_link)
    assert client.slots() == ()
    client.add_tcp_slot(SLOT)


@pytest.mark.edge(93)
def test_a_spoilt_frame_does_nothing(ready_link: Link, client: OffloadClient) -> None:
    """One byte lost, doubled or changed, at many places of the frame."""
    frame = add_slot_frame()
    for at in range(3, len(frame), 23):
        put(ready_link, frame[:at] + frame[at + 1 :])
        put(ready_link, frame[:at] + frame[at : at + 1] + frame[at:])
        put(ready_link, frame[:at] + bytes([frame[at] ^ 0x03]) + frame[at + 1 :])
    answered_at_once(ready_link)
    assert client.slots() == ()
    put(ready_link, frame)
    answered_at_once(ready_link)
    assert len(client.slots()) == 1


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


# -- requests ------------------------------------------------------------------------------------------------------------


DEEP = b"\x81" * 3000 + b"\x00"
COMMANDS = [(WRITE, 0, 0), (WRITE, 1, 0), (WRITE, 1, 1), (WRITE, 100, 0x10), (WRITE, 100, 0x20), (READ, 100, 0x34)]
BODIES = {
    "lists in a known key": b"\xa1\x61d" + DEEP,
    "lists in an unknown key": b"\xa1\x61x" + DEEP,
    "maps": b"\xa1\x61x" * 1000 + b"\x00",
    "tags": b"\xa1\x61x" + b"\xc1" * 3000 + b"\x00",
    "endless lists": b"\xbf\x61x" + b"\x9f" * 3000,
    "a text longer than the message": b"\xa1\x61d\x7b" + b"\xff" * 8,
    "a map of 2^32 entries": b"\xba\xff\xff\xff\xff",
    "no map": b"\x83\x01\x02\x03",
    "nothing": b"",
}


@pytest.mark.edge(107)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_nobody_means(ready_link: Link, client: OffloadClient, body: bytes) -> None:
    """To every group, and to a command of the offload group that decodes lists."""
    for op, group, command in COMMANDS:
        put(ready_link, framing.encode(message(op, group, command, body)))
    answered_at_once(ready_link)
    assert (client.slots(), client.patterns()) == ((), ())
    assert client.status().power == Power.D0


UNKNOWN_VALUES = (0, 23, 24, 2**16, 2**32, 2**64 - 1, -1, -(2**64), 1.5, 1e300, True, None, b"", b"x" * 300, "", "x" * 300)


@pytest.mark.edge(107)
def test_mcumgr_requests_with_keys_of_a_newer_client_are_served(ready_link: Link) -> None:
    """In front of the key that counts: a scalar or a string is skipped, to its last byte."""
    for value in UNKNOWN_VALUES:
        assert ready_link.request(WRITE, 0, 0, {"a": value, "d": "heard"}) == {"r": "heard"}, value


@pytest.mark.edge(107)
def test_unknown_commands_and_keys_are_refused(ready_link: Link, client: OffloadClient) -> None:
    for op, group, command in ((WRITE, GROUP_OFFLOAD, 0xFE), (READ, GROUP_OFFLOAD, 0xFE), (READ, 999, 0), (WRITE, 0, 99)):
        with pytest.raises(DeviceError):
            ready_link.request(op, group, command, {})
    with pytest.raises(DeviceError, match="BAD_ARG"):
        ready_link.request(WRITE, GROUP_OFFLOAD, Command.HELLO, {"owner": 1, "from_a_newer_abi": True})
    with pytest.raises(DeviceError, match="BAD_ARG"):
        ready_link.request(WRITE, GROUP_OFFLOAD, Command.HELLO, {"owner": 2**64 - 1})
    client.attach(1)


@pytest.mark.edge(107)
def test_a_message_that_is_too_long_or_lies_is_dropped(ready_link: Link) -> None:
    body = cbor2.dumps({"d": "x" * 5000})
    put(ready_link, framing.encode(message(WRITE, 0, 0, body)))
    put(ready_link, framing.encode(struct.pack(">BBHHBB", VERSION_2 | WRITE, 0, 9999, 0, 250, 0) + cbor2.dumps({"d": "x"})))
    put(ready_link, framing.encode(b"\x0a\x00"))
    put(ready_link, framing.encode(message(WRITE, 0, 0, cbor2.dumps({"d": "x"}), version=3 << 3)))
    answered_at_once(ready_link)


# -- power ---------------------------------------------------------------------------------------------------------------


@pytest.mark.edge(92)
@pytest.mark.parametrize("timer_ms", [0, 1])
def test_entry_and_wake_cross_on_the_line(ready_link: Link, client: OffloadClient, timer_ms: int) -> None:
    """Commit and host-awake leave before commit's reply is here, and with timer_ms 1 a wake comes between them."""
    events: list[list[int]] = []
    ready_link.start_events(events.append)
    for _ in range(20):
        epoch = client.status().epoch
        client.prepare(epoch=epoch, arm=7, mac=MAC, wake_timer_ms=timer_ms)
        commit = ready_link.submit(WRITE, GROUP_OFFLOAD, Command.COMMIT, {"epoch": epoch + 1})
        awake = ready_link.submit(WRITE, GROUP_OFFLOAD, Command.HOST_AWAKE, {"epoch": epoch + 2})
        assert (commit.result()["epoch"], awake.result()["epoch"]) == (epoch + 2, epoch + 3)
        status = client.status()
        assert (status.power, status.owner, status.epoch) == (Power.AWAKE, Owner.NONE, epoch + 3)
        assert client.release().epoch == epoch + 4
    assert len(events) <= 20 * timer_ms
    ready_link.stop_events()


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
