"""The offload group over the serial line of a native device whose wire is a socket pair: every message both ways."""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from rig.clock import Deadline
from rig.device.factory import emulated
from rig.device.link import Link
from rig.device.numbers import NO_PATTERN, FrameFlag, Owner, PatternType, Power, SlotFlag, SlotState, WakeReason
from rig.device.offload import OffloadClient
from rig.device.offload_types import Event, Pattern, ProtocolOffload, SlotRef, TcpSlot
from rig.device.prepared import prepared_flash
from rig.errors import DeviceError
from tests.engine import engine_lib as lib
from tests.engine.packets import arp, parse_tcp, tcp, udp

TIMEOUT_S = 5
SLOT = TcpSlot(
    local=lib.HOST_IP, remote=lib.PEER_IP, local_port=lib.HOST_PORT, remote_port=lib.PEER_PORT, local_mac=lib.HOST_MAC,
    next_hop_mac=lib.PEER_MAC, snd_una=1000, snd_nxt=1000, snd_wl1=5000, snd_wnd=65535, max_snd_wnd=65535, rcv_nxt=5000,
    rcv_wnd=8192, rcv_wup=5000,
)  # fmt: skip


class Bench:
    """A client, the wire's other end, and the events as they come."""

    def __init__(self, link: Link, wire: socket.socket) -> None:
        self.client = OffloadClient(link)
        self.wire = wire
        self.events: queue.Queue[Event] = queue.Queue()
        self.client.attach(1)
        link.start_events(lambda body: self.events.put(Event.of(body)))

    def sleep(self) -> None:
        reply = self.client.prepare(epoch=self.client.status().epoch, arm=lib.ARM_ALL, mac=lib.HOST_MAC)
        assert (reply.power, reply.captured) == (Power.PREPARED, 0)
        assert self.client.commit(reply.epoch).power == Power.D3


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A native device in D0, attached. Function scope."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(TIMEOUT_S)
    device = emulated("native", eth=theirs, flash=prepared_flash("native"))
    with ours, theirs, device, Link(device.port) as link:
        yield Bench(link, ours)


def test_a_whole_sleep(bench: Bench) -> None:
    client = bench.client
    ref = client.add_tcp_slot(SLOT)
    client.add_offload(ProtocolOffload(id=1, ip=lib.HOST_IP, mac=lib.HOST_MAC))
    bench.sleep()
    bench.wire.send(arp())
    assert len(bench.wire.recv(2000)) == 60
    bench.wire.send(tcp("A", seq=4999))
    assert parse_tcp(bench.wire.recv(2000))[1].ack == 5000
    assert client.get_tcp_slot(ref).peer_ka_answered == 1
    push = tcp("PA", payload=b"p" * 1460)
    bench.wire.send(push)
    event = bench.events.get(timeout=TIMEOUT_S)
    assert (event.reason, event.slot_ref, event.pattern_id) == (WakeReason.TCP_DATA, ref, NO_PATTERN)
    assert (event.saved_bytes, event.original_bytes) == (1514, 1514)
    assert client.host_awake(event.epoch).power == Power.AWAKE
    drain = client.drain(0)
    assert [(f.index, f.flags, f.data) for f in drain.frames] == [(1, FrameFlag.WAKE, push)]
    (state,) = client.release().slots
    assert (state.ref, state.state, state.rcv_nxt, state.peer_ka_answered) == (ref, SlotState.WOKEN, 5000, 1)
    assert (client.slots(), [o.answered for o in client.offloads()]) == ((), [1])
    counters = client.counters()
    assert counters["rx_total"] == sum(counters[r] for r in lib.REASONS) == 3


def test_a_full_buffer_is_drained_in_order_within_the_bounds_asked_for(bench: Bench) -> None:
    client = bench.client
    client.add_pattern(Pattern.bitmap(5, b"\x00\x00", offset=42))
    bench.sleep()
    frames = [udp(i.to_bytes(2, "big") * 700) for i in range(40)]
    for frame in frames:
        bench.wire.send(frame)
    assert bench.events.get(timeout=TIMEOUT_S).pattern_id == 5
    client.host_awake(client.status().epoch)
    seen: list[bytes] = []
    ack, more = 0, True
    while more:
        drain = client.drain(ack, max_bytes=3000)
        assert sum(len(f.data) for f in drain.frames) <= 3000
        seen += [f.data for f in drain.frames]
        ack, more = drain.frames[-1].index, drain.more
    assert (seen, drain.lost) == (frames[:33], 7)
    assert len(client.drain(ack - 1, max_bytes=0).frames) == 1
    assert client.drain(ack).frames == ()


