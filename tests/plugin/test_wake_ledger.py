"""The wake ledger: a wake that nothing armed explains, that came late, twice or from another sleep, or that no test planned."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig.device import tape
from rig.device.numbers import (
    GROUP_OFFLOAD,
    NO_PATTERN,
    NO_SLOT,
    READ,
    WRITE,
    Command,
    EventFlag,
    OffloadRc,
    OffloadType,
    SlotFlag,
    WakeReason,
)
from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive
from rig.device.protocol_offload import ProtocolOffload
from rig.device.smp_header import message
from rig.device.tape import RECORDS_KEPT, Tape, TapeInMemory, read
from rig.device.tcp_slot import TcpSlot
from rig.inject.frames import Flow, arp_request, tcp_segment, udp_datagram
from rig.mac import mac_bytes
from rig.net.capture import CapturedFrame
from rig.runner.wakes.armed import Replay
from rig.runner.wakes.judge import Judged, judged
from rig.runner.wakes.ledger import BENCH, ROWS, close
from rig.runner.wakes.planned import Test, how
from rig.starved import OWN_PROCESSOR, Starved
from rig.timeline import Timeline

HOST_MAC, PEER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
TO_HOST = Flow(PEER_MAC, HOST_MAC, "192.0.2.2", "192.0.2.1", 443, 40_000)
SLOT = TcpSlot(
    local="192.0.2.1", remote="192.0.2.2", local_port=40_000, remote_port=443, local_mac=mac_bytes(HOST_MAC),
    next_hop_mac=mac_bytes(PEER_MAC), snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=65535, max_snd_wnd=65535, rcv_nxt=5000,
    rcv_wnd=8192, rcv_wup=5000,
)  # fmt: skip
DATA = tcp_segment(TO_HOST, 5000, 1000, "PA", b"hi")
PORT_5353 = Pattern.bitmap(7, b"\x14\xe9", offset=36)


CALL_NS = 10_000
"""How long anything takes."""


class Time:
    """The tests' own: no machine that stalls makes a wake late."""

    def __init__(self) -> None:
        self._now_ns = 1_000_000_000

    def passes(self, ms: float) -> None:
        self._now_ns += round(ms * 1e6)

    def now_ns(self) -> int:
        self._now_ns += CALL_NS
        return self._now_ns


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    own = Time()
    monkeypatch.setattr("time.monotonic_ns", own.now_ns)
    return own


