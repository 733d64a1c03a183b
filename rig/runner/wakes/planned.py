"""Whether a test meant a wake. It did when it

* says so: `@pytest.mark.wakes("KA_TIMEOUT")`, or `@pytest.mark.wakes` for any;
* looked: a record that it waited for, or found, came with the wake or behind it, before the next sleep; or it asked the device
  for the event;
* made it: the waking frame is one that it injected, or its server has sent, closed, reset or been closed since the host fell
  asleep, or the frame is of a server that was closed before, whose kernel says so until it is heard; or there is nobody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rig.device.numbers import WakeReason
from rig.device.reference.segment import FIN, RST, Kind
from rig.runner.wakes.armed import Wake
from rig.runner.wakes.rules import taken
from rig.timeline import Record

DEEDS = frozenset("PUSH PEER_FIN PEER_RST PEER_CLOSED HTTP_RESPONSE HTTP_CLOSED PUSH_SENT LEVER MACHINE_RESTART".split())
"""What the test's own servers and levers write."""

TIMED = (
    WakeReason.KA_TIMEOUT, WakeReason.NO_MORE_TOKENS, WakeReason.HOST_TIMER, WakeReason.DHCP_EXPIRED, WakeReason.ROUTER_CHANGED,
)  # fmt: skip
"""Of intervals that were armed, with nothing on the wire."""


@dataclass(frozen=True)
class Test:
    """What is known of a test's intentions."""

    __test__ = False  # not a test class, whatever its name says to pytest

    records: Sequence[Record]
    looked_at: Collection[int]
    """Sequence numbers of the records that it was given."""
    injected: Callable[[bytes], bool]
    reasons: frozenset[str] | None
    """Of the mark; None without one, empty for any."""
    events: Collection[int] = ()
    """Numbers of those that it took from the device itself."""
    alone: bool = False
    """With the device: all that comes to it comes from the test, and so does all whose time comes."""


def how(wake: Wake, test: Test) -> str:
    """Empty: it did not."""
    if test.reasons is not None and (not test.reasons or wake.reason in test.reasons):
        return "the mark wakes"
    if wake.frame and test.injected(wake.frame):
        return "the test injected the frame"
    if test.alone and (wake.saved or wake.event.reason in TIMED):
        return "nobody else was there"
    if wake.event.n in test.events:
        return "the test took the event"
    asleep_ns = wake.armed.sleep.asked_ns if wake.armed.sleep is not None else 0
    for record in test.records:
        if asleep_ns <= record.t_ns <= wake.heard_ns and record.event in DEEDS:
            return f"{record.event} of the test's own server or lever"
    if _is_of_a_closed_peer(wake, test.records):
        return "PEER_CLOSED of the test's own server"
    for record in _of_wake(wake, test.records):
        if record.seq in test.looked_at:
            return f"the test looked at {record.event}"
    return ""


def _is_of_a_closed_peer(wake: Wake, records: Sequence[Record]) -> bool:
    """Its FIN may be on its way when the host falls asleep, and its kernel repeats it (RFC 9293 3.8.1)."""
    frame = taken(wake.frame)[0] if wake.frame else None
    if frame is None or frame.kind is not Kind.TCP or not frame.flags & (FIN | RST):
        return False
    sender = str(ipaddress.ip_address(frame.src)), frame.sport
    closed = (record for record in records if record.event == "PEER_CLOSED" and record.t_ns <= wake.heard_ns)
    return any((record.address, record.port) == sender for record in closed)


def _of_wake(wake: Wake, records: Sequence[Record]) -> list[Record]:
    """From the wake to the next sleep. A wake that comes at once is heard before its own sleep is written down; a device that
    restarts gives the same epochs again."""
    asked_ns = wake.armed.sleep.asked_ns if wake.armed.sleep is not None else wake.heard_ns
    entered = any(record.event == "SLEEP_ENTER" and asked_ns <= record.t_ns < wake.heard_ns for record in records)
    found: list[Record] = []
    for record in records:
        if record.t_ns < wake.heard_ns:
            continue
        if record.event == "SLEEP_ENTER":
            if found and (entered or record.detail.get("epoch") != wake.event.epoch):
                break
            entered = True
        found.append(record)
    return found
