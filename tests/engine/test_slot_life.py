"""Pause, resume and update of a slot: the place stays, the keep-alives follow."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP

from tests.engine.engine_lib import (
    ACTIVE,
    AO,
    AWAKE,
    BAD_ADDR,
    BAD_ARG,
    BAD_INTERVAL,
    BAD_STATE,
    BROKEN,
    D3,
    DUP_TUPLE,
    FAST_OPEN,
    IDLE,
    KEEP,
    MD5,
    OK,
    PAUSED,
    PEER_IP,
    PEER_MAC,
    PROBING,
    SLOT_WOKEN,
    STALE_HANDLE,
    TCP_DATA,
    UNSUPPORTED,
    WOKEN,
    Engine,
)
from tests.engine.packets import arp, tcp

S = 1_000_000
MOVED = bytes.fromhex("0200000000aa")


def asleep(eng: Engine, **slot: object) -> tuple[int, int]:
    """A slot that probes after 60 s, then every 10 s, three times."""
    rc, number, generation = eng.slot_add(**slot)
    assert rc == OK
    eng.sleep()
    return number, generation


def sent_after(eng: Engine, seconds: float) -> int:
    eng.run_until(eng.now_us + round(seconds * S))
    return len(eng.take_sent())


# -- pause -----------------------------------------------------------------------------------------------------------------


def test_a_paused_slot_neither_probes_nor_answers_nor_wakes(eng: Engine) -> None:
    ref = asleep(eng)
    assert eng.slot_pause(*ref) == OK
    assert sent_after(eng, 3600) == 0
    for frame in (tcp("A", seq=4999), tcp("PA", payload=b"push"), tcp("FA"), tcp("R"), tcp("S", seq=9)):
        eng.rx(frame)
    assert (eng.take_sent(), eng.event(), eng.status.power) == ([], None, D3)
    assert eng.counters["rx_dropped_policy"] == 5, "as the frames of a connection that the device does not have"
    state = eng.slot_get(*ref)
    assert (state.state, state.next_ka_due_ms, state.rcv_nxt, state.peer_ka_answered) == (PAUSED, 0, 5000, 0)


def test_patterns_look_at_the_frames_of_a_paused_slot(eng: Engine) -> None:
    """As at those of any other connection that is not the device's: a live slot's own data never reaches them."""
    eng.pattern_add(7, data=b"\x45", offset=14)
    ref = asleep(eng)
    eng.slot_pause(*ref)
    eng.rx(tcp("A", seq=4999))
    assert (eng.wake_event().pattern_id, eng.slot_get(*ref).state) == (7, PAUSED)


def test_fragments_between_its_addresses_are_not_a_paused_slots(eng: Engine) -> None:
    """A live slot fails open for what hides its ports."""
    ref = asleep(eng)
    fragment = tcp("PA", payload=b"x", l3=IP(src=PEER_IP, dst="192.0.2.1", flags="MF", frag=0))
    eng.slot_pause(*ref)
    eng.rx(fragment)
    assert eng.event() is None
    eng.slot_resume(*ref)
    eng.rx(fragment)
    assert eng.event() is not None


def test_the_place_is_kept_from_others(eng: Engine) -> None:
    refs = [eng.slot_add(local_port=port)[1:] for port in range(100, 116)]
    eng.slot_pause(*refs[5])
    assert eng.slot_add(local_port=200)[0] == 3, "no slot"
    assert len(eng.slots()) == 16
    assert eng.slot_remove(*refs[5]) == OK
    assert eng.slot_add(local_port=200)[0] == OK


# -- resume ----------------------------------------------------------------------------------------------------------------


def test_idle_time_runs_on_while_paused(eng: Engine) -> None:
    """Resumed 50 s after the peer was last heard: the next probe is due in 10 s, not in 60 and not at 60 minus 20."""
    ref = asleep(eng)
    sent_after(eng, 20)
    eng.slot_pause(*ref)
    sent_after(eng, 30)
    assert eng.slot_resume(*ref) == OK
    assert eng.slot_get(*ref).state == ACTIVE
    assert eng.slot_get(*ref).next_ka_due_ms == 10_000
    assert sent_after(eng, 9.999) == 0
    assert sent_after(eng, 0.001) == 1


@pytest.mark.edge(13)
def test_idle_time_before_the_handoff_counts_after_a_pause_too(eng: Engine) -> None:
    ref = asleep(eng, idle_elapsed_ms=45_000)
    eng.slot_pause(*ref)
    sent_after(eng, 5)
    eng.slot_resume(*ref)
    assert eng.slot_get(*ref).next_ka_due_ms == 10_000
    eng.rx(tcp("A"))
    assert eng.slot_get(*ref).next_ka_due_ms == 60_000, "but only until the peer is heard"


def test_a_pause_longer_than_the_idle_time_ends_with_a_probe_at_once(eng: Engine) -> None:
    """Which is not late: nobody waited for it."""
    ref = asleep(eng)
    eng.slot_pause(*ref)
    sent_after(eng, 3600)
    eng.slot_resume(*ref)
    assert sent_after(eng, 0.001) == 1
    assert eng.counters["timer_late_max_us"] < 1000
    assert eng.slot_get(*ref).state == PROBING


def test_probes_that_were_out_when_it_was_paused_count_no_more(eng: Engine) -> None:
    """Two of three unanswered, then a pause: afterwards three more are sent before it gives up."""
    ref = asleep(eng)
    assert sent_after(eng, 75) == 2
    eng.slot_pause(*ref)
    sent_after(eng, 600)
    assert eng.event() is None
    eng.slot_resume(*ref)
    assert sent_after(eng, 29) == 3
    assert eng.event() is None
    sent_after(eng, 2)
    assert (eng.wake_event().reason, eng.slot_get(*ref).state) == (0x4004, BROKEN)


def test_what_the_peer_repeats_after_the_pause_wakes(eng: Engine) -> None:
    ref = asleep(eng)
    push = tcp("PA", payload=b"push")
    eng.slot_pause(*ref)
    eng.rx(push)
    assert eng.event() is None
    eng.slot_resume(*ref)
    eng.rx(push)
    assert eng.wake_event().reason == TCP_DATA
    assert [bytes(f.bytes[: f.saved_len]) for f in eng.frames()] == [push]


def test_others_go_on_meanwhile(eng: Engine) -> None:
    other = eng.slot_add(local_port=40_001)[1:]
    ref = asleep(eng)
    eng.slot_pause(*ref)
    assert sent_after(eng, 60) == 1
    eng.rx(tcp("PA", payload=b"x", dport=40_001))
    assert eng.wake_event().slot == other[0]


# -- states ----------------------------------------------------------------------------------------------------------------


def test_stale_handles_and_wrong_states(eng: Engine) -> None:
    slot, gen = asleep(eng)
    for call in (eng.slot_pause, eng.slot_resume):
        assert [call(slot, gen + 1), call(slot + 1, 1), call(16, 1), call(255, 0)] == [STALE_HANDLE] * 4
    assert eng.slot_resume(slot, gen) == BAD_STATE
    assert eng.slot_pause(slot, gen) == OK
    assert eng.slot_pause(slot, gen) == BAD_STATE
    assert eng.slot_resume(slot, gen) == OK
    eng.rx(tcp("PA", payload=b"x"))
    assert (eng.slot_get(slot, gen).state, eng.slot_pause(slot, gen)) == (SLOT_WOKEN, BAD_STATE)
    assert eng.slot_update(slot, gen, 1000) == BAD_STATE


def test_an_ended_connection_is_not_paused(eng: Engine) -> None:
    ref = asleep(eng)
    eng.rx(tcp("R"))
    assert (eng.slot_get(*ref).state, eng.slot_pause(*ref), eng.slot_update(*ref, 1000)) == (BROKEN, BAD_STATE, BAD_STATE)


def test_a_slot_can_be_paused_while_the_host_is_on_its_way(eng: Engine) -> None:
    """The device still speaks for it then."""
    other = eng.slot_add(local_port=40_001)[1:]
    asleep(eng)
    eng.rx(tcp("PA", payload=b"x"))
    assert (eng.status.power, eng.slot_pause(*other)) == (WOKEN, OK)
    assert eng.host_awake() == OK
    assert (eng.status.power, eng.slot_resume(*other)) == (AWAKE, OK)


def test_a_reservation_paused_in_d0_stays_paused_over_a_whole_standby(eng: Engine) -> None:
    """Adding the connection's state again, as every entry does, is no resume."""
    _, slot, gen = eng.slot_add(flags=0x1F | KEEP)
    assert eng.slot_pause(slot, gen) == OK
    assert eng.prepare() == OK
    assert eng.slot_add(flags=0x1F | KEEP, rcv_nxt=6000) == (OK, slot, gen)
    assert eng.commit() == OK
    assert (sent_after(eng, 600), eng.slot_get(slot, gen).state) == (0, PAUSED)
    assert eng.slot_resume(slot, gen) == OK
    assert (eng.slot_get(slot, gen).state, sent_after(eng, 1)) == (ACTIVE, 1), "with the state of the entry"
    assert eng.slot_pause(slot, gen) == OK
    assert eng.host_awake() == OK
    assert [s.state for s in eng.release()[1]] == [PAUSED]
    assert eng.slot_get(slot, gen).state == PAUSED
    assert eng.slot_resume(slot, gen) == OK
    assert eng.slot_get(slot, gen).state == IDLE