class Line:
    """A control channel with a device that says what a test wants, and its cable."""

    def __init__(self, path: Path, kept: Tape | None = None) -> None:
        self.path = path
        self.frames: list[CapturedFrame] = []
        self._tape = kept or Tape(path)
        self._seq = 0
        self._epoch = 2
        self._events = 0
        self._start_ns = time.monotonic_ns()

    def ask(self, command: Command, body: Mapping[str, Any], reply: Mapping[str, Any] | None, *, op: int = WRITE) -> None:
        self._seq = (self._seq + 1) % 256
        for said, answer, what in ((self._tape.asked, 0, body), (self._tape.answered, 1, reply)):
            if what is not None:
                said(message(op | answer, GROUP_OFFLOAD, self._seq, command, what))

    @property
    def now_us(self) -> int:
        return (time.monotonic_ns() - self._start_ns) // 1000

    def sleep(
        self,
        slot: TcpSlot | None = SLOT,
        *patterns: Pattern,
        arm: int = 7,
        wake_timer_ms: int = 0,
        yield_ms: int = 0,
        refused: bool = False,
        unanswered: bool = False,
    ) -> None:
        """`refused`: commit is, as a wake is pending: the host sleeps until it hears of it. `unanswered`: its reply is lost."""
        for pattern in patterns:
            self.ask(Command.ADD_PATTERN, pattern.wire(), {})
        now_us = self.now_us
        self.ask(Command.TIME_SYNC, {"t1_ns": 0}, {"t1_ns": 0, "t2_us": now_us, "t3_us": now_us}, op=READ)
        self._epoch += 2
        mac = mac_bytes(HOST_MAC)
        prepare = {"arm": arm, "mac": mac, "epoch": self._epoch - 2, "target": 3, "wake_timer_ms": wake_timer_ms}
        prepare |= {"yield_ms": yield_ms} if yield_ms else {}
        self.ask(Command.PREPARE, prepare, {"epoch": self._epoch - 1, "power": 1, "captured": 0})
        if slot is not None:
            self.ask(Command.ADD_TCP_SLOT, slot.wire(), {"gen": 1, "slot": 0})
        good = {"epoch": self._epoch, "power": 3, "captured": 0}
        self._epoch -= refused
        reply = {"err": {"group": GROUP_OFFLOAD, "rc": OffloadRc.WAKE_PENDING}} if refused else None if unanswered else good
        self.ask(Command.COMMIT, {"epoch": good["epoch"] - 1}, reply)

    def comes(self, frame: bytes) -> None:
        self.frames.append(CapturedFrame(time.monotonic_ns(), frame))

    def wake(
        self,
        reason: WakeReason,
        frame: bytes = b"",
        *,
        pattern: int = NO_PATTERN,
        late_ms: int = 0,
        epoch: int | None = None,
        saved_bytes: int = 0,
        decided_ns: int | None = None,
        l2_flags: int = 0,
    ) -> None:
        """By slot 0, unless a pattern is named. `saved_bytes`: of a frame that does not come with the event."""
        self._events += 1
        now_us = self.now_us if decided_ns is None else (decided_ns - self._start_ns) // 1000
        now_us, size = now_us + late_ms * 1000, len(frame) or saved_bytes
        slot, gen = (0, 1) if pattern == NO_PATTERN else (NO_SLOT, 0)
        at = self._epoch if epoch is None else epoch
        numbers = [self._events, 1, slot, gen, at, int(reason), 0, l2_flags, self._events, pattern]
        self.ask(Command.EVENT_WAIT, {}, {"event": [*numbers, now_us, now_us, size, size, frame]}, op=READ)

    def ledger(self) -> list[Judged]:
        return judged(Replay().run(read(self.path)), self.frames)

    def faults(self) -> list[str]:
        return [row.fault for row in self.ledger()]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / "line.tape")


def test_data_of_a_slot_explains_its_wake(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    [row] = line.ledger()
    assert row.fault == ""
    assert row.late_ms is not None
    assert row.late_ms < (line.now_us + 999) / 1000, "both are of one clock"
    assert row.wake.frame == DATA


@pytest.mark.parametrize(("yield_ms", "fault"), [(0, "its l2_flags say YIELDED, and prepare had no yield_ms"), (4000, "")])
def test_a_device_that_says_that_it_yields_was_asked_to(line: Line, yield_ms: int, fault: str) -> None:
    line.sleep(yield_ms=yield_ms)
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA, l2_flags=EventFlag.YIELDED)
    [said] = line.faults()
    assert said.startswith(fault)
    assert bool(said) == bool(fault)


@pytest.mark.parametrize(("filled", "good"), [(b"\0" * 4, True), (b"\0" * 3 + b"x", False)], ids=["zeros", "anything else"])
def test_a_short_frame_is_filled_up_on_its_way_to_the_device(line: Line, filled: bytes, good: bool) -> None:
    short = DATA[:56]
    line.sleep()
    line.comes(short)
    line.wake(WakeReason.TCP_DATA, short + filled)
    assert (line.faults() == [""]) is good


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (tcp_segment(TO_HOST, 5000, 1000, "A"), "no data and no FIN"),
        (tcp_segment(TO_HOST, 4999, 1000, "A", b"x"), "ends at sequence number 5000, RCV.NXT is 5000"),
        (tcp_segment(TO_HOST.with_ports(src_port=444), 5000, 1000, "PA", b"hi"), "source port 444, the slot's 443"),
        (tcp_segment(TO_HOST, 5000, 1000, "R"), "it is a RST"),
        (DATA[:50] + bytes([DATA[50] ^ 1]) + DATA[51:], "broken, a device drops it and counts rx_bad_l4_csum"),
        (udp_datagram(TO_HOST, b"hi"), "no TCP segment"),
    ],
    ids=["pure ACK", "old byte", "another port", "RST", "checksum", "UDP"],
)
def test_a_frame_that_is_no_news_of_the_slot_does_not(line: Line, frame: bytes, words: str) -> None:
    line.sleep()
    line.comes(frame)
    line.wake(WakeReason.TCP_DATA, frame)
    assert words in line.faults()[0]


