"""One body, two doors: a test of what a sleeping device does with a frame is written once, against a `StandbyDoor`.

    def test_an_answer_with_data_wakes(door: StandbyDoor) -> None:
        slot = door.asleep()
        probe = door.next_sent(60_000)
        assert door.made_of(tcp(payload=b"d")) == Made("TCP_DATA", ())

Two doors are there. `rig.suite.wire_door`: the device under test with its serial line and its wire, without a host around it.
`tests/engine/library_door.py`: the engine as a library, in virtual time. The suite runs the bodies against the first; the
engine's tests import the same functions, where the fixture `door` is the second.

Time is in specification milliseconds, as intervals in requests are; `minute_us` says how long a minute of them lasts on the wire.
That nothing comes is shown without waiting: a device takes its frames in order, so what it does after a later one is known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from rig.clock import REAL_MINUTE_US
from rig.device.numbers import ARM_ALL, Arm, WakeReason
from rig.device.offload_types import (
    BufferedFrame,
    Event,
    Pattern,
    ProtocolOffload,
    Release,
    SlotInfo,
    SlotRef,
    Status,
    TcpSlot,
)
from rig.errors import DeviceError
from rig.suite.peer_frames import HOST_IP, HOST_MAC, HOST_PORT, PEER_IP, PEER_MAC, PEER_PORT

QUIET_MS = 86_400_000
"""Idle time of a slot that is not to probe in a test: the longest that a device takes."""
SOON_MS = 50
PROBES_ONCE: dict[str, Any] = {"ka_idle_ms": QUIET_MS, "ka_intvl_ms": QUIET_MS, "idle_elapsed_ms": QUIET_MS - SOON_MS}
"""Of a connection that is idle since so long that it is probed SOON_MS from now, and then not again."""
ROUNDING_MS = 0.001
"""Of a difference of two moments (`now_ms`, `Sent.at_ms`)."""


class Outcome(NamedTuple):
    """What came of frames, in short."""

    wake: str
    """Its reason, "" for none."""
    answers: int

    def __repr__(self) -> str:
        """As a failed assertion shows it, in the few characters that pytest leaves."""
        return f"<{self.wake or 'no wake'}, {self.answers} answer{'s' * (self.answers != 1)}>"


@dataclass(frozen=True)
class Made:
    """What a device made of frames: the reason of its wake, "" for none, and the frames that it sent."""

    wake: str
    answers: tuple[bytes, ...]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.wake, len(self.answers))


@dataclass(frozen=True)
class Sent:
    """A frame of the device. `at_ms`: specification milliseconds, on the clock of `StandbyDoor.now_ms`."""

    at_ms: float
    frame: bytes


def connection(**changes: Any) -> TcpSlot:
    """An idle, established connection of the host with the peer: 60 s idle, 3 probes 10 s apart, all wake flags, keep-alives
    answered. What the host has seen of the peer's last segment moves with `rcv_nxt`."""
    rcv_nxt = changes.get("rcv_nxt", 5000)
    known: dict[str, Any] = {
        "local": HOST_IP, "remote": PEER_IP, "local_port": HOST_PORT, "remote_port": PEER_PORT, "local_mac": HOST_MAC,
        "next_hop_mac": PEER_MAC, "snd_una": 1000, "snd_nxt": 1000, "snd_wl1": rcv_nxt, "snd_wnd": 65535,
        "max_snd_wnd": 65535, "rcv_nxt": rcv_nxt, "rcv_wnd": 8192, "rcv_wup": rcv_nxt, "owner": 1, "ip_id": 100,
        "ka_idle_ms": 60_000, "ka_intvl_ms": 10_000, "ka_cnt": 3,
    }  # fmt: skip
    return TcpSlot(**known | changes)


def refusal(act: Callable[[], object]) -> str:
    """The name of the error that a device refuses with, "OK" when it does not."""
    try:
        act()
    except DeviceError as refused:
        return refused.name
    return "OK"


