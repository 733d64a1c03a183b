"""What a bad line and a hasty or hostile host do to the control channel: nothing that lasts; EDGE-092 to 094, 099, 106, 107."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cbor2
import pytest

from rig.device import framing, mcumgr
from rig.device.codes import GROUP_IMAGE
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, Fault, Owner, Power
from rig.device.offload_types import Event, Release
from rig.device.requests import Pending
from rig.device.smp_header import HEADER, VERSION_2
from rig.device.smp_header import message as request
from rig.suite.peer_frames import HOST_MAC, tcp
from rig.suite.standby_door import QUIET_MS, connection, refusal
from rig.suite.wire_door import OTHERS_SEQ, WireDoor

pytestmark = pytest.mark.topology("flat")

ADD_SLOT = framing.encode(request(WRITE, GROUP_OFFLOAD, OTHERS_SEQ, Command.ADD_TCP_SLOT, connection().wire()))
ERASE = 5
"""Command of the group image."""
NOISE_BYTES = 65536
ANSWER_S = 30
ENTRIES = 20


def with_body(op: int, group: int, command: int, body: bytes, version: int = VERSION_2) -> bytes:
    """A frame whose body is no CBOR of ours."""
    return framing.encode(HEADER.pack(version | op, 0, len(body), group, OTHERS_SEQ, command) + body)


def put(door: WireDoor, *data: bytes) -> None:
    """Bytes on the line as they are."""
    for piece in data:
        door.link.say(piece)


def answers_at_once(door: WireDoor) -> None:
    """The next request needs no second try, however long a busy machine takes for what is before it."""
    before = door.link.stats.retries
    assert mcumgr.echo(door.link, "still here", timeout_s=ANSWER_S) == "still here"
    again = door.link.stats.retries - before
    assert not again, f"an echo behind these bytes was answered when it was sent {again + 1} times: the first was not understood"


@pytest.fixture(autouse=True)
def same_boot(door: WireDoor) -> Iterator[None]:
    """Whatever a test does to it, the device has not restarted behind our back."""
    before = door.client.hello().boot_id
    yield
    assert door.client.hello().boot_id == before


# -- bytes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.edge(93)
@pytest.mark.parametrize("byte", [0xFF, 0x00, 0x06, ord("A")], ids=hex)
def test_64_kib_of_noise_hurt_nothing(door: WireDoor, byte: int) -> None:
    put(door, *[bytes([byte]) * 4096] * (NOISE_BYTES // 4096))
    answers_at_once(door)


@pytest.mark.edge(93)
@pytest.mark.parametrize("cut", [1, 2, 50, 127, 128, 200, -2])
def test_a_break_in_the_middle_of_a_frame_costs_that_frame(door: WireDoor, cut: int) -> None:
    """A break is read as a byte 0. The half frame is worth nothing, the one behind it everything."""
    put(door, ADD_SLOT[:cut] + b"\x00")
    answers_at_once(door)
    assert door.client.slots() == ()
    door.add_slot()
    assert len(door.client.slots()) == 1


@pytest.mark.edge(93)
def test_a_frame_begins_at_its_mark_whatever_stands_before_it(door: WireDoor) -> None:
    """Contract section 1: half a frame too, which nothing has ended. The next one is understood at once, and not when it is
    repeated."""
    for cut in (1, 2, 50, 127, 128, 200, -2, -1):
        put(door, ADD_SLOT[:cut])
        answers_at_once(door)
        assert door.client.slots() == ()


@pytest.mark.edge(93)
def test_a_frame_with_a_byte_lost_doubled_or_changed_does_nothing(door: WireDoor) -> None:
    """At many of its places. The control is the frame itself."""
    for at in range(3, len(ADD_SLOT), 23):
        lost, doubled = ADD_SLOT[:at] + ADD_SLOT[at + 1 :], ADD_SLOT[:at] + ADD_SLOT[at : at + 1] + ADD_SLOT[at:]
        put(door, lost, doubled, ADD_SLOT[:at] + bytes([ADD_SLOT[at] ^ 0x03]) + ADD_SLOT[at + 1 :])
    answers_at_once(door)
    assert door.client.slots() == ()
    put(door, ADD_SLOT)
    answers_at_once(door)
    assert len(door.client.slots()) == 1


# -- the same again ------------------------------------------------------------------------------------------------------


@pytest.mark.edge(93, 99)
def test_a_request_that_is_repeated_is_carried_out_once(door: WireDoor) -> None:
    """As by a host that lost the answer, or that died and has it sent again; under another number it is another request."""
    put(door, ADD_SLOT, ADD_SLOT, ADD_SLOT)
    answers_at_once(door)
    (slot,) = door.client.slots()
    assert refusal(door.add_slot) == "DUP_TUPLE"
    door.client.remove_tcp_slot(slot.ref)
    put(door, ADD_SLOT)
    answers_at_once(door)
    assert door.client.slots() == (), "its first answer came again, for a slot that has been removed since"


def lost_and_asked_again(door: WireDoor, act: Callable[[], object]) -> str:
    """The name of the error that the client hears whose first answer was lost, "OK" for none."""
    before = door.link.stats.retries
    door.client.fault_inject(Fault.DROP_REPLY, 1)
    heard = refusal(act)
    assert door.link.stats.retries > before, "the answer was not lost"
    return heard


@pytest.mark.edge(93, 99)
@pytest.mark.device_can(command=Command.FAULT_INJECT)
def test_the_answer_to_a_release_of_all_slots_comes_again(door: WireDoor) -> None:
    """Contract section 1, lost replies. The longest of those that are kept, and what a host learns of its connections."""
    door.prepare()
    slots = {door.add_slot(local_port=42000 + n, ka_idle_ms=QUIET_MS) for n in range(door.slots)}
    door.commit()
    door.host_awake()
    released: list[Release] = []
    heard = lost_and_asked_again(door, lambda: released.append(door.client.release()))
    assert heard == "OK", f"the answer to a release of {len(slots)} slots was lost, and is not given again: {heard}"
    assert slots <= {row.ref for row in released[0].slots}


@pytest.mark.edge(93, 99)
@pytest.mark.device_can(command=Command.FAULT_INJECT)
def test_a_commit_that_finds_a_wake_says_so_again(door: WireDoor) -> None:
    """Contract section 1: WAKE_PENDING is the one refusal that has changed something."""
    door.prepare()
    door.add_slot(ka_idle_ms=QUIET_MS)
    door.send(tcp("PA", payload=b"news"))
    heard = lost_and_asked_again(door, door.commit)
    assert heard == "WAKE_PENDING", f"the answer WAKE_PENDING of a commit was lost, and when it is asked for again it is {heard}"


@pytest.mark.edge(93)
def test_another_request_under_the_same_number_is_another_one(door: WireDoor) -> None:
    """Contract section 1: the same request is one whose operation, number, command and body agree. A host that is started anew
    counts from anywhere."""
    other = framing.encode(request(WRITE, GROUP_OFFLOAD, OTHERS_SEQ, Command.ADD_TCP_SLOT, connection(local_port=40001).wire()))
    put(door, ADD_SLOT, other)
    answers_at_once(door)
    assert len(door.client.slots()) == 2, "two slots were added under one sequence number: the second got the answer of the first"


@pytest.mark.edge(99)
def test_a_place_that_is_used_again_has_another_handle_and_the_old_one_is_stale(door: WireDoor) -> None:
    """Every command that names a slot; and no place is lost over it."""
    most = door.limit("max_tcp_slots")
    old = door.add_slot()
    for _ in range(3 * most):
        door.client.remove_tcp_slot(door.client.slots()[0].ref)
        new = door.add_slot()
        assert (new.slot, new.gen != old.gen) == (old.slot, True)
    for act in (door.client.get_tcp_slot, door.client.remove_tcp_slot):
        assert refusal(lambda act=act: act(old)) == "STALE_HANDLE"  # type: ignore[misc]
    for n in range(1, most):
        door.add_slot(local_port=41000 + n)
    assert refusal(lambda: door.add_slot(local_port=50000)) == "NO_SLOT"
    assert len(door.client.slots()) == most


# -- events --------------------------------------------------------------------------------------------------------------


NEWEST = 2**32 - 1


@pytest.mark.edge(94)
def test_a_number_of_an_earlier_boot_frees_no_event(door: WireDoor) -> None:
    """Contract section 5: of a host that does not know yet that the device has restarted. It hears of what comes while it waits,
    and of what is there. The control is the event's own number, which frees it."""
    door.asleep()
    waiting = wait_behind(door, NEWEST)
    door.send(tcp("PA", payload=b"news"))
    number = heard_by(door, waiting)
    assert number is not None, f"a wake was not told to who waits behind event {NEWEST}, a number of an earlier boot"
    for after in (number + 1, NEWEST):
        heard = heard_by(door, wait_behind(door, after))
        assert heard == number, f"event {number} is there; who waits behind {after}, of an earlier boot, hears of {heard}"
    assert heard_by(door, wait_behind(door, number)) is None