def test_a_slot_wakes_for_what_its_flags_and_arm_say(line: Line) -> None:
    line.sleep(replace(SLOT, flags=SlotFlag.WAKE_ON_FIN))
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    line.sleep(SLOT, arm=2)
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    flags, arm = line.faults()
    assert "no flag WAKE_ON_DATA" in flags
    assert "did not arm TCP slots" in arm


def test_a_reset_wakes_at_rcv_nxt_alone(line: Line) -> None:
    for seq in (5000, 5001):
        line.sleep()
        frame = tcp_segment(TO_HOST, seq, 0, "R")
        line.comes(frame)
        line.wake(WakeReason.TCP_RST, frame)
    exact, inside = line.faults()
    assert exact == ""
    assert "SEG.SEQ 5001 is not RCV.NXT 5000 (RFC 5961 3.2" in inside


def test_a_near_miss_of_a_pattern_names_the_byte(line: Line) -> None:
    good, bad = (udp_datagram(TO_HOST.with_ports(dst_port=port), b"x" * 20) for port in (5353, 5352))
    line.sleep(None, PORT_5353)
    line.comes(good)
    line.wake(WakeReason.PACKET, good, pattern=7)
    line.sleep(None)
    line.comes(bad)
    line.wake(WakeReason.PACKET, bad, pattern=7)
    right, wrong = line.faults()
    assert right == ""
    assert "byte 37 of the frame is 0xe8, byte 1 of the pattern 0xe9" in wrong


SHORT = udp_datagram(TO_HOST.with_ports(dst_port=5353), b"hi")
"""44 bytes, and padding to 60."""
IN_PADDING = replace(Pattern.bitmap(9, b"hi\0", offset=42), priority=1)


def test_a_pattern_that_ends_in_the_padding_is_no_reason(line: Line) -> None:
    line.sleep(None, IN_PADDING)
    line.comes(SHORT)
    line.wake(WakeReason.PACKET, SHORT, pattern=9)
    assert "the packet ends at byte 44, the pattern at 45" in line.faults()[0]


def test_nor_does_it_come_before_one_that_matches(line: Line) -> None:
    line.sleep(None, PORT_5353, IN_PADDING)
    line.comes(SHORT)
    line.wake(WakeReason.PACKET, SHORT, pattern=7)
    assert line.faults() == [""]


def test_the_padding_of_an_arp_frame_is_no_packet_either(line: Line) -> None:
    asks = arp_request(TO_HOST)
    line.sleep(None, Pattern.bitmap(7, bytes([1, 0]), offset=41))
    line.comes(asks)
    line.wake(WakeReason.PACKET, asks, pattern=7)
    assert "the packet ends at byte 42" in line.faults()[0]


def test_of_several_patterns_the_highest_priority_is_named(line: Line) -> None:
    frame = udp_datagram(TO_HOST.with_ports(dst_port=5353), b"x" * 20)
    line.sleep(None, PORT_5353, replace(PORT_5353, id=9, priority=1))
    line.comes(frame)
    line.wake(WakeReason.PACKET, frame, pattern=7)
    assert "pattern 9" in line.faults()[0]
    assert "comes before it" in line.faults()[0]