class StandbyDoor(ABC):
    """A device in D0 that nobody has given anything; the host of `HOST_MAC` is the test."""

    minute_us: int = REAL_MINUTE_US
    """How long a minute of an interval lasts. Ages and timestamps are real time."""
    wakes_before: int = 0
    """The device's count of wakes when the test began."""

    ka_min_ms: int
    ka_max_ms: int
    """The shortest and longest interval, specification milliseconds."""
    slots: int
    """That a test may add."""

    # -- what the host does --------------------------------------------------------------------------------------------

    @abstractmethod
    def scale(self, minute_us: int) -> None:
        """How long a minute of every interval lasts from now on."""

    @abstractmethod
    def add(self, thing: TcpSlot | Pattern | ProtocolOffload) -> SlotRef | None:
        """The handle of a slot. Raises DeviceError when the device refuses."""

    def add_slot(self, **changes: Any) -> SlotRef:
        """A `connection` with these changes; its timestamps, when it has some, go on from now."""
        if changes.get("ts_on") and "t0_us" not in changes:
            changes["t0_us"] = self.device_us()
        ref = self.add(connection(**self.within(changes)))
        assert ref is not None
        return ref

    def within(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The same with the device's longest interval for QUIET_MS, and as much of it left."""
        less_ms = max(0, QUIET_MS - self.ka_max_ms)
        shorter = [name for name in ("ka_idle_ms", "ka_intvl_ms") if changes.get(name) == QUIET_MS]
        if "ka_idle_ms" in shorter and "idle_elapsed_ms" in changes:
            shorter.append("idle_elapsed_ms")
        return {**changes, **{name: changes[name] - less_ms for name in shorter}}

    @abstractmethod
    def remove_pattern(self, pattern_id: int) -> None:
        """Raises DeviceError when there is none."""

    @abstractmethod
    def prepare(self, arm: Arm = ARM_ALL, yield_ms: int = 0) -> None:
        """Frames are captured from now on. `yield_ms`: real time, for which the device yields the wire after a wake."""

    @abstractmethod
    def commit(self) -> None:
        """The device speaks as the host. Raises DeviceError WAKE_PENDING when a captured frame wakes."""

    @abstractmethod
    def speaks_again(self) -> None:
        """The device has yielded, and the test has seen that it does no more."""

    @abstractmethod
    def host_awake(self) -> None:
        """The device stops speaking."""

    @abstractmethod
    def drain(self) -> list[BufferedFrame]:
        """All that is kept; it stays kept."""

    @abstractmethod
    def release(self) -> Release:
        """The end of a standby."""

    def sleep(self, arm: Arm = ARM_ALL, yield_ms: int = 0) -> None:
        """With what was added before."""
        self.prepare(arm, yield_ms)
        self.commit()

    def sleeps_on(self) -> None:
        """After a wake: the host takes all that there is, and sleeps again with the patterns and offloads that it had."""
        self.host_awake()
        self.drain()
        self.release()
        self.sleep()

    def asleep(self, **changes: Any) -> SlotRef:
        """One slot, and the device has committed. Of a slot that says nothing of it no probe comes meanwhile."""
        changes = {"ka_idle_ms": QUIET_MS, **changes}
        self.prepare()
        ref = self.add_slot(**changes)
        self.commit()
        return ref

    # -- the wire and time ---------------------------------------------------------------------------------------------

    @abstractmethod
    def send(self, *frames: bytes) -> None:
        """To the device, which has dealt with them on return."""

    def made_of(self, *frames: bytes) -> Made:
        """What it makes of these frames, and of no other before them."""
        self.take_sent()
        before = self.wakes
        self.send(*frames)
        woke = self.wakes - before
        assert woke <= 1, f"{woke} wakes for one sleep"
        answers = tuple(sent.frame for sent in self.take_sent())
        return Made(WakeReason(self.event().reason).name if woke else "", answers)

    def outcome(self, *frames: bytes) -> Outcome:
        """Of these frames."""
        return self.made_of(*frames).outcome

    @abstractmethod
    def take_sent(self) -> list[Sent]:
        """What the device has sent since the last look."""

    @abstractmethod
    def next_sent(self, within_ms: float) -> Sent:
        """The next frame that the device sends, which comes within that time: the oldest that nobody has looked at."""

    @abstractmethod
    def wake(self, within_ms: float) -> Event:
        """The first event, which comes within that time."""

    def event(self) -> Event:
        """The event of a wake that has been."""
        return self.wake(0)

    @abstractmethod
    def passes(self, ms: float) -> None:
        """Let time pass; what the device sends meanwhile is kept for `take_sent`."""

    @abstractmethod
    def now_ms(self) -> float:
        """Specification milliseconds since some moment."""

    @abstractmethod
    def device_us(self) -> int:
        """The device's clock."""

    # -- what the device says ------------------------------------------------------------------------------------------

    @abstractmethod
    def slot(self, ref: SlotRef) -> SlotInfo:
        """Raises DeviceError STALE_HANDLE."""

    @abstractmethod
    def limit(self, capability: str) -> int:
        """By the name of a field of Capabilities."""

    @abstractmethod
    def hits(self) -> dict[int, int]:
        """Of each pattern: its id, and how many frames it matched."""

    @abstractmethod
    def status(self) -> Status:
        """Asked after what was sent last has been dealt with."""

    @property
    def wakes(self) -> int:
        """In this test."""
        return self.status().wakes - self.wakes_before

    @abstractmethod
    def counters(self) -> dict[str, int]:
        """What was counted in this test."""

    def assert_counted(self, **wanted: int) -> None:
        """These counters grew by so much in this test; one that the device does not have says nothing."""
        counters = self.counters()
        pairs = ((name, counters[name], wanted[name]) for name in wanted if name in counters)
        wrong = "; ".join(f"{name} grew by {grew}, expected {right}" for name, grew, right in pairs if grew != right)
        assert not wrong, f"counters: {wrong}"

    def counted(self, *names: str) -> tuple[int, ...]:
        """Of these counters."""
        counters = self.counters()
        return tuple(counters.get(name, 0) for name in names)
