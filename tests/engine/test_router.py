"""A host that sleeps longer than its routers' lifetimes, judged by a model of what a host believes (RFC 4861 6.3.4, 6.3.5).

The model hears what reaches it: all while it is awake, and the frames that the engine hands over when it wakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, IPv6
from scapy.layers.l2 import Ether

from rig.suite.neighbour_frames import ALL_NODES, group_mac
from tests.engine.engine_lib import D3, HOST_TIMER, NS_RA_WAKE, OK, ROUTER_CHANGED, WOKEN, Engine
from tests.engine.nd_packets import ra
from tests.engine.packets import ether, udp

pytestmark = pytest.mark.edge(88)

S = 1_000_000
DAY_S = 86400
LONG_S = DAY_S // 4
LIFETIME_S = 1800


@dataclass
class Host:
    """Sleeps whenever it can. `ends_s`: until when it believes in what each advertisement said of it, by router or prefix."""

    eng: Engine
    wakes: int = 0
    ends_s: dict[str, float] = field(default_factory=dict)

    def start(self, *frames: bytes) -> None:
        assert self.eng.ns_add(flags=NS_RA_WAKE) == OK
        for frame in frames:
            self.eng.rx(frame)
            self.hear(frame)
        self.eng.sleep()

    def hear(self, frame: bytes) -> None:
        packet, now_s = Ether(frame), self.eng.now_us / S
        self.ends_s[packet[IPv6].src] = now_s + packet[ICMPv6ND_RA].routerlifetime
        option = packet[ICMPv6ND_RA].payload
        while option:
            if isinstance(option, ICMPv6NDOptPrefixInfo):
                self.ends_s[option.prefix] = now_s + option.validlifetime
            if isinstance(option, ICMPv6NDOptRDNSS):
                self.ends_s[option.dns[0]] = now_s + option.lifetime
            option = option.payload

    def look(self) -> None:
        """What a host does when it is told to wake."""
        if self.eng.status.power != WOKEN:
            return
        assert self.eng.wake_event().reason == ROUTER_CHANGED
        self.wakes += 1
        for frame in self.eng.frames():
            self.hear(bytes(frame.bytes[: frame.saved_len]))
        assert self.eng.host_awake() == self.eng.release()[0] == OK
        self.eng.sleep()

    def sleep_until(self, t_us: int) -> None:
        """Looks at the device every ten seconds."""
        while self.eng.now_us < t_us:
            self.eng.run_until(min(t_us, self.eng.now_us + 10 * S))
            self.look()

    def believes(self, *what: str) -> bool:
        return all(self.ends_s[one] > self.eng.now_us / S for one in what)


def lasting(lifetime: int = LIFETIME_S, **kw: object) -> bytes:
    """An advertisement of which only the router's lifetime is short."""
    return ra(lifetime=lifetime, valid=DAY_S * 30, dns_life=DAY_S * 30, **kw)  # type: ignore[arg-type]


@pytest.mark.parametrize("interval_s", [30, 200, 600, 1400, 1790])
def test_the_host_keeps_its_router_for_long_with_few_wakes(eng: Engine, interval_s: int) -> None:
    """Five sixths of the lifetime pass between two wakes, however often the router speaks."""
    host = Host(eng)
    host.start(lasting())
    for at_s in range(interval_s, LONG_S, interval_s):
        host.sleep_until(at_s * S)
        assert host.believes("fe80::1"), f"at {at_s} s"
        eng.rx(lasting())
        host.look()
    assert host.wakes <= LONG_S / (LIFETIME_S * 5 / 6)
    assert host.wakes >= LONG_S / (LIFETIME_S + interval_s) - 1
    assert eng.counters["wake_router_changed"] == host.wakes
    eng.check_sum()


def test_the_shortest_lifetime_of_all_counts(eng: Engine) -> None:
    """Name servers that are told for ten minutes, prefixes for twenty."""
    host, said = Host(eng), ra(valid=1200, dns_life=600)
    host.start(said)
    for at_s in range(100, 7200, 100):
        host.sleep_until(at_s * S)
        assert host.believes("fe80::1", "2001:db8::", "2001:db8::53"), f"at {at_s} s"
        eng.rx(said)
        host.look()
    assert host.wakes == 7200 // 500


