"""Payload patterns of a slot, patterns of the link, EAPOL, and what a wildcard is."""

from __future__ import annotations

from typing import Any

import pytest

from rig.device.payload import PayloadKeepAlive
from tests.engine.engine_lib import (
    ACTIVE,
    BAD_ARG,
    BAD_LEN,
    D0,
    D3,
    EAPOL,
    HOST_MAC,
    KA_TIMEOUT,
    LINK_DOWN,
    LINK_UP,
    MAGIC,
    MEDIA_CONNECT,
    MEDIA_DISCONNECT,
    OK,
    STALE_HANDLE,
    TCP_DATA,
    TCP_FIN,
    TCP_PAYLOAD,
    UNSUPPORTED,
    WAKE_PENDING,
    WAKE_UNMATCHED,
    WOKEN,
    Engine,
)
from tests.engine.packets import ether, tcp, udp

KEEP = 32


def payload(eng: Engine, id_: int, data: bytes, handle: tuple[int, int], **more: Any) -> int:
    return eng.pattern_add(id_, type_=TCP_PAYLOAD, data=data, slot=handle[0], gen=handle[1], **more)


def with_slot(eng: Engine, **changes: Any) -> tuple[int, int]:
    rc, slot, gen = eng.slot_add(**changes)
    assert rc == OK
    return slot, gen


def asleep(eng: Engine) -> None:
    """Standby with the reserved slot's connection, as a host enters it."""
    assert eng.prepare() == OK
    with_slot(eng, flags=0x1F | KEEP)
    assert eng.commit() == OK


def woke(eng: Engine, frame: bytes) -> tuple[int, int] | None:
    """(reason, pattern) if the frame wakes, after which the device sleeps again with the same slot; None if not."""
    eng.rx(frame)
    event = eng.event()
    if event is None:
        assert eng.status.power == D3
        return None
    assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
    asleep(eng)
    return event.reason, event.pattern_id


@pytest.mark.edge(73)
@pytest.mark.parametrize("wake_unmatched", [False, True])
def test_new_data_on_a_slot_with_payload_patterns(eng: Engine, wake_unmatched: bool) -> None:
    """Each segment by itself; other data wakes or not as the flag says, and is never acknowledged unless the host wakes."""
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle, offset=2, flags=WAKE_UNMATCHED if wake_unmatched else 0) == OK
    assert payload(eng, 8, b"S\0OP", handle, mask=b"\x0d") == OK
    asleep(eng)
    unmatched = (TCP_DATA, 0xFFFFFFFF) if wake_unmatched else None
    assert woke(eng, tcp("PA", payload=b"..GO")) == (TCP_DATA, 7)
    assert woke(eng, tcp("PA", payload=b"STOP")) == (TCP_DATA, 8)
    assert woke(eng, tcp("PA", payload=b"GO")) == unmatched
    assert woke(eng, tcp("PA", payload=b"..G")) == unmatched  # the rest is in the next segment
    assert woke(eng, tcp("PA", seq=5003, payload=b"O")) == unmatched
    assert woke(eng, tcp("PA", payload=b"xTOP")) == unmatched
    assert eng.take_sent() == []
    assert eng.patterns() == {7: 1, 8: 1}
    assert eng.counters["tcp_data_unmatched"] == (0 if wake_unmatched else 4)


@pytest.mark.edge(73, 74)
def test_what_the_host_has_had_is_no_news(eng: Engine) -> None:
    """The pattern is looked for from the first new byte on: not in a repetition, not in the old part of a longer one."""
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    asleep(eng)
    assert woke(eng, tcp("PA", seq=4998, payload=b"GO")) is None
    assert woke(eng, tcp("PA", seq=4998, payload=b"GO..")) is None
    assert woke(eng, tcp("PA", seq=4998, payload=b"..GO")) == (TCP_DATA, 7)


def test_other_slots_and_other_reasons_are_not_narrowed(eng: Engine) -> None:
    handle = with_slot(eng)
    with_slot(eng, local_port=40001)
    assert payload(eng, 7, b"GO", handle) == OK
    eng.sleep()
    eng.rx(tcp("PA", payload=b"no"))
    assert eng.event() is None
    assert eng.slot_get(*handle).state == ACTIVE
    eng.rx(tcp("PA", payload=b"no", dport=40001))
    assert eng.wake_event().reason == TCP_DATA


