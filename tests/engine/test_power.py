"""Power states, owners, epochs, buffer, events: EDGE-089 to EDGE-102."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers.l2 import Dot1Q
from scapy.packet import Packet

from tests.engine.engine_lib import (
    AWAKE,
    BAD_ADDR,
    BAD_ARG,
    BAD_PORT,
    BAD_STATE,
    BUFFER_FULL,
    D0,
    D3,
    DUP_TUPLE,
    HOST_IP,
    HOST_MAC,
    HOST_TIMER,
    NO_SLOT,
    OK,
    PEER_MAC,
    PREPARED,
    RX_WHILE_PREPARE,
    STALE_EPOCH,
    STALE_HANDLE,
    TCP_DATA,
    UNSUPPORTED,
    WAKE_PACKET,
    WAKE_PENDING,
    WOKEN,
    Engine,
)
from tests.engine.packets import arp, ether, parse_tcp, tcp, udp

HOST, DEVICE, NOBODY = 1, 2, 0


def test_each_change_of_owner_is_an_epoch(eng: Engine) -> None:
    """B1.1"""
    assert (eng.status.power, eng.status.owner, eng.status.epoch) == (D0, HOST, 1)
    seen = []

    def note() -> None:
        seen.append((eng.status.power, eng.status.owner, eng.status.epoch))

    eng.attach()
    note()
    steps: list[Callable[[], int]] = [
        eng.prepare, eng.commit, eng.host_awake, lambda: eng.release()[0], eng.prepare, eng.abort,
    ]  # fmt: skip
    for step in steps:
        assert step() == OK
        note()
    assert seen == [
        (D0, HOST, 2), (PREPARED, NOBODY, 3), (D3, DEVICE, 4), (AWAKE, NOBODY, 5), (D0, HOST, 6),
        (PREPARED, NOBODY, 7), (D0, HOST, 8),
    ]  # fmt: skip


@pytest.mark.edge(100)
def test_commands_in_the_wrong_state_or_epoch(eng: Engine) -> None:
    """EDGE-100"""
    assert [eng.commit(), eng.abort(), eng.host_awake(), eng.release()[0]] == [BAD_STATE] * 4
    assert eng.prepare(epoch=99) == STALE_EPOCH
    assert eng.prepare(mac=b"\xff" * 6) == BAD_ADDR
    assert [eng.prepare(target=target) for target in (0, 1, 4, 255)] == [BAD_ARG] * 4
    assert eng.prepare() == OK
    assert [eng.prepare(), eng.host_awake(), eng.release()[0]] == [BAD_STATE] * 3
    assert eng.commit(epoch=99) == eng.abort(epoch=99) == STALE_EPOCH
    assert eng.commit() == OK
    assert eng.host_awake(epoch=eng.status.epoch - 1) == STALE_EPOCH
    assert eng.status.power == D3
    assert [eng.prepare(), eng.commit(), eng.abort(), eng.release()[0], eng.slot_add()[0]] == [BAD_STATE] * 5


def test_awake_host_is_left_alone(eng: Engine) -> None:
    assert eng.arp_add() == OK
    assert eng.slot_add()[0] == OK
    eng.rx(arp())
    eng.rx(tcp("PA", payload=b"x"))
    eng.run_until(eng.now_us + 100_000_000)
    assert (eng.take_sent(), eng.frames(), eng.counters["rx_dropped_policy"]) == ([], [], 2)


def test_frames_between_prepare_and_commit_are_handled_late(eng: Engine) -> None:
    """B1.2: captured unanswered, then dealt with as if they came now."""
    assert eng.arp_add() == OK
    assert eng.prepare() == OK
    assert eng.slot_add()[0] == OK
    for frame in (arp(), tcp("A", seq=4999), udp(), udp(dst=PEER_MAC)):
        eng.rx(frame)
    eng.check_sum()
    assert (eng.take_sent(), eng.status.buffered, eng.counters["rx_buffered"]) == ([], 3, 3)
    assert eng.commit() == OK
    assert len(eng.take_sent()) == 2
    n = eng.counters
    assert (n["rx_offload_answered"], n["rx_slot_consumed"], n["rx_dropped_policy"], n["rx_buffered"]) == (1, 1, 1, 0)
    assert (eng.status.buffered, eng.event()) == (0, None)


def test_waking_frame_between_prepare_and_commit(eng: Engine) -> None:
    """B1.2: commit says so, the host gets all that was captured, and nothing was answered."""
    assert eng.arp_add() == OK
    assert eng.prepare() == OK
    assert eng.slot_add()[0] == OK
    for frame in (arp(), tcp("PA", payload=b"push"), udp()):
        eng.rx(frame)
    epoch = eng.status.epoch
    assert eng.commit() == WAKE_PENDING
    eng.check_sum()
    event = eng.wake_event()
    assert (event.reason, event.subreason, event.epoch) == (TCP_DATA, RX_WHILE_PREPARE, epoch)
    assert (eng.status.power, eng.status.owner, eng.status.epoch, eng.take_sent()) == (AWAKE, NOBODY, epoch, [])
    assert [(f.index, f.flags & 1) for f in eng.frames()] == [(1, 0), (2, 1), (3, 0)]
    eng.rx(udp())
    assert (eng.status.buffered, eng.commit(), eng.release()[0]) == (4, BAD_STATE, OK)
    assert (eng.counters["wake_while_prepare"], eng.counters["wake_tcp_data"]) == (1, 1)


@pytest.mark.edge(54)
@pytest.mark.parametrize(("l2", "flags"), [(ether(), 0), (ether() / Dot1Q(vlan=0, prio=5), 2)])
def test_the_event_says_that_the_frame_was_tagged(eng: Engine, l2: Packet, flags: int) -> None:
    eng.slot_add()
    eng.sleep()
    eng.rx(tcp("PA", payload=b"push", l2=l2))
    assert (eng.wake_event().reason, eng.wake_event().l2_flags) == (TCP_DATA, flags)


@pytest.mark.edge(94)
@pytest.mark.parametrize("end", ["abort", "attach"])
def test_what_was_lost_and_told_is_forgotten_before_the_next_sleep(eng: Engine, end: str) -> None:
    """A full buffer and its event, neither drained nor read: the next standby begins without them."""
    assert eng.prepare() == OK
    for _ in range(34):
        eng.rx(udp())
    assert (eng.commit(), eng.status.lost) == (WAKE_PENDING, 1)
    if end == "abort":
        assert eng.abort() == OK
    else:
        eng.attach()
        assert (eng.status.lost, eng.event(), eng.status.last_wake_reason) == (0, None, 0)
    eng.sleep()
    assert (eng.event(), eng.status.lost, eng.status.power, eng.status.last_wake_reason) == (None, 0, D3, 0)


def test_time_goes_on_however_short_a_minute_is(eng: Engine) -> None:
    """Ten milliseconds are less than a µs of device time: they are one, or the timer would be due for ever."""
    eng.set_minute_us(1)
    assert eng.slot_add(ka_idle_ms=10, ka_intvl_ms=10, ka_cnt=255)[0] == eng.udp_add(interval_ms=10) == OK
    eng.sleep()
    eng.now_us += 1
    assert eng.poll() > 0
    assert len(eng.take_sent()) == 2


def test_a_host_that_counts_the_events_of_another_boot_misses_none(eng: Engine) -> None:
    eng.slot_add()
    eng.sleep()
    eng.rx(tcp("PA", payload=b"push"))
    for after in (99, 1, 0):
        event = eng.event(after)
        assert (event.n if event else None) == (1 if after == 99 else None), after


def test_counters_cleared_while_preparing_add_up_again(eng: Engine) -> None:
    """What commit has still to decide about is counted when it does."""
    eng.prepare()
    eng.rx(arp())
    eng.rx(udp())
    eng.counters_clear()
    eng.check_sum()
    assert (eng.counters["rx_total"], eng.commit()) == (2, OK)
    assert (eng.counters["rx_buffered"], eng.counters["rx_dropped_policy"]) == (0, 2)


def test_a_captured_frame_says_which_pattern_it_matched(eng: Engine) -> None:
    assert eng.pattern_add(7, data=b"\x12\x34", offset=12) == OK
    eng.prepare()
    eng.rx(udp())
    eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + bytes(46))
    assert eng.commit() == WAKE_PENDING
    assert (eng.wake_event().pattern_id, [f.pattern_id for f in eng.frames()]) == (7, [0xFFFFFFFF, 7])
    assert eng.patterns() == {7: 1}


def test_overflow_between_prepare_and_commit_wakes(eng: Engine) -> None:
    """What found no room could have been a waking frame."""
    assert eng.prepare() == OK
    for _ in range(34):
        eng.rx(udp())
    assert eng.commit() == WAKE_PENDING
    event = eng.wake_event()
    assert (event.reason, eng.counters["wake_buffer_full"], eng.counters["wake_while_prepare"]) == (BUFFER_FULL, 1, 1)


@pytest.mark.parametrize("arm", [8, 1 << 31, 0xFFFFFFFF, 0xFFFFFFF8])
def test_reasons_to_wake_that_nobody_knows_are_refused(eng: Engine, arm: int) -> None:
    """A host that asks for more than there is must not sleep in the belief that it has it. Every known set is taken."""
    before = eng.status.epoch
    assert eng.prepare(arm) == UNSUPPORTED
    assert (eng.status.power, eng.status.epoch, eng.status.arm) == (D0, before, 0)
    for known in range(8):
        assert (eng.prepare(known), eng.status.arm, eng.abort()) == (OK, known, OK)


def test_abort_keeps_the_captured_frames_for_a_drain(eng: Engine) -> None:
    assert eng.prepare() == OK
    assert eng.slot_add()[0] == OK
    eng.rx(udp())
    assert eng.abort() == OK
    assert (len(eng.frames()), eng.slots(), eng.status.power) == (1, [], D0)
    assert eng.prepare() == OK
    assert eng.frames() == []


@pytest.mark.edge(95, 96)
def test_wake_storm(eng: Engine) -> None:
    """EDGE-095, EDGE-096: one wake, the first frames kept in order, the rest counted."""
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    for i in range(1000):
        eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + i.to_bytes(46, "big"))
    eng.check_sum()
    event = eng.wake_event()
    assert eng.event(event.n) is None
    frames = eng.frames()
    assert [bytes(f.bytes[58:60]) for f in frames] == [i.to_bytes(2, "big") for i in range(33)]
    assert [f.flags & 1 for f in frames] == [1] + [0] * 32
    n = eng.counters
    assert (eng.status.lost, n["rx_overflow"], n["rx_buffered"], n["rx_wake"]) == (967, 967, 32, 1)
    assert n["buf_high_water"] == 33


def test_drain_makes_room(eng: Engine) -> None:
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    for i in range(40):
        eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + bytes([i]) * 46)
    eng.frames_ack(30)
    assert [f.index for f in eng.frames()] == [31, 32, 33]
    for i in range(40):
        eng.rx(HOST_MAC + PEER_MAC + b"\x12\x35" + bytes([i]) * 46)
    assert [f.index for f in eng.frames()] == list(range(31, 64))
    eng.frames_ack(0xFFFFFFFF)
    assert eng.frames() == []


def test_only_frames_for_the_host_are_buffered(eng: Engine) -> None:
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    eng.sleep()
    for dst in (HOST_MAC, PEER_MAC, b"\xff" * 6, bytes.fromhex("333300000001")):
        eng.rx(dst + bytes.fromhex("020000000077") + b"\x12\x34" + bytes(46))
    eng.rx(b"\xff" * 6 + HOST_MAC + b"\x12\x34" + bytes(46))
    assert [bytes(f.bytes[:6]) for f in eng.frames()] == [HOST_MAC, b"\xff" * 6, bytes.fromhex("333300000001")]
    assert [f.flags & 4 for f in eng.frames()] == [0, 4, 4]
    assert eng.counters["rx_not_us"] == 2


def test_release_gives_the_slots_back_and_frees_everything(eng: Engine) -> None:
    """Patterns and offloads stay, slots, frames and the wake do not; a late handle is stale."""
    assert eng.arp_add() == OK
    assert eng.pattern_add(5, data=b"x") == OK
    rc, slot, gen = eng.slot_add()
    assert rc == OK
    eng.sleep()
    eng.rx(tcp("PA", payload=b"x"))
    assert eng.host_awake() == OK
    rc, states = eng.release()
    assert (rc, [(s.slot, s.gen, s.rcv_nxt) for s in states]) == (OK, [(slot, gen, 5000)])
    assert (eng.slots(), eng.frames(), eng.event(), eng.patterns()) == ([], [], None, {5: 0})
    assert eng.slot_remove(slot, gen) == STALE_HANDLE
    assert eng.slot_add()[1:] == (slot, gen + 1)


@pytest.mark.edge(94)
def test_hundred_silent_cycles_after_a_wake(eng: Engine) -> None:
    """EDGE-094: no stale wake status."""
    assert eng.slot_add()[0] == OK
    eng.sleep()
    eng.rx(tcp("PA", payload=b"x"))
    assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
    for _ in range(100):
        eng.sleep()
        eng.run_until(eng.now_us + 1_000_000)
        assert (eng.status.power, eng.event(), eng.status.last_wake_reason) == (D3, None, 0)
        assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
    assert eng.status.wakes == 1


def test_host_timer(eng: Engine) -> None:
    eng.set_minute_us(50_000)
    eng.sleep(wake_timer_ms=120_000)
    eng.run_until(1_000_000 + 99_999)
    assert eng.status.power == D3
    eng.run_until(1_000_000 + 100_000)
    event = eng.wake_event()
    assert (event.reason, eng.status.power) == (HOST_TIMER, WOKEN)


def test_attach_starts_afresh(eng: Engine) -> None:
    assert eng.pattern_add(5, data=b"x") == OK
    assert [eng.slot_add(local_port=i)[0] for i in (1, 2)] == [OK, OK]
    eng.sleep()
    eng.rx(tcp("PA", dport=1, payload=b"x"))
    assert eng.attach() == 2
    assert (eng.status.power, eng.status.owner) == (D0, HOST)
    assert (eng.slots(), eng.frames(), eng.event(), eng.patterns()) == ([], [], None, {})


@pytest.mark.edge(48, 99)
def test_slot_add_checks(eng: Engine) -> None:
    """EDGE-048, EDGE-099"""
    cases: list[tuple[dict[str, Any], int]] = [
        ({"local": "2001:db8::1"}, BAD_ADDR), ({"remote": HOST_IP}, BAD_ADDR), ({"remote": "224.0.0.1"}, BAD_ADDR),
        ({"remote": "0.0.0.0"}, BAD_ADDR), ({"local_port": 0}, BAD_PORT), ({"remote_port": 0}, BAD_PORT),
        ({"ttl": 0}, BAD_ARG), ({"snd_wscale": 15}, BAD_ARG), ({"rcv_wscale": 15}, BAD_ARG), ({"rcv_wnd": 1 << 30}, BAD_ARG),
        ({"snd_una": 1001}, BAD_ARG), ({"rcv_wup": 5001}, BAD_ARG), ({"ts_on": True, "ts_hz": 100}, UNSUPPORTED),
        ({"max_snd_wnd": 1 << 30}, BAD_ARG), ({"ka_cnt": 0}, BAD_ARG), ({"local_mac": b"\x03" + bytes(5)}, BAD_ADDR),
        ({"next_hop_mac": b"\x03" + bytes(5)}, BAD_ADDR), ({"local": "ff02::1", "remote": "2001:db8::2"}, BAD_ADDR),
        ({"local": "2001:db8::1", "remote": "ff02::1"}, BAD_ADDR), ({"local": "240.0.0.1"}, BAD_ADDR),
        ({"local": "2001:db8::1", "remote": "2001:db8::1"}, BAD_ADDR), ({"local": "::", "remote": "2001:db8::1"}, BAD_ADDR),
    ]  # fmt: skip
    for changes, rc in cases:
        assert eng.slot_add(**changes)[0] == rc, changes
    assert eng.slot_add()[0] == OK
    assert eng.slot_add()[0] == DUP_TUPLE
    for i in range(15):
        assert eng.slot_add(local_port=1 + i)[0] == OK
    assert eng.slot_add(local_port=77)[0] == NO_SLOT


@pytest.mark.edge(98)
def test_generations_over_many_cycles(eng: Engine) -> None:
    """EDGE-098: 66,000 add and remove, past the wrap of the 16-bit generation, which is never 0."""
    for _ in range(66_000):
        rc, slot, gen = eng.slot_add()
        assert (rc, gen != 0) == (OK, True)
        assert eng.slot_remove(slot, gen) == OK
    assert eng.slot_remove(slot, gen) == STALE_HANDLE


def test_arm_bits(eng: Engine) -> None:
    """bit 0 slots, bit 1 patterns: unarmed ones answer but do not wake."""
    assert eng.pattern_add(5, data=b"\x12\x34", offset=12) == OK
    assert eng.slot_add()[0] == OK
    eng.sleep(arm=2)
    eng.rx(tcp("PA", payload=b"x"))
    eng.rx(tcp("A", seq=4999))
    assert (eng.status.power, len(eng.take_sent())) == (D3, 1)
    eng.rx(HOST_MAC + PEER_MAC + b"\x12\x34" + bytes(46))
    assert eng.status.power == WOKEN


def test_device_is_silent_once_the_host_is_awake(eng: Engine) -> None:
    assert eng.slot_add()[0] == OK
    eng.sleep()
    eng.run_until(eng.now_us + 60_000_000)
    assert parse_tcp(eng.take_sent()[0])[1].seq == 999
    assert eng.host_awake() == OK
    eng.run_until(eng.now_us + 1_000_000_000)
    assert (eng.take_sent(), eng.event()) == ([], None)


@pytest.mark.parametrize("seed", range(20))
def test_noise(seed: int) -> None:
    """Any bytes in any state: no crash, no read past the end (run with a sanitizer build), and the sum holds."""
    rnd = random.Random(seed)
    eng = Engine(now_us=rnd.randrange(2**40))
    seeds = [
        tcp("PA", payload=b"abc", ts=(5, 6)), arp(), udp(b"x" * 60), tcp("A", seq=4999),
        tcp("A", options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2))]),
    ]  # fmt: skip
    for _ in range(3000):
        step = rnd.randrange(40)
        if step == 0:
            eng.arp_add()
            eng.slot_add(ts_on=bool(rnd.randrange(2)))
            eng.pattern_add(1, data=b"\x45", offset=rnd.randrange(60))
        elif step < 6:
            commands: list[Callable[[], object]] = [eng.prepare, eng.commit, eng.host_awake, eng.release, eng.abort]
            rnd.choice(commands)()
            eng.frames_ack(rnd.randrange(40))
        frame = bytearray(rnd.choice(seeds))
        for _ in range(rnd.randrange(4)):
            frame[rnd.randrange(len(frame))] = rnd.randrange(256)
        eng.rx(bytes(frame[: rnd.randrange(len(frame) + 1)]) if rnd.randrange(3) == 0 else bytes(frame))
        eng.now_us += rnd.randrange(100_000)
        eng.poll()
        eng.check_sum()


@pytest.mark.edge(57)
@pytest.mark.parametrize(("tag", "orig", "saved"), [(False, 1515, 1514), (True, 1519, 1518)])
def test_a_captured_frame_that_was_cut_short_wakes(eng: Engine, tag: bool, orig: int, saved: int) -> None:
    """Kept without its end, it cannot be judged at commit."""
    eng.slot_add()
    eng.prepare()
    eng.rx(tcp("A", payload=bytes(1461), l2=ether() / Dot1Q(vlan=0) if tag else ether()))
    assert eng.commit() == WAKE_PENDING
    event = eng.wake_event()
    assert (event.reason, event.orig_size, event.saved_size) == (BUFFER_FULL, orig, saved)
    assert eng.frames()[0].flags & 1


def test_a_captured_frame_of_full_size_is_judged_behind_a_priority_tag_too(eng: Engine) -> None:
    """1500 bytes of packet behind a tag are 1518."""
    eng.slot_add()
    eng.prepare()
    eng.rx(tcp("A", payload=bytes(1460), l2=ether() / Dot1Q(vlan=0)))
    assert eng.commit() == WAKE_PENDING
    event = eng.wake_event()
    assert (event.reason, event.orig_size, event.saved_size) == (TCP_DATA, 1518, 1518)


def test_a_reset_and_what_comes_behind_it_are_judged_in_their_order_at_commit(eng: Engine) -> None:
    """Behind the reset the slot's segments are the patterns' business, as they would have been had both come later."""
    assert eng.pattern_add(5, data=b"\x01\xbb", offset=34) == OK
    eng.slot_add(flags=0)
    eng.prepare()
    eng.rx(tcp("R"))
    eng.rx(tcp("A"))
    eng.commit()
    assert (eng.wake_event().reason, eng.wake_event().pattern_id) == (WAKE_PACKET, 5)