def test_a_reservation_that_was_not_refreshed_does_not_speak_when_resumed(eng: Engine) -> None:
    """It has no connection's numbers: they were given before the host slept."""
    _, slot, gen = eng.slot_add(flags=0x1F | KEEP)
    eng.slot_pause(slot, gen)
    eng.sleep()
    assert eng.slot_resume(slot, gen) == OK
    assert (eng.slot_get(slot, gen).state, sent_after(eng, 3600)) == (IDLE, 0)


def test_a_paused_slot_without_a_kept_place_is_freed_with_the_others(eng: Engine) -> None:
    ref = asleep(eng)
    eng.slot_pause(*ref)
    eng.host_awake()
    assert [s.state for s in eng.release()[1]] == [PAUSED]
    assert eng.slots() == []
    assert eng.slot_resume(*ref) == STALE_HANDLE


def test_a_live_connection_is_not_added_twice_a_paused_one_is_refreshed(eng: Engine) -> None:
    _, slot, gen = eng.slot_add()
    assert eng.slot_add()[0] == DUP_TUPLE
    eng.slot_pause(slot, gen)
    assert eng.slot_add(rcv_nxt=7000) == (OK, slot, gen)
    assert (eng.slot_get(slot, gen).state, eng.slot_get(slot, gen).rcv_nxt) == (PAUSED, 7000)