def test_one_lost_advertisement_of_three_does_no_harm(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    for n in range(1, 60):
        host.sleep_until(n * 600 * S)
        if n % 3:
            eng.rx(lasting())
            host.look()
        assert host.believes("fe80::1"), f"at {n * 600} s"


def test_a_router_that_falls_silent_is_forgotten_by_the_host(eng: Engine) -> None:
    """The negative control: its last word is handed over once, and then nothing wakes any more."""
    host = Host(eng)
    host.start(lasting())
    host.sleep_until(700 * S)
    eng.rx(lasting())
    host.sleep_until(DAY_S * S)
    assert host.wakes == 1
    assert host.ends_s["fe80::1"] == pytest.approx(1500 + LIFETIME_S, abs=11)


def test_a_router_that_says_nothing_does_not_wake(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    host.sleep_until(DAY_S * S)
    assert host.wakes == 0


def test_what_comes_when_it_is_nearly_over_wakes_at_once(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    host.sleep_until(1600 * S)
    eng.rx(lasting())
    assert eng.status.power == WOKEN
    host.look()
    assert host.ends_s["fe80::1"] == 1600 + LIFETIME_S


def split(number: int, lifetime: int = LIFETIME_S) -> bytes:
    """One of several advertisements of a router, each with prefixes of its own (RFC 4861 6.2.3)."""
    l3 = IPv6(src="fe80::1", dst=ALL_NODES, hlim=255)
    prefix = ICMPv6NDOptPrefixInfo(
        prefix=f"2001:db8:{number}::", prefixlen=64, validlifetime=lifetime, preferredlifetime=lifetime
    )
    return bytes(ether(group_mac(ALL_NODES)) / l3 / ICMPv6ND_RA(routerlifetime=lifetime) / prefix)


def test_prefixes_in_two_advertisements_wake_once_for_both(eng: Engine) -> None:
    host, parts = Host(eng), [split(1), split(2)]
    host.start(*parts)
    for at_s in range(600, LONG_S, 600):
        host.sleep_until(at_s * S)
        assert host.believes("fe80::1", "2001:db8:1::", "2001:db8:2::"), f"at {at_s} s"
        for part in parts:
            eng.rx(part)
            host.look()
    assert host.wakes <= LONG_S / 1500


def test_more_kinds_than_are_kept_wake(eng: Engine) -> None:
    host, parts = Host(eng), [split(i) for i in range(5)]
    host.start(*parts)
    host.sleep_until(600 * S)
    for part in parts[:4]:
        eng.rx(part)
    assert (eng.status.power, eng.status.buffered) == (D3, 4)
    eng.rx(parts[4])
    assert (eng.wake_event().reason, eng.status.buffered) == (ROUTER_CHANGED, 5)
    eng.check_sum()


@pytest.mark.parametrize(("lifetime", "news"), [(1799, False), (1600, False), (1499, True), (599, True), (5, True)])
def test_a_lifetime_that_falls_is_news(eng: Engine, lifetime: int, news: bool) -> None:
    """The host would believe in the router for too long: by more than a sixth of what it was told."""
    host = Host(eng)
    host.start(lasting())
    eng.rx(lasting(lifetime))
    assert (eng.status.power == WOKEN) is news


def test_lifetimes_that_count_down_wake_nobody(eng: Engine) -> None:
    """With the clock, but for the rounding to whole seconds of both."""
    host = Host(eng)
    host.start(lasting())
    for left_s in range(1800, 0, -7):
        host.sleep_until((1800 - left_s) * S + 900_000)
        eng.rx(lasting(left_s))
    assert (host.wakes, eng.status.power) == (0, D3)


def test_there_and_back_again_is_news_twice(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    for lifetime in (0, LIFETIME_S, 0):
        eng.rx(lasting(lifetime))
        host.look()
    assert host.wakes == 3


def test_what_has_ended_may_be_told_again_but_not_begin_again(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    host.sleep_until((LIFETIME_S + 1) * S)
    eng.rx(lasting(0))
    assert eng.status.power == D3
    eng.rx(lasting())
    assert eng.wake_event().reason == ROUTER_CHANGED


def test_every_wake_hands_over_the_newest_before_what_woke(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    for at_s in (300, 600):
        host.sleep_until(at_s * S)
        eng.rx(lasting(LIFETIME_S + at_s))
    goodbye = lasting(0)
    eng.rx(goodbye)
    assert [bytes(f.bytes[: f.saved_len]) for f in eng.frames()] == [lasting(LIFETIME_S + 600), goodbye]
    host.look()
    eng.rx(goodbye)
    assert (host.wakes, eng.status.power) == (1, D3)


@pytest.mark.parametrize("cause", ["a timer", "itself"])
def test_a_host_that_wakes_by_itself_gets_it_too(eng: Engine, cause: str) -> None:
    assert eng.ns_add(flags=NS_RA_WAKE) == OK
    eng.rx(lasting())
    eng.sleep(wake_timer_ms=900_000)
    eng.run_until(600 * S)
    eng.rx(lasting())
    if cause == "a timer":
        eng.run_until(901 * S)
        assert eng.wake_event().reason == HOST_TIMER
    woken_s = eng.now_us // S
    assert eng.host_awake() == OK
    (kept,) = eng.frames()
    assert bytes(kept.bytes[: kept.saved_len]) == lasting()
    assert eng.release()[0] == OK
    eng.sleep()
    eng.rx(lasting())
    eng.run_until((woken_s + 1499) * S)
    assert eng.status.power == D3


def test_nothing_is_kept_that_makes_nothing_last_longer(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    for _ in range(20):
        eng.rx(lasting())
    eng.rx(udp(dport=9))
    assert (eng.status.buffered, eng.counters["ra_same"], eng.counters["rx_dropped_policy"]) == (0, 20, 22), (
        "the first came while the host was awake"
    )


def test_what_was_kept_for_a_host_is_not_the_next_ones(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    host.sleep_until(600 * S)
    eng.rx(lasting())
    eng.attach()
    eng.sleep()
    host.sleep_until(3 * 1800 * S)
    assert (eng.event(), eng.frames()) == (None, [])


def test_frames_that_are_acknowledged_while_the_host_sleeps_do_no_harm(eng: Engine) -> None:
    host = Host(eng)
    host.start(lasting())
    host.sleep_until(600 * S)
    eng.rx(lasting())
    eng.frames_ack(1)
    eng.run_until(1501 * S)
    assert (eng.wake_event().reason, eng.frames()) == (ROUTER_CHANGED, [])
