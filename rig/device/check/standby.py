"""Sleep, wake and lease, without a frame: what the states take and refuse, who owns what, and how events come."""

from __future__ import annotations

from typing import Any

from rig.clock import REAL_MINUTE_US
from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.check.reply import Answer
from rig.device.check.samples import MAC
from rig.device.numbers import (
    ARM_ALL,
    NO_PATTERN,
    NO_SLOT,
    READ,
    Command,
    EventFlag,
    EventKind,
    OffloadRc,
    Owner,
    Power,
    SlotFlag,
    WakeReason,
)

ARM = int(ARM_ALL)
NO_ARM = 1 << 30
WAKE_TIMER_MS = 200
EVENT_S = 5.0
SHORTEST_LEASE_MS = 1000
YIELD_MS = 1000
"""Or what the device says is its most."""
U32 = 0xFFFFFFFF


def _prepare(device: Asked, epoch: int, **changed: Any) -> Answer:
    body = {"arm": ARM, "mac": MAC, "epoch": epoch, "target": 3, "wake_timer_ms": 0} | changed
    return device.write(Command.PREPARE, body)


def _fresh(device: Asked) -> int:
    """The epoch after attach; a clock that is not scaled."""
    if device.test_build:
        device.takes(device.write(Command.SET_CLOCK_SCALE, {"minute_us": REAL_MINUTE_US}), "clock scale")
    return int(device.attach()["epoch"])


def _is(device: Asked, power: Power, owner: Owner, when: str) -> None:
    status = device.takes(device.read(Command.STATUS), "status")
    device.holds(
        (status["power"], status["owner"]) == (power, owner),
        f"{when}: power {status['power']}, owner {status['owner']}; {power.name} ({power}), {owner.name} ({owner}) are expected",
    )


def _next_epoch(device: Asked, answer: Answer, epoch: int, what: str) -> int:
    """Each change of owner adds one."""
    now = int(device.takes(answer, what)["epoch"])
    device.holds(now == epoch + 1, f"{what}: epoch {epoch} becomes {now}, {epoch + 1} is expected")
    return now


def power_states(device: Asked) -> None:
    epoch = _fresh(device)
    device.refuses(_prepare(device, epoch - 1), OffloadRc.STALE_EPOCH, "prepare with the epoch before")
    device.refuses(_prepare(device, epoch, arm=NO_ARM), OffloadRc.UNSUPPORTED, "prepare with an arm bit that there is not")
    device.refuses(_prepare(device, epoch, mac=b"\x01" + MAC[1:]), OffloadRc.BAD_ADDR, "prepare with a group's MAC")
    most_ms = device.capabilities.get("yield_max_ms")
    if most_ms and most_ms < U32:
        device.refuses(
            _prepare(device, epoch, yield_ms=most_ms + 1), OffloadRc.BAD_INTERVAL, f"prepare with yield_ms {most_ms + 1}"
        )
    for command in (Command.COMMIT, Command.ABORT, Command.HOST_AWAKE):
        device.refuses(device.write(command, {"epoch": epoch}), OffloadRc.BAD_STATE, f"{command.name} in D0")
    device.refuses(device.write(Command.RELEASE), OffloadRc.BAD_STATE, "release in D0")
    _is(device, Power.D0, Owner.HOST, "after refusals alone")

    epoch = _next_epoch(device, _prepare(device, epoch), epoch, "prepare")
    _is(device, Power.PREPARED, Owner.NONE, "after prepare")
    device.refuses(_prepare(device, epoch), OffloadRc.BAD_STATE, "prepare twice")
    pattern = {"id": 1, "data": b"\0", "mask": b"\1", "type": 1}
    device.refuses(device.write(Command.ADD_PATTERN, pattern), OffloadRc.NOT_ACCEPTED, "a pattern after prepare")
    device.refuses(device.write(Command.COMMIT, {"epoch": epoch - 1}), OffloadRc.STALE_EPOCH, "commit with the epoch before")
    epoch = _next_epoch(device, device.write(Command.ABORT, {"epoch": epoch}), epoch, "abort")
    _is(device, Power.D0, Owner.HOST, "after abort")
    _sleep(device, epoch)


def _sleep(device: Asked, epoch: int) -> None:
    epoch = _next_epoch(device, _prepare(device, epoch), epoch, "prepare")
    flags = samples.plain_flags(device.capabilities) & ~SlotFlag.KEEP
    one, other = (samples.slot(number, flags).wire() for number in range(2))
    device.takes(device.write(Command.ADD_TCP_SLOT, one), "a slot after prepare")
    device.refuses(device.write(Command.ADD_TCP_SLOT, one), OffloadRc.DUP_TUPLE, "the same connection twice after prepare")
    epoch = _next_epoch(device, device.write(Command.COMMIT, {"epoch": epoch}), epoch, "commit")
    _is(device, Power.D3, Owner.DEVICE, "after commit")
    for what, answer in (
        ("prepare", _prepare(device, epoch)),
        ("release", device.write(Command.RELEASE)),
        ("abort", device.write(Command.ABORT, {"epoch": epoch})),
        ("a new slot", device.write(Command.ADD_TCP_SLOT, other)),
    ):
        device.refuses(answer, OffloadRc.BAD_STATE, f"{what} in D3")
    epoch = _next_epoch(device, device.write(Command.HOST_AWAKE, {"epoch": epoch}), epoch, "host awake in D3")
    _is(device, Power.AWAKE, Owner.NONE, "after host awake")
    drained = device.takes(device.read(Command.DRAIN, {"ack": 0, "max_bytes": 400}), "drain")
    device.holds(not drained["lost"], f"{drained['lost']} frames are lost")
    released = device.write(Command.RELEASE)
    _next_epoch(device, released, epoch, "release")
    device.holds(len(released.body["slots"]) == 1, f"release tells of {len(released.body['slots'])} slots, 1 was added")
    _is(device, Power.D0, Owner.HOST, "after release")
    left = device.takes(device.read(Command.LIST_TCP_SLOTS), "list slots")["slots"]
    device.holds(not left, f"release leaves {len(left)} slots that were not to be kept")