def test_unmatched_data_of_a_sleeping_slot_waits_for_a_host_on_its_way(eng: Engine) -> None:
    handle = with_slot(eng)
    with_slot(eng, local_port=40001)
    assert payload(eng, 7, b"GO", handle) == OK
    eng.sleep()
    eng.rx(tcp("PA", payload=b"yes", dport=40001))
    eng.rx(tcp("PA", payload=b"no"))
    assert eng.status.power == WOKEN
    assert [f.flags & 1 for f in eng.frames()] == [1, 0]


def test_a_peer_that_is_heard_is_not_probed_to_death(eng: Engine) -> None:
    """Unmatched data is a sign of life: it holds off the keep-alive. It wakes only where data may, however often it comes."""
    handle = with_slot(eng, flags=0x1E)
    assert payload(eng, 7, b"GO", handle) == OK
    eng.sleep()
    for second in range(20, 300, 20):
        eng.run_until(1_000_000 + second * 1_000_000)
        eng.rx(tcp("PA", payload=b"no"))
    assert eng.take_sent() == []
    eng.run_until(500_000_000)
    assert eng.wake_event().reason == KA_TIMEOUT


REPETITIONS = 3
"""Of unmatched data, until the host has to acknowledge it."""


@pytest.mark.edge(73)
def test_data_that_matches_nothing_wakes_before_the_peer_gives_up(eng: Engine) -> None:
    """Nobody acknowledges it, so the peer repeats it, and in the end resets the connection. The host gets what it repeats."""
    handle = with_slot(eng)
    assert payload(eng, 7, b"GO", handle) == OK
    eng.sleep()
    frame = tcp("PA", payload=b"no")
    for _ in range(REPETITIONS):
        eng.rx(frame)
        assert (eng.event(), eng.status.power) == (None, D3)
    eng.rx(frame)
    event = eng.wake_event()
    assert (event.reason, event.slot, event.pattern_id) == (TCP_DATA, handle[0], 0xFFFFFFFF)
    (kept,) = eng.frames()
    assert (bytes(kept.bytes[: kept.saved_len]), kept.flags & 1) == (frame, 1)
    assert (eng.counters["tcp_data_unmatched"], eng.counters["wake_tcp_data"], eng.patterns()) == (REPETITIONS, 1, {7: 0})
    assert eng.take_sent() == []


@pytest.mark.edge(73)
def test_a_repetition_is_one_of_the_byte_that_the_host_waits_for(eng: Engine) -> None:
    """What comes behind it is news each time: with a hole before it, it would wake for what the kernel cannot deliver."""
    handle = with_slot(eng)
    assert payload(eng, 7, b"GO", handle) == OK
    eng.sleep()
    for _ in range(3):
        for seq in range(5001, 5010):
            eng.rx(tcp("PA", seq=seq, payload=b"no"))
    assert eng.event() is None
    for seq, longer in ((5000, b"no"), (5000, b"nonono"), (4990, b"old bytes no")):  # it may come with more, or be cut anew
        eng.rx(tcp("PA", seq=seq, payload=longer))
        eng.rx(tcp("PA", seq=5009, payload=b"no"))
        assert eng.event() is None
    eng.rx(tcp("A", payload=b"n"))
    assert eng.wake_event().reason == TCP_DATA


@pytest.mark.edge(73)
def test_repetitions_begin_anew_with_the_next_sleep_and_with_the_next_byte(eng: Engine) -> None:
    ping = PayloadKeepAlive.mqtt_ping()
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    for _ in range(2):
        assert eng.prepare() == OK
        with_slot(eng, flags=0x1F | KEEP, payload=ping)
        assert eng.commit() == OK
        for _ in range(REPETITIONS):
            assert eng.event() is None
            eng.rx(tcp("PA", payload=b"no"))
        eng.now_us += 60_000_000
        eng.poll()
        eng.rx(tcp("PA", ack=1002, payload=ping.reply))
        for _ in range(REPETITIONS):
            eng.rx(tcp("PA", seq=5002, ack=1002, payload=b"no"))
            assert eng.event() is None
        assert (eng.host_awake(), eng.release()[0]) == (OK, OK)