# -- update ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("idle_ms", "left_s"), [(30_000, 10), (120_000, 100), (10_000, 0)])
def test_a_new_idle_time_counts_from_where_the_old_one_did(eng: Engine, idle_ms: int, left_s: int) -> None:
    ref = asleep(eng)
    sent_after(eng, 20)
    assert eng.slot_update(*ref, idle_ms=idle_ms) == OK
    assert eng.slot_get(*ref).next_ka_due_ms == left_s * 1000
    assert sent_after(eng, left_s - 0.001 if left_s else 0) == 0
    assert sent_after(eng, 0.002) == 1
    eng.rx(tcp("A"))
    assert eng.slot_get(*ref).next_ka_due_ms == idle_ms, "and stays"


def test_a_new_interval_counts_from_the_last_probe(eng: Engine) -> None:
    ref = asleep(eng)
    assert sent_after(eng, 65) == 1
    assert eng.slot_update(*ref, intvl_ms=20_000) == OK
    assert eng.slot_get(*ref).state == PROBING
    assert sent_after(eng, 14.999) == 0
    assert sent_after(eng, 0.001) == 1


def test_a_new_mac_is_where_the_next_frame_goes(eng: Engine) -> None:
    ref = asleep(eng)
    assert eng.slot_update(*ref, mac=MOVED) == OK
    eng.run_until(eng.now_us + 60 * S)
    assert [frame[:6] for frame in eng.take_sent()] == [MOVED]
    assert (bytes(eng.slot_get(*ref).next_hop_mac), eng.slot_get(*ref).next_hop_moves) == (MOVED, 0)


@pytest.mark.parametrize(
    ("change", "rc"),
    [
        ({"idle_ms": 9}, BAD_INTERVAL),
        ({"idle_ms": 86_400_001}, BAD_INTERVAL),
        ({"intvl_ms": 0}, BAD_INTERVAL),
        ({"mac": bytes.fromhex("010000000001")}, BAD_ADDR),
        ({"hop": "2001:db8::1"}, BAD_ADDR),
        ({"hop": "224.0.0.1"}, BAD_ADDR),
        ({"hop": "192.0.2.1"}, BAD_ADDR),
    ],
)
def test_one_bad_field_and_nothing_is_changed(eng: Engine, change: dict[str, object], rc: int) -> None:
    ref = asleep(eng)
    good: dict[str, object] = {"idle_ms": 30_000, "intvl_ms": 5_000, "mac": MOVED, "hop": PEER_IP}
    assert eng.slot_update(*ref, **{**good, **change}) == rc  # type: ignore[arg-type]
    assert eng.slot_get(*ref).next_ka_due_ms == 60_000
    assert sent_after(eng, 59.999) == 0
    eng.run_until(eng.now_us + 20 * S)
    assert [frame[:6] for frame in eng.take_sent()] == [PEER_MAC] * 2, "60 s and 10 s to the old address"


def test_an_update_that_says_nothing_is_refused(eng: Engine) -> None:
    slot, gen = asleep(eng)
    assert eng.slot_update(slot, gen) == BAD_ARG
    assert eng.slot_update(slot, gen + 1, idle_ms=1000) == STALE_HANDLE


def test_a_paused_slot_is_updated_and_stays_paused(eng: Engine) -> None:
    ref = asleep(eng)
    eng.slot_pause(*ref)
    assert eng.slot_update(*ref, idle_ms=20_000) == OK
    assert (sent_after(eng, 5), eng.slot_get(*ref).state) == (0, PAUSED)
    eng.slot_resume(*ref)
    assert eng.slot_get(*ref).next_ka_due_ms == 15_000


# -- what is refused when it is added ----------------------------------------------------------------------------------------


@pytest.mark.edge(44)
@pytest.mark.parametrize("flag", [MD5, AO, FAST_OPEN, 1 << 31])
def test_options_that_the_device_does_not_speak_are_refused(eng: Engine, flag: int) -> None:
    assert eng.slot_add(flags=0x1F | flag)[0] == UNSUPPORTED
    assert eng.slots() == []
    eng.arp_add()
    eng.sleep()
    eng.rx(arp())
    assert len(eng.take_sent()) == 1