def test_a_pattern_that_was_taken_away_is_no_reason(line: Line) -> None:
    line.sleep(None, PORT_5353)
    line.ask(Command.REMOVE_PATTERN, {"id": 7}, {})
    frame = udp_datagram(TO_HOST.with_ports(dst_port=5353), b"x" * 20)
    line.comes(frame)
    line.wake(WakeReason.PACKET, frame, pattern=7)
    assert line.faults() == ["the host has given no pattern 7; those that it has: none"]


def test_a_second_wake_of_one_sleep(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    assert line.faults()[0] == ""
    assert "second of one sleep, after TCP_DATA" in line.faults()[1]


def test_a_wake_that_is_late_by_the_devices_clock(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA, late_ms=500)
    assert line.faults()[0].startswith("late: the device decided 5")

    def fault(starved: Starved) -> str:
        return judged(Replay().run(read(line.path)), line.frames, starved=starved)[0].fault

    assert fault(Starved(300.0)) == "", "its process waited for a processor"
    assert fault(Starved(10.0, {0: 0.0, 1: 300.0})) == "", "it stood with one that was stolen"
    why = fault(Starved(10.0, {0: 100.0, 1: 100.0}))
    waited, stolen = "its process waited 10 ms for a processor", "a hypervisor kept one from this machine for 100 ms"
    assert f"360 ms are allowed here, as {waited} (at most 750 count) and {stolen} (" in why
    assert fault(Starved()).endswith("5 ms; 250 ms are allowed here)")


def test_no_machine_is_so_slow_that_any_wake_is_in_time(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA, late_ms=2600)
    row = judged(Replay().run(read(line.path)), line.frames, starved=Starved(60_000.0, {0: 60_000.0}))[0]
    assert "2500 ms are allowed here" in row.fault


def test_a_keep_alive_that_gave_up_before_its_time_or_long_behind_it(line: Line, clock: Time) -> None:
    """Idle once, `ka_cnt` probes an interval apart: by the numbers of the slot, and by its last probe on the cable."""
    probe = tcp_segment(Flow(HOST_MAC, PEER_MAC, "192.0.2.1", "192.0.2.2", 40_000, 443), 999, 5000, "A")
    long, short = (replace(SLOT, ka_idle_ms=ms, ka_intvl_ms=ms, ka_cnt=1) for ms in (60_000, 1))
    line.sleep(long)
    line.wake(WakeReason.KA_TIMEOUT)
    for late_ms in (0, 600):
        line.sleep(short)
        line.comes(probe)
        clock.passes(2)
        line.wake(WakeReason.KA_TIMEOUT, late_ms=late_ms, decided_ns=line.frames[-1].t_ns)
    early, right, late = line.faults()
    assert early.startswith("too early by ")
    assert right == ""
    assert late.startswith("late: the device decided ")


def test_tokens_that_were_used_up_before_their_time(line: Line, clock: Time) -> None:
    """One payload an idle time, the first after the first one; a slot with none has nothing to use up."""
    slow, quick = (replace(SLOT, ka_idle_ms=ms, payload=PayloadKeepAlive.websocket_ping(bytes(8))) for ms in (20_000, 1))
    for slot in (slow, replace(slow, payload=PayloadKeepAlive(data=b"x")), SLOT, quick):
        line.sleep(slot)
        clock.passes(4)
        line.wake(WakeReason.NO_MORE_TOKENS)
    early, owed, none, right = line.faults()
    assert early.startswith("too early by 59")
    assert "tokens for 2 payloads 20000.0 ms apart, the first after 20000.0 ms" in early
    assert "tokens for 16384 payloads" in owed, "more than that no device needs to owe"
    assert "no payload keep-alive" in none
    assert right == ""


LEASE = ProtocolOffload(
    id=9, type=OffloadType.DHCP, ip="192.0.2.1", mac=mac_bytes(HOST_MAC), remote="192.0.2.2", next_hop_mac=mac_bytes(PEER_MAC),
    xid=1, lease_s=60,
)  # fmt: skip


def test_a_lease_that_ended_before_its_time_or_long_behind_it(line: Line) -> None:
    """But where a server has answered: with what, is not looked at."""
    ack = udp_datagram(TO_HOST.with_ports(src_port=67, dst_port=68), bytes(236) + bytes.fromhex("63825363") + b"\x35\x01\x05")
    request = udp_datagram(Flow(HOST_MAC, PEER_MAC, "192.0.2.1", "192.0.2.2", 68, 67), ack[42:])
    words = []
    for lease_s, elapsed_s, late_ms, frames in (
        (60, 0, 0, [request]), (60, 60, 0, [request]), (60, 60, 900, [request]), (60, 60, 900, [ack]), (0xFFFF_FFFF, 60, 0, []),
    ):  # fmt: skip
        lease = replace(LEASE, lease_s=lease_s, elapsed_ms=elapsed_s * 1000)
        line.ask(Command.ADD_OFFLOAD, lease.wire(), {})
        line.sleep(None)
        for frame in frames:
            line.comes(frame)
        line.wake(WakeReason.DHCP_EXPIRED, late_ms=late_ms)
        words.append(line.faults()[-1])
    early, right, late, answered, endless = words
    assert early.startswith("too early by 59")
    assert right == answered == ""
    assert late.startswith("late: the device decided ")
    assert "after the lease was over" in late
    assert endless == "the lease has no end (RFC 2131 3.3)"


def test_of_a_lease_nothing_is_said_where_frames_are_missing(line: Line) -> None:
    line.ask(Command.ADD_OFFLOAD, LEASE.wire(), {})
    line.sleep(None)
    line.wake(WakeReason.DHCP_EXPIRED)
    wakes = Replay().run(read(line.path))
    assert [row.fault for row in judged(wakes, line.frames, whole=False)] == [""]
    assert judged(wakes, line.frames)[0].fault != ""


@pytest.mark.parametrize("command", [Command.UPDATE_TCP_SLOT, Command.PAUSE_TCP_SLOT, Command.SET_CLOCK_SCALE])
def test_of_intervals_that_changed_while_they_ran_nothing_is_said(line: Line, command: Command) -> None:
    line.sleep(replace(SLOT, ka_idle_ms=60_000))
    line.ask(command, {"slot": 0, "gen": 1, "minute_us": 60_000_000}, {})
    line.wake(WakeReason.KA_TIMEOUT)
    assert line.faults() == [""]


def test_a_timer_that_ran_out_long_ago(line: Line, clock: Time) -> None:
    for late_ms in (0, 10_000):
        before_ns = time.monotonic_ns()
        line.sleep(wake_timer_ms=1)
        clock.passes(2)
        line.wake(WakeReason.HOST_TIMER, late_ms=late_ms, decided_ns=before_ns)
    right, late = line.faults()
    assert right == ""
    assert late.startswith("late: the device decided ")


@pytest.mark.parametrize(("timer_ms", "minute_us"), [(600, 60_000), (1_000, 60_000_000)], ids=["faster", "slower"])
def test_a_timer_that_ran_when_the_clock_scale_changed(line: Line, clock: Time, timer_ms: int, minute_us: int) -> None:
    """It keeps the scale of commit, so by the new one it is late, or early."""
    line.ask(Command.SET_CLOCK_SCALE, {"minute_us": 60_060_000 - minute_us}, {})
    line.sleep(wake_timer_ms=timer_ms)
    line.ask(Command.SET_CLOCK_SCALE, {"minute_us": minute_us}, {})
    clock.passes(2)
    line.wake(WakeReason.HOST_TIMER, late_ms=600 if minute_us == 60_000 else 0)
    assert line.faults() == [""]


def test_a_frame_of_the_sleep_before_or_of_none(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    line.ask(Command.RELEASE, {}, {"epoch": 5, "slots": []})
    line.frames = [replace_time(line.frames[0], -10_000_000)]
    line.sleep()
    line.wake(WakeReason.TCP_DATA, DATA)
    line.sleep()
    line.wake(WakeReason.TCP_DATA, tcp_segment(TO_HOST, 5000, 1000, "PA", b"never sent"))
    assert "was not on the wire in this sleep" in line.faults()[1]
    assert line.faults()[2] == "no such frame was on the wire in this sleep"


def test_a_frame_that_was_changed_on_its_way_through_the_device(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA[:20] + b"\x99" + DATA[21:])
    assert f"byte 20 is 0x99, was 0x{DATA[20]:02x}" in line.faults()[0]


def test_an_epoch_of_another_sleep(line: Line) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA, epoch=2)
    assert "its epoch is 2, that of this sleep 4" in line.faults()[0]


def test_what_was_not_answered_makes_no_faults(line: Line) -> None:
    """The device may have done it or not."""
    line.sleep(None)
    line._tape.asked(message(WRITE, GROUP_OFFLOAD, 200, Command.ADD_TCP_SLOT, SLOT.wire()))
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    assert line.faults() == [""]


def test_the_frames_that_were_kept_come_whole_and_in_order(line: Line) -> None:
    def drained(*indices: int) -> None:
        rows = [[index, 0, len(DATA), int(index == 1), NO_PATTERN, DATA] for index in indices]
        line.ask(Command.DRAIN, {"ack": 0, "max_bytes": 3600}, {"lost": 0, "more": False, "frames": rows}, op=READ)

    for indices in ((1, 2, 3), (1, 3, 2), (2,), ()):
        line.sleep()
        line.comes(DATA)
        line.wake(WakeReason.TCP_DATA, saved_bytes=len(DATA))
        drained(*indices)
    right, disordered, lost, none = line.faults()
    assert right == ""
    assert "in the order [1, 3, 2]" in disordered
    assert f"its frame is lost: {len(DATA)} bytes saved says the event, drain hands over [2]" in lost
    assert "drain hands over []" in none


def test_a_tape_ends_where_a_device_floods_it_and_the_ledger_says_so(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tape, "MOST_BYTES", 4096)
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    assert not tape.is_cut(line.path)
    while not tape.is_cut(line.path):
        line.sleep()
    size_bytes = line.path.stat().st_size
    line.sleep()
    assert line.path.stat().st_size == size_bytes < 4096 + 1000
    bench: Any = SimpleNamespace(
        artefacts=tmp_path,
        capture=SimpleNamespace(frames=lambda port: line.frames, is_whole=True),
        microcontroller=SimpleNamespace(starved=OWN_PROCESSOR),
        network=SimpleNamespace(device_port=""),
        timeline=SimpleNamespace(records=tuple, looked_at=()),
        inject=SimpleNamespace(has_sent=lambda frame: True),
    )
    item: Any = SimpleNamespace(stash=pytest.Stash(), iter_markers=lambda name: ())
    item.stash[BENCH] = bench
    assert close(item) == ""
    wake, cut = item.stash[ROWS]
    assert wake["reason"] == "TCP_DATA"
    assert cut == {
        "reason": "NOT_JUDGED",
        "planned": "what was said after the first 0 MiB of the control channel is not kept",
        "fault": "",
    }


def test_of_a_tape_whose_beginning_is_gone_nothing_is_made_up() -> None:
    """What the device held is not known before it is attached to."""
    kept = TapeInMemory()
    line = Line(Path(), kept)
    line.sleep()
    line.ask(Command.HELLO, {}, {"boot_id": 7}, op=READ)
    for _ in range(RECORDS_KEPT):
        line.ask(Command.DRAIN, {"ack": 0, "max_bytes": 3600}, {"lost": 0, "more": False, "frames": []}, op=READ)
    line.comes(DATA)
    line.ask(Command.HELLO, {}, {"boot_id": 7}, op=READ)
    line.wake(WakeReason.TCP_DATA, DATA)
    line.ask(Command.HELLO, {"owner": 1}, {"boot_id": 7})
    line.wake(WakeReason.TCP_DATA, DATA)
    assert kept.is_cut
    first, second = (row.fault for row in judged(Replay(begun=False).run(kept.said()), line.frames))
    assert first == ""
    assert second.startswith("the host was never asleep")


def test_planned_is_what_a_test_made_or_looked_at_or_said(line: Line, tmp_path: Path) -> None:
    line.sleep()
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    [row] = line.ledger()
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("NIC_WAKE", reason="TCP_DATA")

    def plan(*, injected: bool = False, reasons: frozenset[str] | None = None) -> str:
        return how(row.wake, Test(timeline.records(), timeline.looked_at, lambda _: injected, reasons))

    assert plan() == ""
    assert plan(reasons=frozenset({"TCP_FIN"})) == ""
    assert plan(reasons=frozenset({"TCP_DATA"})) == plan(reasons=frozenset()) == "the mark wakes"
    assert plan(injected=True) == "the test injected the frame"
    timeline.wait("NIC_WAKE")
    assert plan() == "the test looked at NIC_WAKE"
    timeline.close()


@pytest.mark.parametrize("commit", [{}, {"refused": True}, {"unanswered": True}], ids=["answered", "refused", "unanswered"])
@pytest.mark.parametrize(
    ("epochs", "planned"),
    [([0], True), ([2], False), ([0, 2], False), ([0, 0], False)],
    ids=["its own sleep", "the next", "both", "of a device that has restarted"],
)
def test_what_comes_behind_a_wake_ends_with_the_next_sleep(
    line: Line, tmp_path: Path, commit: dict[str, Any], epochs: list[int], planned: bool
) -> None:
    """A wake that comes at once is heard before its own sleep stands on the timeline. `epochs`: of the sleeps that are written
    down then, from its own on."""
    line.sleep(**commit)
    line.comes(DATA)
    line.wake(WakeReason.TCP_DATA, DATA)
    [row] = line.ledger()
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("HTTP_REQUEST")
    for epoch in epochs:
        timeline.add("SLEEP_ENTER", connections=1, epoch=row.wake.event.epoch + epoch)
    timeline.add("push-task")
    timeline.wait("push-task")
    found = how(row.wake, Test(timeline.records(), timeline.looked_at, lambda _: False, None))
    assert found == ("the test looked at push-task" if planned else "")
    timeline.close()


def test_behind_its_own_sleep_each_other_one_is_the_next(line: Line, tmp_path: Path) -> None:
    """That of a device which has restarted since has the same epoch."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    line.sleep()
    line.comes(DATA)
    timeline.add("SLEEP_ENTER", connections=1, epoch=4)
    line.wake(WakeReason.TCP_DATA, DATA)
    [row] = line.ledger()
    assert row.wake.event.epoch == 4
    for event in ("DEVICE_RESTARTED", "SLEEP_ENTER", "push-task"):
        timeline.add(event, epoch=4)
    timeline.wait("push-task")
    assert how(row.wake, Test(timeline.records(), timeline.looked_at, lambda _: False, None)) == ""
    timeline.close()


@pytest.mark.parametrize(("port", "planned"), [(443, "PEER_CLOSED of the test's own server"), (444, "")], ids=["it", "another"])
def test_the_fin_of_a_server_that_was_closed_before_the_host_fell_asleep_is_planned(
    line: Line, tmp_path: Path, port: int, planned: str
) -> None:
    """Its kernel sends it, again and again, when it can: whoever sleeps by then."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("PEER_CLOSED", address="192.0.2.2", port=port)
    line.sleep()
    fin = tcp_segment(TO_HOST, 5000, 1000, "FA")
    line.comes(fin)
    line.wake(WakeReason.TCP_FIN, fin)
    [row] = line.ledger()
    assert row.fault == ""
    assert how(row.wake, Test(timeline.records(), timeline.looked_at, lambda _: False, None)) == planned
    timeline.close()


def replace_time(frame: CapturedFrame, by_ns: int) -> CapturedFrame:
    return frame._replace(t_ns=frame.t_ns + by_ns)
