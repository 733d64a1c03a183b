"""The door on the wire: the device under test, its serial line, and the other end of its cable. No host, no other machine.

A device and its cable live as long as the process that tests them; each test attaches anew, which frees all that the one before
gave. That a device has dealt with a frame is known by a fence: a keep-alive for a slot of the door's own that follows it. Its
answer comes behind all that was sent for the frames before; the counters are told without it. In a sleep in which the device is
to yield the wire it is known by the count of frames: who yields answers no fence.
"""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from rig.bench import device_at
from rig.clock import REAL_MINUTE_US, WAIT_S, Deadline
from rig.config import BenchConfig
from rig.device.images import kind_of
from rig.device.link import Link
from rig.device.numbers import ARM_ALL, GROUP_OFFLOAD, READ, Arm, Command, Power, SlotFlag
from rig.device.offload import OffloadClient
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
from rig.device.process_device import died
from rig.device.tape import TapeInMemory
from rig.errors import BenchError
from rig.net.device_port import Cable
from rig.net.vlan_tag import PACKET_AUXDATA, SOL_PACKET, with_tag
from rig.readable import readable
from rig.runner.witness import Crossed
from rig.starved import Starved
from rig.suite.peer_frames import HOST_MAC, tcp
from rig.suite.standby_door import Sent, StandbyDoor, connection

SO_TIMESTAMPNS = 35
FRAME_BYTES, ANCILLARY_BYTES = 1 << 16, 128

OTHERS_SEQ = 250
"""The sequence number of what a test says on the line by itself: what answers that is no answer to a request of the link's."""

OWNER = 1
LEASE_MS = 86_400_000
"""The longest: it lasts in any scale."""
FENCE_IP, FENCE_PORT = "192.0.2.99", 9
FENCE_RCV_NXT = 7000

UNREAD_BYTES = 8000
"""A board's MAC drops what its FIFO of 10 KiB does not hold while the firmware has no time."""

FRAMES_KEPT = 1000
"""The newest that crossed the wire in a test."""

LOOK_S = 0.1
"""Between two looks whether the device lives, while its wire is silent."""

FENCE_LIMIT_S = 1.2
"""A slot answers so many keep-alives a second: a fence that is still unanswered after this was one too many, and is repeated."""


class DeviceOnWire:
    """A running device with an open control channel, and a raw socket at its port. Closed by `close`."""

    def __init__(self, config: BenchConfig) -> None:
        """Raises BenchError when it cannot run here."""
        self._stack = ExitStack()
        try:
            self._open(config)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, config: BenchConfig) -> None:
        cable = Cable(kind_of(config.device), config.nic, nic_force=config.nic_force)
        self._stack.callback(cable.close)
        self.wire = cable.wire.packet_socket(cable.port.name)
        self._stack.callback(self.wire.close)
        self.wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.wire.setblocking(False)
        self.device = self._stack.enter_context(device_at(cable.port, config))
        self.tape = TapeInMemory()
        self.link = self._stack.enter_context(
            Link(self.device.port, baudrate=config.baudrate, tape=self.tape, leaves=frozenset({OTHERS_SEQ}))
        )
        self.device.watch(lambda how, words: self.link.end(died(self.device.kind, how, words)))
        self.client = OffloadClient(self.link)
        self.client.wait_until_there()
        self.can = self.client.capabilities()

    def close(self) -> None:
        self._stack.close()