@pytest.mark.parametrize(
    ("pattern", "rc"),
    [
        (Pattern.bitmap(1, bytes(129)), lib.BAD_LEN),
        (Pattern(id=1, type=Pattern.magic(1).type, data=b"1"), lib.BAD_LEN),
        (Pattern(id=1, type=Pattern.bitmap(1, b"x").type), lib.BAD_LEN),
    ],
)
def test_refusals_carry_their_code(bench: Bench, pattern: Pattern, rc: int) -> None:
    with pytest.raises(DeviceError) as refused:
        bench.client.add_pattern(pattern)
    assert refused.value.rc == rc
    with pytest.raises(DeviceError) as refused:
        bench.client.get_tcp_slot(SlotRef(3, 0))
    assert refused.value.rc == lib.STALE_HANDLE


def test_as_much_of_everything_as_fits(bench: Bench) -> None:
    """The longest lists go into one message."""
    for i in range(16):
        bench.client.add_tcp_slot(TcpSlot(**{**vars(SLOT), "local_port": 65520 + i, "snd_una": 2**32 - 1, "snd_nxt": 2**32 - 1}))
        bench.client.add_offload(ProtocolOffload(id=2**32 - 1 - i, ip=lib.HOST_IP, mac=lib.HOST_MAC))
    for i in range(32):
        bench.client.add_pattern(Pattern.bitmap(2**32 - 2 - i, bytes(128), offset=1514))
    assert [len(x) for x in (bench.client.slots(), bench.client.patterns(), bench.client.offloads())] == [16, 32, 16]
    assert bench.client.slots()[15].snd_una == 2**32 - 1
    assert bench.client.attach(1).freed_slots == 16


def test_programs_and_payload_patterns_cross_the_line(bench: Bench) -> None:
    client = bench.client
    ref = client.add_tcp_slot(SLOT)
    client.add_pattern(Pattern.filter(1, "udp port 5000"))
    client.add_pattern(Pattern.payload(2, ref, b"GO", offset=1))
    for refused, rc in [
        (Pattern.payload(3, SlotRef(ref.slot, ref.gen + 1), b"GO"), lib.STALE_HANDLE),
        (Pattern(id=3, type=PatternType.PROGRAM, prog=bytes(65 * 8)), lib.BAD_LEN),
        (Pattern(id=3, type=PatternType.PROGRAM), lib.BAD_LEN),
        (Pattern.link(3, up=False), lib.UNSUPPORTED),
    ]:
        with pytest.raises(DeviceError) as error:
            client.add_pattern(refused)
        assert error.value.rc == rc
    assert [p.id for p in client.patterns()] == [1, 2]
    bench.sleep()
    bench.wire.send(tcp("PA", payload=b"NO"))
    bench.wire.send(udp(dport=5001))
    bench.wire.send(tcp("PA", payload=b"-GO"))
    event = bench.events.get(timeout=TIMEOUT_S)
    assert (event.reason, event.slot_ref, event.pattern_id) == (WakeReason.TCP_DATA, ref, 2)
    assert client.counters()["tcp_data_unmatched"] == 1


def test_pause_resume_and_update_cross_the_line(bench: Bench) -> None:
    client = bench.client
    ref = client.add_tcp_slot(TcpSlot(**{**vars(SLOT), "next_hop_ip": lib.PEER_IP, "owner": 9}))
    bench.sleep()
    client.pause_tcp_slot(ref)
    bench.wire.send(tcp("A", seq=4999))
    assert (client.slots()[0].state, client.slots()[0].owner) == (SlotState.PAUSED, 9)
    client.update_tcp_slot(ref, ka_idle_ms=86_400_000, ka_intvl_ms=10, next_hop_mac=lib.HOST_MAC, next_hop_ip="192.0.2.9")
    client.resume_tcp_slot(ref)
    assert client.get_tcp_slot(ref).next_ka_due_ms > 86_300_000
    bench.wire.send(tcp("A", seq=4999))
    assert bench.wire.recv(2000)[:6] == lib.HOST_MAC
    assert client.get_tcp_slot(ref).next_hop_mac == lib.HOST_MAC
    calls: list[tuple[Callable[[], object], int]] = [
        (lambda: client.resume_tcp_slot(ref), lib.BAD_STATE),
        (lambda: client.pause_tcp_slot(SlotRef(ref.slot, ref.gen + 1)), lib.STALE_HANDLE),
        (lambda: client.update_tcp_slot(ref), lib.BAD_ARG),
        (lambda: client.update_tcp_slot(ref, ka_idle_ms=60_000, next_hop_ip="2001:db8::1"), lib.BAD_ADDR),
    ]
    for call, rc in calls:
        with pytest.raises(DeviceError) as refused:
            call()
        assert refused.value.rc == rc
    assert client.get_tcp_slot(ref).next_ka_due_ms > 86_300_000