@pytest.mark.edge(73)
def test_repetitions_while_preparing_count_at_commit(eng: Engine) -> None:
    """The host is given the one that wakes and what is behind it."""
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    assert eng.prepare() == OK
    for _ in range(REPETITIONS + 2):
        eng.rx(tcp("PA", payload=b"no"))
    with_slot(eng, flags=0x1F | KEEP)
    assert eng.commit() == OK
    assert (eng.wake_event().reason, eng.status.power) == (TCP_DATA, WOKEN)
    assert [f.flags & 1 for f in eng.frames()] == [1, 0]


def test_payload_patterns_go_with_their_slot(eng: Engine) -> None:
    handle, other = with_slot(eng), with_slot(eng, local_port=40001, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    assert payload(eng, 8, b"GO", other) == OK
    assert payload(eng, 9, b"GO", (handle[0], handle[1] + 1)) == STALE_HANDLE
    assert payload(eng, 9, b"GO", (5, 1)) == STALE_HANDLE
    assert payload(eng, 9, b"GO", (255, 1)) == STALE_HANDLE
    assert eng.slot_remove(*handle) == OK
    assert list(eng.patterns()) == [8]
    assert payload(eng, 7, b"GO", handle) == STALE_HANDLE
    again = with_slot(eng)
    assert payload(eng, 7, b"GO", again) == OK
    eng.sleep()
    assert (eng.host_awake(), eng.release()[0], list(eng.patterns())) == (OK, OK, [8])


def test_limits_of_payload_patterns(eng: Engine) -> None:
    handle = with_slot(eng)
    assert payload(eng, 1, b"", handle) == BAD_LEN
    assert payload(eng, 1, b"xx", handle, mask=b"\0") == BAD_ARG
    assert payload(eng, 1, b"x", handle, flags=2) == UNSUPPORTED
    assert payload(eng, 1, b"x", handle, offset=1515) == BAD_LEN


@pytest.mark.parametrize("up", [True, False])
def test_link_patterns(eng: Engine, up: bool) -> None:
    """One wake for a change; the same news again, the other change, and the first look at a link that is up are none."""
    eng.link(not up)
    assert eng.pattern_add(5, type_=LINK_UP if up else LINK_DOWN) == OK
    assert eng.pattern_add(6, type_=LINK_UP if up else LINK_DOWN, priority=1) == OK
    assert eng.pattern_add(7, type_=LINK_DOWN if up else LINK_UP) == OK
    assert eng.pattern_remove(7) == OK
    eng.sleep()
    eng.link(not up)
    assert eng.event() is None
    eng.link(up)
    event = eng.wake_event()
    assert (event.reason, event.pattern_id, event.slot) == (MEDIA_CONNECT if up else MEDIA_DISCONNECT, 6, 255)
    assert (eng.patterns(), eng.counters["wake_link"], eng.frames()) == ({5: 1, 6: 1}, 1, [])
    eng.link(not up)
    eng.link(up)
    assert eng.status.wakes == 1


def test_link_patterns_when_not_armed_or_not_asleep(eng: Engine) -> None:
    assert eng.pattern_add(5, type_=LINK_DOWN) == OK
    eng.link(up=True)
    eng.link(up=False)
    assert (eng.event(), eng.status.power) == (None, D0)
    eng.link(up=True)
    eng.sleep(arm=1)
    eng.link(up=False)
    assert eng.event() is None


@pytest.mark.parametrize(("up", "woken_by"), [(True, None), (False, 6)])
def test_the_first_look_at_a_link(eng: Engine, up: bool, woken_by: int | None) -> None:
    """That it is up was to be expected, that it is down was not."""
    assert eng.pattern_add(5, type_=LINK_UP) == eng.pattern_add(6, type_=LINK_DOWN) == OK
    eng.sleep()
    eng.link(up)
    event = eng.event()
    assert (event.pattern_id if event else None) == woken_by


def test_link_that_goes_while_preparing_is_not_missed(eng: Engine) -> None:
    eng.link(up=True)
    assert eng.pattern_add(5, type_=LINK_DOWN) == OK
    assert eng.prepare() == OK
    eng.link(up=False)
    assert eng.commit() == WAKE_PENDING
    assert eng.wake_event().reason == MEDIA_DISCONNECT
    assert eng.release()[0] == OK
    eng.sleep()
    assert eng.status.power == D3


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("pattern", [LINK_UP, LINK_DOWN], ids=["wakes for up", "wakes for down"])
def test_a_link_that_goes_and_comes_back_while_preparing_did_both(eng: Engine, up: bool, pattern: int) -> None:
    """What it is in the end tells only half; the host may have lost its address in between."""
    eng.link(up)
    assert eng.pattern_add(5, type_=pattern) == OK
    assert eng.prepare() == OK
    eng.link(not up)
    eng.link(up)
    assert eng.commit() == WAKE_PENDING
    assert eng.wake_event().reason == (MEDIA_CONNECT if pattern == LINK_UP else MEDIA_DISCONNECT)
    assert eng.patterns() == {5: 1}
    assert eng.release()[0] == OK
    eng.sleep()
    assert eng.status.power == D3


def test_of_two_changes_while_preparing_the_better_pattern_is_reported(eng: Engine) -> None:
    """One wake; the hits of both are counted."""
    eng.link(up=True)
    assert eng.pattern_add(5, type_=LINK_DOWN) == eng.pattern_add(6, type_=LINK_UP, priority=1) == OK
    assert eng.prepare() == OK
    for up in (False, True, False, True):
        eng.link(up)
    assert eng.commit() == WAKE_PENDING
    assert (eng.wake_event().reason, eng.wake_event().pattern_id, eng.patterns()) == (MEDIA_CONNECT, 6, {5: 1, 6: 1})


def test_a_change_before_prepare_or_of_another_kind_is_none_while_preparing(eng: Engine) -> None:
    eng.link(up=True)
    assert eng.pattern_add(5, type_=LINK_UP) == OK
    eng.link(up=False)
    eng.link(up=True)
    assert eng.prepare() == OK
    eng.link(up=False)
    assert eng.commit() == OK
    assert eng.event() is None


def test_a_board_that_cannot_tell_refuses_link_patterns() -> None:
    blind = Engine(now_us=1, link_events=False)
    assert blind.pattern_add(5, type_=LINK_UP) == UNSUPPORTED


@pytest.mark.parametrize(
    ("body", "wakes"),
    [
        ("02010000", True), ("03010000" + "00" * 42, True),  # start, padded too
        ("0200000501010005 01", True), ("0100000a01010005 0102030405aa", True),  # request for the identity
        ("02020000", False), ("02030000", False), ("0200000502010005 01", False), ("0200000501010005 04", False),
        ("02010001", False), ("020100", False), ("0200000401010004", False), ("0200000601010005 01", False),
    ],
)  # fmt: skip
def test_eapol(eng: Engine, body: str, wakes: bool) -> None:
    """802.1X start and identity request wake; logoff, key, responses, other methods and lengths that lie do not."""
    assert eng.pattern_add(5, type_=EAPOL) == OK
    eng.sleep()
    eng.rx(bytes(ether(bytes.fromhex("0180c2000003"), type=0x888E)) + bytes.fromhex(body))
    assert (eng.event() is not None) == wakes


@pytest.mark.edge(71)
def test_the_password_comes_out_of_nothing(eng: Engine) -> None:
    """Neither the list, the event, the counters nor the rig's own words hold it."""
    from rig.device.pattern import Pattern

    assert eng.pattern_add(5, type_=MAGIC, data=b"secret") == OK
    eng.sleep()
    eng.rx(udp(b"\xff" * 6 + HOST_MAC * 16 + b"secret"))
    event = eng.wake_event()
    assert b"secret" not in bytes(event)
    assert eng.patterns() == {5: 1}
    shown = repr(Pattern.magic(5, b"secret")) + str(Pattern.magic(5, b"secret"))
    assert "secret" not in shown
    assert "MAGIC" in shown


@pytest.mark.edge(73, 74)
def test_a_new_fin_behind_old_data_hits_no_pattern(eng: Engine) -> None:
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    asleep(eng)
    assert woke(eng, tcp("FPA", seq=4998, payload=b"GO")) == (TCP_FIN, 0xFFFFFFFF)
    assert eng.patterns() == {7: 0}


@pytest.mark.edge(42, 73)
def test_a_fin_wakes_behind_data_that_matches_nothing(eng: Engine) -> None:
    """Patterns narrow what data wakes, not that the peer closes."""
    handle = with_slot(eng, flags=0x1F | KEEP)
    assert payload(eng, 7, b"GO", handle) == OK
    asleep(eng)
    assert woke(eng, tcp("PA", payload=b"no")) is None
    assert woke(eng, tcp("FPA", payload=b"no")) == (TCP_FIN, 0xFFFFFFFF)
    assert woke(eng, tcp("FPA", payload=b"GO")) == (TCP_DATA, 7)