def wait_behind(door: WireDoor, after: int) -> Pending:
    return door.link.submit(READ, GROUP_OFFLOAD, Command.EVENT_WAIT, {"after": after})


def heard_by(door: WireDoor, waiting: Pending) -> int | None:
    """The number of the event that a wait is answered with; None: there is none for it."""
    missing = door.status().events_pending  # served behind it
    if waiting.over or (missing and waiting.wait(ANSWER_S)):
        return Event.of(waiting.result()["event"]).n
    door.link.give_up(waiting, 0)
    return None


# -- requests that nobody means ------------------------------------------------------------------------------------------


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
def test_bodies_that_nobody_means_change_nothing(door: WireDoor, body: bytes) -> None:
    """To every group, and to a command of the offload group that decodes lists."""
    put(door, *(with_body(*command, body) for command in COMMANDS))
    answers_at_once(door)
    assert (door.client.slots(), door.client.patterns(), door.status().power) == ((), (), Power.D0)


@pytest.mark.edge(107)
@pytest.mark.parametrize("more", [b"\x00", b"\xa0", b"\xff"], ids=["a number", "a map", "a break"])
def test_bytes_behind_the_map_make_a_request_bad(door: WireDoor, more: bytes) -> None:
    """Contract section 1: refused with BAD_ARG, and nothing has changed. The control is the request without them."""
    body = cbor2.dumps(connection().wire(), canonical=True)
    put(door, with_body(WRITE, GROUP_OFFLOAD, Command.ADD_TCP_SLOT, body + more))
    answers_at_once(door)
    assert door.client.slots() == (), f"a slot was added though {more.hex()} stands behind the request's map"
    put(door, with_body(WRITE, GROUP_OFFLOAD, Command.ADD_TCP_SLOT, body))
    answers_at_once(door)
    assert len(door.client.slots()) == 1