def test_a_next_hop_that_moved_is_told_with_host_awake(bench: Bench) -> None:
    """And not before anything has moved: an old rig gets the map it knows."""
    client, moved = bench.client, bytes.fromhex("0200000000aa")
    for moves in (0, 1):
        client.add_tcp_slot(TcpSlot(**{**vars(SLOT), "next_hop_ip": lib.PEER_IP, "flags": SlotFlag.LEARN_NEXT_HOP}))
        bench.sleep()
        if moves:
            bench.wire.send(arp(op=2, spa=lib.PEER_IP, tpa=lib.PEER_IP, sha=moved))
        assert client.host_awake(client.status().epoch).moved == moves
        (state,) = client.release().slots
        assert (state.next_hop_moves, state.next_hop_mac) == (moves, moved if moves else lib.PEER_MAC)


LEASE_S = 100


def lease_left_ms(bench: Bench, *, above: int) -> int:
    """What is left, after it was seen to run: a renewal that changed nothing could not be told."""
    deadline = Deadline(TIMEOUT_S)
    while (left := bench.client.status().lease_left_ms) > above:
        assert not deadline.expired, "the lease does not run"
    return left


@pytest.mark.edge(98)
def test_what_changes_something_renews_the_lease_and_looking_does_not(bench: Bench) -> None:
    client = bench.client
    client.attach(7, LEASE_S * 1000)
    assert client.status().owner_id == 7
    ref = client.add_tcp_slot(SLOT)
    full = LEASE_S * 1000
    before = lease_left_ms(bench, above=full - 50)
    for look in (client.hello, client.capabilities, client.slots, client.patterns, client.offloads, client.counters, client.log):
        look()
    client.drain(0)
    client.get_tcp_slot(ref)
    assert client.status().lease_left_ms <= before
    for refused in (lambda: client.commit(0), lambda: client.remove_pattern(5), lambda: client.update_tcp_slot(ref)):
        with pytest.raises(DeviceError):
            refused()
    assert client.status().lease_left_ms <= before
    changes: list[Callable[[], object]] = [
        lambda: client.update_tcp_slot(ref, ka_idle_ms=60_000),
        lambda: client.pause_tcp_slot(ref),
        lambda: client.add_pattern(Pattern.magic(1)),
        lambda: client.prepare(epoch=client.status().epoch, arm=1, mac=lib.HOST_MAC),
        lambda: client.commit(client.status().epoch),
        lambda: client.host_awake(client.status().epoch),
        client.release,
    ]
    for change in changes:
        lease_left_ms(bench, above=full - 50)
        began_s = time.monotonic()
        change()
        left = client.status().lease_left_ms
        assert left >= full - (time.monotonic() - began_s) * 1000 - 1


@pytest.mark.edge(98)
def test_after_the_lease_every_change_is_refused_until_attach(bench: Bench) -> None:
    client = bench.client
    client.attach(1, LEASE_S * 1000)
    client.add_tcp_slot(SLOT)
    bench.sleep()
    client.set_clock_scale(60_000)  # from now the lease is 0.1 s
    event = bench.events.get(timeout=TIMEOUT_S)
    assert (event.reason, event.slot_ref) == (WakeReason.LEASE_EXPIRED, None)
    status = client.status()
    assert (status.power, status.owner, status.lease_left_ms) == (Power.EXPIRED, Owner.NONE, 0)
    assert (client.slots(), client.counters()["lease_expired"]) == ((), 1)
    changes: list[Callable[[], object]] = [
        lambda: client.host_awake(status.epoch), client.release, lambda: client.add_tcp_slot(SLOT),
        lambda: client.pause_tcp_slot(SlotRef(0, 1)), lambda: client.add_pattern(Pattern.magic(1)),
        lambda: client.prepare(epoch=status.epoch, arm=1, mac=lib.HOST_MAC),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(DeviceError) as refused:
            change()
        assert refused.value.rc == lib.RESUME_REQUIRED
    client.attach(1, LEASE_S * 1000)
    client.set_clock_scale(60_000_000)
    client.add_tcp_slot(SLOT)
    bench.sleep()


@pytest.mark.edge(98)
def test_a_lease_without_bounds_is_refused(bench: Bench) -> None:
    for lease_ms in (0, 86_400_001):
        with pytest.raises(DeviceError) as refused:
            bench.client.attach(1, lease_ms)
        assert refused.value.rc == lib.BAD_INTERVAL
    assert bench.client.status().lease_left_ms > 7_190_000, "an attach that names none has two hours"