def events(device: Asked) -> None:
    """The wake timer wakes; the event waits until it is freed, and other requests are served meanwhile. A device that can yield
    the wire does so where it is asked to."""
    epoch = _fresh(device)
    after = 0
    most_ms = device.capabilities.get("yield_max_ms", 0)
    yielding = {"yield_ms": min(most_ms, YIELD_MS)} if most_ms else {}
    epoch = int(device.takes(_prepare(device, epoch, wake_timer_ms=WAKE_TIMER_MS, **yielding), "prepare")["epoch"])
    epoch = int(device.takes(device.write(Command.COMMIT, {"epoch": epoch}), "commit")["epoch"])
    wait = device.request(READ, int(Command.EVENT_WAIT), {"after": after})
    device.send(wait)
    device.takes(device.read(Command.STATUS), "status while an event is waited for")
    event = device.takes(device.late_answer_to(wait, "event_rsp", "event wait", EVENT_S), "event wait")["event"]
    _is_of_the_timer(device, event, epoch)
    yielded = bool(event[7] & EventFlag.YIELDED)
    device.holds(
        yielded == bool(yielding),
        f"l2_flags {event[7]:#x} of a wake in which the device was{'' if yielding else ' not'} to yield",
    )
    number = event[0]
    _is(device, Power.WOKEN, Owner.DEVICE, "after a wake")
    again = device.takes(device.read(Command.EVENT_WAIT, {"after": number - 1}), "event wait again")["event"]
    device.holds(again[0] == number, f"an event that was not freed comes again as {again[0]}, not {number}")
    old = device.takes(device.read(Command.EVENT_WAIT, {"after": U32}), "event wait behind a number of an earlier boot")["event"]
    device.holds(old[0] == number, f"a number of an earlier boot is answered with event {old[0]}, not {number}")
    freeing = device.request(READ, int(Command.EVENT_WAIT), {"after": number})
    device.send(freeing)
    device.holds(device.is_silent(freeing, 0.3), "an event comes that there is not: the one before was freed")
    status = device.takes(device.read(Command.STATUS), "status")
    device.holds(status["events_pending"] == 0, f"{status['events_pending']} events wait after the last one was freed")
    epoch = int(device.takes(device.write(Command.HOST_AWAKE, {"epoch": epoch}), "host awake")["epoch"])
    device.takes(device.write(Command.RELEASE), "release")


def _is_of_the_timer(device: Asked, event: list[Any], epoch: int) -> None:
    kind, slot_number, at_epoch, reason, pattern_id = event[1], event[2], event[4], event[5], event[9]
    device.holds(kind == EventKind.WAKE, f"the event's kind is {kind}, {EventKind.WAKE.name} (1) is expected")
    device.holds(reason == WakeReason.HOST_TIMER, f"the wake timer's reason is {reason:#x}, HOST_TIMER (0x4007) is expected")
    nobody = slot_number == NO_SLOT and pattern_id == NO_PATTERN
    device.holds(nobody, f"the wake timer's event names slot {slot_number}, pattern {pattern_id:#x}")
    device.holds(at_epoch == epoch, f"the event's epoch is {at_epoch}, {epoch} is expected")


def lease(device: Asked) -> None:
    """A host that is not heard of is taken for dead."""
    _fresh(device)
    attach = device.write(Command.HELLO, {"owner": 1, "lease_ms": SHORTEST_LEASE_MS})
    device.takes(_prepare(device, device.takes(attach, "attach with a lease of 1 s")["epoch"]), "prepare")
    wait = device.request(READ, int(Command.EVENT_WAIT), {"after": 0})
    device.send(wait)
    answer = device.late_answer_to(wait, "event_rsp", "the event of a lease that ended", EVENT_S)
    event = device.takes(answer, "event wait")["event"]
    device.holds(event[5] == WakeReason.LEASE_EXPIRED, f"the reason is {event[5]:#x}, LEASE_EXPIRED (0x400b) is expected")
    _is(device, Power.EXPIRED, Owner.NONE, "after the lease")
    device.refuses(device.write(Command.RELEASE), OffloadRc.RESUME_REQUIRED, "a WRITE after the lease")
    device.attach("attach after the lease")


def test_commands(device: Asked) -> None:
    if not device.test_build:
        return
    device.refuses(device.write(Command.SET_CLOCK_SCALE, {"minute_us": 0}), OffloadRc.BAD_ARG, "a minute of 0 us")
    device.takes(device.write(Command.SET_CLOCK_SCALE, {"minute_us": REAL_MINUTE_US // 60}), "clock scale")
    epoch = int(device.attach()["epoch"])
    epoch = int(device.takes(_prepare(device, epoch, wake_timer_ms=60_000), "prepare")["epoch"])
    device.takes(device.write(Command.COMMIT, {"epoch": epoch}), "commit")
    wait = device.request(READ, int(Command.EVENT_WAIT), {"after": 0})
    device.send(wait)
    answer = device.late_answer_to(wait, "event_rsp", "a minute of 1 s: the event of a wake timer of a minute", EVENT_S)
    device.takes(answer, "event wait")
    device.attach()
    device.takes(device.write(Command.SET_CLOCK_SCALE, {"minute_us": REAL_MINUTE_US}), "clock scale")