@pytest.mark.edge(107)
def test_what_there_is_not_is_refused(door: WireDoor) -> None:
    """Groups, commands, keys of a newer version, numbers beyond their width."""
    for op, group, command in ((WRITE, GROUP_OFFLOAD, 0xFE), (READ, GROUP_OFFLOAD, 0xFE), (READ, 999, 0), (WRITE, 0, 99)):
        assert refused(door, op, group, command, {}) != "OK"
    attach: dict[str, Any] = {"owner": 1}
    for more in ({"from_a_newer_abi": True}, {"owner": 2**16}, {"owner": 2**64 - 1}, {"owner": -1}, {"owner": "1"}):
        assert refused(door, WRITE, GROUP_OFFLOAD, Command.HELLO, attach | more) == "BAD_ARG", more
    assert refused(door, WRITE, GROUP_OFFLOAD, Command.HELLO, {}) == "BAD_ARG"
    assert refused(door, WRITE, GROUP_OFFLOAD, Command.HELLO, attach) == "OK"


def refused(door: WireDoor, op: int, group: int, command: int, body: Mapping[str, Any]) -> str:
    return refusal(lambda: door.link.request(op, group, command, body))


@pytest.mark.edge(107)
def test_a_message_that_is_too_long_or_lies_about_its_length_is_dropped(door: WireDoor) -> None:
    lies = HEADER.pack(VERSION_2 | WRITE, 0, 9999, 0, OTHERS_SEQ, 0) + cbor2.dumps({"d": "x"})
    put(door, with_body(WRITE, 0, 0, cbor2.dumps({"d": "x" * 5000})), framing.encode(lies), framing.encode(b"\x0a\x00"))
    put(
        door,
        with_body(WRITE, 0, 0, cbor2.dumps({"d": "x"}), version=3 << 3),
        with_body(WRITE, 0, 0, struct.pack(">I", 2**32 - 1)),
    )
    answers_at_once(door)


# -- commands that cross -------------------------------------------------------------------------------------------------


@pytest.mark.edge(92)
@pytest.mark.parametrize("timer_ms", [0, 1])
def test_an_entry_and_a_wake_that_cross_on_the_line_end_in_one_state(door: WireDoor, timer_ms: int) -> None:
    """Commit and host-awake leave before commit's reply is here, and with a timer of 1 ms a wake comes between them."""
    client, link = door.client, door.link
    wakes = client.status().wakes
    for entry in range(1, ENTRIES + 1):
        epoch = client.status().epoch
        client.prepare(epoch=epoch, arm=7, mac=HOST_MAC, wake_timer_ms=timer_ms)
        commit = link.submit(WRITE, GROUP_OFFLOAD, Command.COMMIT, {"epoch": epoch + 1})
        awake = link.submit(WRITE, GROUP_OFFLOAD, Command.HOST_AWAKE, {"epoch": epoch + 2})
        assert (commit.result()["epoch"], awake.result()["epoch"]) == (epoch + 2, epoch + 3)
        status = client.status()
        assert (status.power, status.owner, status.epoch) == (Power.AWAKE, Owner.NONE, epoch + 3)
        assert status.wakes - wakes <= entry * timer_ms
        assert client.release().epoch == epoch + 4


@pytest.mark.edge(106)
@pytest.mark.device_can(flash=True)
def test_the_flash_is_locked_while_a_host_sleeps(door: WireDoor) -> None:
    """The control: awake, the image that runs may be confirmed."""
    confirm, piece = {"confirm": True}, mcumgr.first_piece(1000, bytes(32), bytes(200))
    assert refused(door, WRITE, GROUP_IMAGE, mcumgr.STATE, confirm) == "OK"
    images = mcumgr.image_list(door.link)
    door.prepare()
    for power in (Power.PREPARED, Power.D3):
        assert door.status().power is power
        for command, body in ((mcumgr.UPLOAD, piece), (mcumgr.STATE, confirm), (ERASE, {})):
            assert refused(door, WRITE, GROUP_IMAGE, command, body) != "OK", f"command {command} in {power.name}"
        assert mcumgr.image_list(door.link) == images
        if power is Power.PREPARED:
            door.commit()
    door.host_awake()
    door.release()
    assert refused(door, WRITE, GROUP_IMAGE, mcumgr.STATE, confirm) == "OK"