class WireDoor(StandbyDoor):
    """One test's. The device is attached to afresh."""

    def __init__(self, device: DeviceOnWire) -> None:
        """Raises BenchError when the device does not answer any more."""
        device.device.check()
        device.tape.begin()
        self._began_ns = time.time_ns()
        self.client, self._device = device.client, device.device
        self.ka_min_ms, self.ka_max_ms = device.can.ka_min_ms, device.can.ka_max_ms
        self.slots = device.can.max_tcp_slots - 1  # the fence has one
        self._wire = device.wire
        self.link = device.link
        """For bytes and requests that no client makes."""
        self.client.attach(OWNER, LEASE_MS)
        self.client.time_sync(rounds=1)  # for the tape: how late a wake was is told by the device's clock
        self.scale(REAL_MINUTE_US)
        self.client.clear_counters()
        self.wakes_before = self.client.status().wakes
        self._epoch = 0
        self._fenced = self._yields = False
        self._fences = self._answered = 0
        self.taken: set[int] = set()
        """Numbers of the events that the test asked for."""
        self._sent: deque[Sent] = deque()
        self.crossed: deque[Crossed] = deque(maxlen=FRAMES_KEPT)
        """What a failing test shows and leaves, without the fences; the device's stand where they were taken."""
        self._handed = 0
        self._fence = tcp(seq=FENCE_RCV_NXT - 1, ack=1000, sport=FENCE_PORT, dport=FENCE_PORT, l3=_from_fence(), ts=None)
        self._forget_earlier()

    def _forget_earlier(self) -> None:
        """What the tests before have left on the wire: a fence that was repeated may have two answers."""
        self._listen()
        self._sent.clear()
        self.crossed.clear()
        self._answered = 0

    @property
    def starved(self) -> Starved:
        """Of the device, see Device."""
        return self._device.starved

    # -- what the host does --------------------------------------------------------------------------------------------

    def scale(self, minute_us: int) -> None:
        self.client.set_clock_scale(minute_us)
        self.minute_us = minute_us

    def add(self, thing: TcpSlot | Pattern | ProtocolOffload) -> SlotRef | None:
        if isinstance(thing, TcpSlot):
            return self.client.add_tcp_slot(thing)
        self.client.add_pattern(thing) if isinstance(thing, Pattern) else self.client.add_offload(thing)
        return None

    def remove_pattern(self, pattern_id: int) -> None:
        self.client.remove_pattern(pattern_id)

    def prepare(self, arm: Arm = ARM_ALL, yield_ms: int = 0) -> None:
        """The fence's slot is the first, so that it is in nobody's way: it never wakes and never probes."""
        epoch = self.client.status().epoch
        self._epoch = self.client.prepare(epoch=epoch, arm=arm, mac=HOST_MAC, yield_ms=yield_ms).epoch
        self._yields = yield_ms > 0
        fence = connection(
            remote=FENCE_IP, local_port=FENCE_PORT, remote_port=FENCE_PORT, rcv_nxt=FENCE_RCV_NXT,
            flags=SlotFlag.ANSWER_PEER_KA, ka_idle_ms=self.ka_max_ms,
        )  # fmt: skip
        self.client.add_tcp_slot(fence)

    def commit(self) -> None:
        self._epoch = self.client.commit(self._epoch).epoch
        self._fenced = not self._yields  # a device that has yielded answers no fence

    def speaks_again(self) -> None:
        self._fenced = True

    def host_awake(self) -> None:
        self._settle()
        self._epoch = self.client.host_awake(self._epoch).epoch
        self._fenced = False

    def drain(self) -> list[BufferedFrame]:
        self._settle()
        frames: list[BufferedFrame] = []
        while True:
            kept = self.client.drain(0 if not frames else frames[-1].index)
            frames += kept.frames
            if not kept.more or not kept.frames:
                return frames

    def release(self) -> Release:
        self._settle()
        self._fenced = False
        self.tell_the_rest()  # which a release frees
        return self.client.release()

    # -- the wire and time ---------------------------------------------------------------------------------------------

    def send(self, *frames: bytes) -> None:
        for portion in portions(frames):
            for frame in portion:
                self.crossed.append(Crossed(time.monotonic_ns(), True, frame))
                self._wire.send(frame)
            self._handed += len(portion)
            self._settle()

    def take_sent(self) -> list[Sent]:
        self._listen()
        sent, self._sent = list(self._sent), deque()
        return sent

    def next_sent(self, within_ms: float) -> Sent:
        deadline = Deadline(self._real_s(within_ms) + WAIT_S)
        while not self._sent:
            assert not deadline.expired, f"the device sent nothing in {self._real_s(within_ms):.3f} s and {WAIT_S:.0f} s more"
            self._listen(deadline.remaining_s)
        return self._sent.popleft()

    def wake(self, within_ms: float) -> Event:
        timeout_s = self._real_s(within_ms) + WAIT_S
        try:
            reply = self.link.request(READ, GROUP_OFFLOAD, Command.EVENT_WAIT, self._after(), timeout_s=timeout_s, retries=0)
        except BenchError as error:
            self.client.hello()  # a device that is there, and slept on
            raise AssertionError(f"no wake in {timeout_s:.1f} s: {self.client.status()}") from error
        event = Event.of(reply["event"])
        self.taken.add(event.n)
        return event

    def tell_the_rest(self) -> None:
        """Has the device say, for the tape, what has woken it and the test has not asked for. An event that is there is told
        before the answer to what is asked behind it, as requests are served in their order. One that is not there any more,
        as an attach frees it, is told to nobody."""
        after = self._after()
        while True:
            waiting = self.link.submit(READ, GROUP_OFFLOAD, Command.EVENT_WAIT, after)
            missing = self.client.status().events_pending
            if not waiting.over and not missing:
                self.link.give_up(waiting, 0)
                return
            after = {"after": Event.of(waiting.result()["event"]).n}

    def passes(self, ms: float) -> None:
        deadline = Deadline(self._real_s(ms))
        while not deadline.expired:
            self._listen(deadline.remaining_s)

    def now_ms(self) -> float:
        return self._spec_ms(time.time_ns())

    def device_us(self) -> int:
        return self.client.hello().now_us

    # -- what the device says ------------------------------------------------------------------------------------------

    def slot(self, ref: SlotRef) -> SlotInfo:
        return self.client.get_tcp_slot(ref)

    def limit(self, capability: str) -> int:
        return int(getattr(self.client.capabilities(), capability))

    def hits(self) -> dict[int, int]:
        self._settle()
        return {pattern.id: pattern.hits for pattern in self.client.patterns()}

    def status(self) -> Status:
        return self.client.status()

    def counters(self) -> dict[str, int]:
        self._settle()
        counters = self.client.counters()
        limited = self._fences - self._answered
        of_fences = {"rx_total": self._fences, "rx_slot_consumed": self._fences, "ack_rate_limited": limited}
        of_fences |= dict.fromkeys(("peer_ka_answered", "tx_frames"), self._answered)
        return {name: value - of_fences.get(name, 0) for name, value in counters.items()}

    # -- of its own ----------------------------------------------------------------------------------------------------

    def _after(self) -> dict[str, int]:
        return {"after": max(self.taken, default=0)}

    def _settle(self) -> None:
        """Until the device has dealt with every frame that was sent to it."""
        if self._fenced:
            self._ask_fence()
        elif self.client.status().power is not Power.D0:
            self._await_count()

    def _ask_fence(self) -> None:
        self._listen()  # of one that was repeated both may have been answered
        deadline, answered = Deadline(WAIT_S), self._answered
        while self._answered == answered:
            assert not deadline.expired, f"the device answers no keep-alive of {FENCE_IP} any more: {self.client.status()}"
            self._wire.send(self._fence)
            self._fences += 1
            patience = Deadline(FENCE_LIMIT_S)
            while self._answered == answered and not patience.expired:
                self._listen(patience.remaining_s)

    def _await_count(self) -> None:
        """Where nothing is answered: by the counter of all frames."""
        deadline, wanted = Deadline(WAIT_S), self._handed + self._fences
        while (received := self.client.counters()["rx_total"]) < wanted:
            assert not deadline.expired, f"the device received {received} of {wanted} frames"
            deadline.pause()

    def _listen(self, wait_s: float = 0) -> None:
        """Take what the device has sent; wait for some when there is none. Raises BenchError when the device has died."""
        deadline = Deadline(wait_s)
        while wait_s and not readable(self._wire.fileno(), min(LOOK_S, deadline.remaining_s)):
            if self.link.gone is not None:
                raise self.link.gone
            if deadline.expired:
                return
        while True:
            try:
                data, ancillary, _, _ = self._wire.recvmsg(FRAME_BYTES, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            frame = with_tag(data, ancillary)
            if _is_fences(frame):
                self._answered += 1
            else:
                stamp_ns = _stamp_ns(ancillary)
                self._sent.append(Sent(self._spec_ms(stamp_ns), frame))
                self.crossed.append(Crossed(stamp_ns - time.time_ns() + time.monotonic_ns(), False, frame))

    def _real_s(self, ms: float) -> float:
        return ms / 60_000 * self.minute_us / 1e6

    def _spec_ms(self, t_ns: int) -> float:
        return (t_ns - self._began_ns) / 1000 / self.minute_us * 60_000


def portions(frames: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Of UNREAD_BYTES at most, or of one frame."""
    portion: list[bytes] = []
    for frame in frames:
        if portion and sum(map(len, portion)) + len(frame) > UNREAD_BYTES:
            yield portion
            portion = []
        portion.append(frame)
    if portion:
        yield portion


def _from_fence() -> object:
    from scapy.layers.inet import IP

    return IP(src=FENCE_IP, dst="192.0.2.1")


def _is_fences(frame: bytes) -> bool:
    return frame[30:34] == socket.inet_aton(FENCE_IP) and frame[12:14] == b"\x08\x00"


def _stamp_ns(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """CLOCK_REALTIME, as `time.time_ns`."""
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", value)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()
