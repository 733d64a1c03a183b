"""The owner's lease: a host that is not heard of any more is not spoken for for ever (edge case 98)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.engine_lib import (
    AWAKE,
    BAD_INTERVAL,
    BAD_STATE,
    D0,
    D3,
    EXPIRED,
    HOST_IP,
    HOST_MAC,
    LEASE_EXPIRED,
    NOT_ACCEPTED,
    OK,
    PEER_MAC,
    PREPARED,
    STALE_HANDLE,
    WOKEN,
    Engine,
)
from tests.engine.packets import arp, tcp

S = 1_000_000
LEASE_S = 7200
NOBODY = 0

pytestmark = pytest.mark.edge(98)


def owned(eng: Engine, lease_s: int = LEASE_S) -> tuple[int, int]:
    """A host that attached, with one of everything."""
    eng.attach(lease_s * 1000)
    rc, slot, gen = eng.slot_add()
    assert rc == OK
    assert eng.pattern_add(1, data=b"\x88\xb5", offset=12) == OK
    assert eng.arp_add() == OK
    return slot, gen


def answer_probes(eng: Engine, end_us: int) -> int:
    """The peer lives: it answers whatever is sent until then. Returns how many probes came."""
    count = 0
    while eng.now_us < end_us:
        wait_us = min(eng.poll(), end_us - eng.now_us)
        if eng.take_sent():
            count += 1
            eng.rx(tcp("A"))
        else:
            eng.now_us += wait_us
    eng.poll()
    return count


def assert_nothing_is_left(eng: Engine) -> None:
    assert (eng.status.power, eng.status.owner, eng.status.arm) == (EXPIRED, NOBODY, 0)
    assert (eng.slots(), eng.patterns(), eng.offloads(), eng.frames()) == ([], {}, {}, [])
    eng.rx(arp())
    eng.rx(tcp("A", seq=4999))
    eng.rx(tcp("PA", payload=b"x"))
    eng.rx(HOST_MAC + PEER_MAC + b"\x88\xb5" + bytes(46))
    eng.run_until(eng.now_us + 24 * 3600 * S)
    assert (eng.take_sent(), eng.frames()) == ([], [])
    assert (eng.status.power, eng.counters["lease_expired"]) == (EXPIRED, 1)


def test_asleep_the_device_falls_silent_when_the_lease_ends(eng: Engine) -> None:
    slot, gen = owned(eng)
    eng.sleep()
    epoch, start_us = eng.status.epoch, eng.now_us
    assert answer_probes(eng, start_us + LEASE_S * S - 1) >= 119
    assert (eng.status.power, eng.status.lease_left_ms) == (D3, 0)
    answer_probes(eng, start_us + LEASE_S * S)
    event = eng.wake_event()
    assert (event.reason, event.slot, event.epoch, eng.event(event.n)) == (LEASE_EXPIRED, 255, epoch + 1, None)
    assert (eng.status.epoch, eng.status.last_wake_reason) == (epoch + 1, LEASE_EXPIRED)
    assert eng.slot_remove(slot, gen) == STALE_HANDLE
    assert_nothing_is_left(eng)


def prepared(eng: Engine) -> None:
    assert eng.prepare() == OK


def woken(eng: Engine) -> None:
    eng.sleep()
    eng.rx(tcp("PA", payload=b"x"))
    assert eng.status.power == WOKEN


def awake(eng: Engine) -> None:
    eng.sleep()
    assert eng.host_awake() == OK
    assert eng.status.power == AWAKE


@pytest.mark.parametrize("leave", [prepared, woken, awake])
def test_a_host_that_dies_on_the_way_leaves_nothing_either(eng: Engine, leave: Callable[[Engine], None]) -> None:
    owned(eng, 600)
    leave(eng)
    eng.rx(tcp("PA", payload=b"y"))
    answer_probes(eng, eng.now_us + 599 * S)
    assert eng.status.power in (PREPARED, WOKEN, AWAKE)
    answer_probes(eng, eng.now_us + S)
    assert eng.wake_event().reason == LEASE_EXPIRED
    assert_nothing_is_left(eng)


def test_an_awake_host_may_be_silent_as_long_as_it_likes(eng: Engine) -> None:
    """In D0 the device speaks for nobody: there is nothing to end, and the next sleep has its whole lease."""
    slot, gen = owned(eng, 600)
    eng.run_until(eng.now_us + 100_000 * S)
    assert (eng.status.power, eng.event(), len(eng.slots())) == (D0, None, 1)
    eng.renew()
    eng.sleep()
    answer_probes(eng, eng.now_us + 599 * S)
    assert (eng.status.power, eng.slot_get(slot, gen).ka_lost) == (D3, 0)


def test_every_word_of_the_owner_renews_it(eng: Engine) -> None:
    owned(eng, 600)
    eng.sleep()
    for _ in range(10):
        answer_probes(eng, eng.now_us + 599 * S)
        assert eng.status.lease_left_ms == 1000
        eng.renew()
        assert eng.status.lease_left_ms == 600_000
    assert (eng.status.power, eng.counters["lease_expired"]) == (D3, 0)


def test_the_wake_timer_comes_first_when_the_host_set_it(eng: Engine) -> None:
    """How a host that is to sleep longer than its lease renews it."""
    owned(eng, 600)
    for _ in range(3):
        eng.sleep(wake_timer_ms=540_000)
        answer_probes(eng, eng.now_us + 540 * S)
        assert eng.wake_event().reason == 0x4007
        assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
        eng.renew()
        assert eng.slot_add()[0] == OK
    assert eng.counters["lease_expired"] == 0


def test_who_comes_back_too_late_has_to_attach(eng: Engine) -> None:
    owned(eng, 600)
    eng.sleep()
    answer_probes(eng, eng.now_us + 600 * S)
    refused = [eng.prepare(), eng.commit(), eng.abort(), eng.host_awake(), eng.release()[0], eng.slot_add()[0]]
    assert refused == [BAD_STATE] * 6
    assert [eng.pattern_add(9, data=b"x"), eng.arp_add(9, "192.0.2.9")] == [NOT_ACCEPTED] * 2
    eng.renew()
    assert eng.status.power == EXPIRED
    assert eng.attach(600_000) == 0
    assert eng.event() is None
    assert (eng.slot_add()[0], eng.arp_add(address=HOST_IP)) == (OK, OK)
    eng.sleep()
    eng.rx(arp())
    assert len(eng.take_sent()) == 1


def test_it_ends_on_time_when_nothing_else_is_due(eng: Engine) -> None:
    eng.attach(600_000)
    eng.arp_add()
    eng.sleep()
    end_us = eng.now_us + 600 * S
    eng.run_until(end_us - 1)
    assert eng.status.power == D3
    eng.run_until(end_us)
    assert eng.status.power == EXPIRED


def test_without_an_owner_there_is_no_lease(eng: Engine) -> None:
    """A device just booted: what speaks to it without attaching gets what it always got."""
    eng.slot_add()
    eng.sleep()
    answer_probes(eng, eng.now_us + 25 * 3600 * S)
    assert (eng.status.power, eng.status.lease_left_ms, eng.counters["lease_expired"]) == (D3, 0, 0)


@pytest.mark.parametrize(("lease_ms", "rc"), [(0, BAD_INTERVAL), (999, BAD_INTERVAL), (86_400_001, BAD_INTERVAL), (1000, OK)])
def test_the_bounds_of_a_lease(eng: Engine, lease_ms: int, rc: int) -> None:
    """Refused, the attach has changed nothing."""
    eng.slot_add()
    epoch = eng.status.epoch
    assert eng.try_attach(lease_ms)[0] == rc
    assert (len(eng.slots()), eng.status.epoch) == ((1, epoch) if rc else (0, epoch + 1))


def test_it_is_scaled_like_intervals_also_while_it_runs(eng: Engine) -> None:
    """A minute of 50 ms: 600 s last 500 ms."""
    owned(eng, 600)
    eng.sleep()
    eng.set_minute_us(50_000)
    assert eng.status.lease_left_ms == 600_000
    answer_probes(eng, eng.now_us + 499_999)
    assert eng.status.power == D3
    answer_probes(eng, eng.now_us + 1)
    assert eng.status.power == EXPIRED
