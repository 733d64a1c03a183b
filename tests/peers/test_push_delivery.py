"""When a push service lets a notification go: whether the host is there, the power it has, and how long others have waited
(RAW-012 to RAW-014)."""

from __future__ import annotations

import itertools
import time

import pytest

from rig.clock import Clock
from rig.peers.push_service import Priority, PushService
from rig.peers.push_service.mailbox import BATCH
from rig.push_line import Acknowledged, Goodbye, Notify, Power
from tests.peers.push_bench import HOST, HostEnd, PushBench

DARK = Power(screen_on=False, ac=False)
"""Screen off, on battery."""
SAVING = Power(screen_on=False, ac=False, saver=True)
NOW, BATCHED, CACHED = "now", "batched", "cached"
TABLE = {
    ("screen on", False): (NOW, NOW, NOW, NOW),
    ("screen on", True): (NOW, NOW, NOW, NOW),
    ("plugged in", False): (NOW, NOW, NOW, NOW),
    ("screen off on battery", False): (NOW, BATCHED, CACHED, CACHED),
    ("screen off on battery", True): (NOW, NOW, NOW, CACHED),
    ("battery saver", False): (CACHED, CACHED, CACHED, CACHED),
    ("battery saver", True): (NOW, NOW, NOW, CACHED),
    ("battery saver, screen on", False): (CACHED, CACHED, CACHED, CACHED),
}
"""RAW-014: of priorities 1 to 4, by power and whether the app is exempt."""
POWERS = {
    "screen on": Power(screen_on=True, ac=False),
    "plugged in": Power(screen_on=False, ac=True),
    "screen off on battery": DARK,
    "battery saver": SAVING,
    "battery saver, screen on": Power(screen_on=True, ac=False, saver=True),
}


def gone(service: PushService) -> list[bytes]:
    """What the service has sent so far, in order."""
    return [one.content for one in sorted(service.notifications, key=lambda one: one.number) if one.number]


def sent_again(push: PushBench, service: PushService, host: HostEnd, power: Power | None = None) -> HostEnd:
    """The host with a new line, that has acknowledged nothing."""
    return push.host(service, power, run=host.service_id)


@pytest.mark.parametrize(("state", "exempt"), TABLE, ids=lambda value: str(value))
def test_priorities_against_power(push: PushBench, state: str, exempt: bool) -> None:
    service = push.serve(minute_us=60_000_000)
    power = POWERS[state]
    host = push.host(service, Power(power.screen_on, power.ac, power.saver, ("mail",) if exempt else ("other",)))
    for priority, expected in zip(Priority, TABLE[state, exempt], strict=True):
        before = push.timeline.mark()
        uri = host.open("mail")
        reply = service.post(uri, str(priority).encode(), priority=priority, status=True)
        assert (reply.code, reply.status, reply.connection) == (200, "received", "connected")
        if expected == NOW:
            assert host.take().content == str(priority).encode()
            service.delivered(reply)
        else:
            assert push.timeline.find("PUSH_HELD", after=before, notification=reply.notification)[0].way == expected
        host.close_channel("mail")  # what is held of it is gone: each priority by itself


def test_a_raw_notification_that_says_nothing_of_its_priority_is_low(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service, DARK)
    service.post(host.open(), b"x")
    assert push.timeline.find("PUSH_HELD")[0].way == CACHED
    host.say(Power(screen_on=False, ac=False, exempt=("mail",)))
    assert host.take().content == b"x", "at once when the user exempts the app: low, not very low"


def test_what_is_cached_goes_when_the_power_allows_it_the_newest_of_each_channel(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service, DARK)
    mail, chat = host.open("mail"), host.open("chat")
    for uri, content in ((mail, b"m1"), (chat, b"c1"), (mail, b"m2"), (mail, b"m3")):
        service.post(uri, content, priority=Priority.VERY_LOW)
    service.post(mail, b"now", priority=Priority.HIGH)
    assert host.take().content == b"now", "none of the others with it"
    host.say(Power())
    assert [host.take().content for _ in range(2)] == [b"c1", b"m3"]
    discarded = push.timeline.find("PUSH_DISCARDED")
    assert [record.why for record in discarded] == ["a newer one of its channel"] * 2


def test_a_batch_goes_with_the_next_that_goes_at_once_before_it(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service, DARK)
    uri = host.open()
    for content in (b"1", b"2"):
        service.post(uri, content, priority=Priority.MEDIUM)
    service.post(uri, b"cached", priority=Priority.LOW)
    assert gone(service) == []
    service.post(uri, b"3", priority=Priority.HIGH)
    assert [host.take().content for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_batch_goes_when_its_oldest_has_waited_long_enough(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service, DARK)
    uri = host.open()
    service.post(uri, b"1", priority=Priority.MEDIUM)
    service.skip(minutes=10)
    service.post(uri, b"2", priority=Priority.MEDIUM)
    service.skip(minutes=4.9)
    assert gone(service) == []
    service.skip(minutes=0.2)
    assert [host.take().content for _ in range(2)] == [b"1", b"2"]


def test_a_batch_goes_by_the_benchs_clock_without_anybodys_doing(push: PushBench) -> None:
    service = push.serve(minute_us=20_000)
    host = push.host(service, DARK)
    uri, before_ns = host.open(), time.monotonic_ns()
    reply = service.post(uri, b"1", priority=Priority.MEDIUM)
    assert host.take().content == b"1"
    assert (service.delivered(reply).sent_ns[0] - before_ns) / 1e9 >= Clock(20_000).minutes_s(15)


def test_a_batch_that_is_full_goes_at_once(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service, DARK)
    uri = host.open()
    for n in range(BATCH):
        service.post(uri, str(n).encode(), priority=Priority.MEDIUM)
        assert len(gone(service)) == (0 if n < BATCH - 1 else BATCH)
    assert [host.take().content for _ in range(BATCH)] == [str(n).encode() for n in range(BATCH)]


def test_nothing_of_a_batch_goes_while_battery_saver_is_on(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service, DARK)
    uri = host.open()
    service.post(uri, b"1", priority=Priority.MEDIUM)
    host.set_power(SAVING)
    service.post(uri, b"2", priority=Priority.HIGH)
    service.skip(minutes=60)
    assert gone(service) == []
    host.say(DARK)
    assert [host.take().content for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("goodbye", [True, False], ids=["on purpose", "lost"])
def test_a_host_that_is_offline_gets_only_what_is_cached_and_of_that_the_newest(push: PushBench, goodbye: bool) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service)
    uri, other = host.open(), host.open("chat")
    if goodbye:
        host.say(Goodbye())
    host.sock.close()
    service.wait_disconnected()
    gone_for = "disconnected" if goodbye else "tempconnected"
    reply = service.post(uri, b"lost", status=True)
    assert (reply.code, reply.status, reply.connection) == (200, "dropped", gone_for), "raw is not cached by default"
    assert service.post(uri, b"lost", cache=False, status=True).status == "dropped"
    for n in range(3):
        reply = service.post(uri, f"kept {n}".encode(), cache=True, status=True)
        assert (reply.code, reply.status, reply.connection) == (200, "received", gone_for)
    service.post(other, b"of another channel", cache=True)
    host = sent_again(push, service, host)
    assert [host.take().content for _ in range(2)] == [b"kept 2", b"of another channel"]
    reply = service.post(uri, b"last", status=True)
    assert (reply.status, reply.connection) == ("received", "connected")
    assert host.take().content == b"last", "and nothing between"


def test_a_lost_host_is_away_for_a_moment_only_and_then_disconnected(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service)
    uri = host.open()
    host.sock.close()
    service.wait_disconnected()
    assert service.post(uri, b"x", status=True).connection == "tempconnected"
    service.skip(minutes=5)
    assert service.post(uri, b"x", status=True).connection == "disconnected"


@pytest.mark.parametrize(("ttl_s", "waited_min", "comes"), [(60, 0.9, True), (60, 1, False), (0, 0, False), (None, 60, True)])
def test_a_cached_notification_has_its_time_to_live(push: PushBench, ttl_s: int | None, waited_min: float, comes: bool) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service)
    uri = host.open()
    host.sock.close()
    service.wait_disconnected()
    reply = service.post(uri, b"kept", cache=True, ttl_s=ttl_s)
    service.skip(minutes=waited_min)
    if not comes:
        push.timeline.wait("PUSH_EXPIRED", notification=reply.notification)
    host = sent_again(push, service, host)
    service.post(uri, b"next")
    assert [host.take().content for _ in range(1 + comes)] == [b"kept", b"next"][not comes :]


def test_the_time_to_live_counts_while_power_holds_it_back_too(push: PushBench) -> None:
    service = push.serve(minute_us=20_000)
    host = push.host(service, DARK)
    uri, before_ns = host.open(), time.monotonic_ns()
    reply = service.post(uri, b"x", priority=Priority.LOW, ttl_s=120)
    expired = push.timeline.wait("PUSH_EXPIRED", notification=reply.notification)
    assert (expired.t_ns - before_ns) / 1e9 >= Clock(20_000).minutes_s(2), "on the bench's clock"
    host.say(Power())
    service.post(service.uri("mail"), b"next")
    assert host.take().content == b"next"


def test_what_was_not_acknowledged_comes_again_in_order_with_its_number(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    for n in range(5):
        service.post(uri, str(n).encode())
    first = [host.hear(Notify) for _ in range(5)]
    host.say(Acknowledged(first[1].number))
    push.timeline.wait("PUSH_DELIVERED", number=first[1].number)
    host.sock.close()
    service.wait_disconnected()
    host = push.host(service, run=host.service_id, last=first[2].number)
    service.post(uri, b"new")
    assert [host.take() for _ in range(2)] == first[3:], "the third was done, and only its acknowledgement was lost"
    last = host.take()
    assert (last.number, last.content) == (first[4].number + 1, b"new")
    assert [one.content for one in service.deliveries[:3]] == [b"0", b"1", b"2"]


def test_the_newest_line_of_a_host_is_the_one(push: PushBench) -> None:
    service = push.serve()
    old = push.host(service)
    uri = old.open()
    service.post(uri, b"1")
    new = sent_again(push, service, old)
    assert old.hear(Notify).content == b"1"
    assert old.ended(), "the service closes it"
    assert new.take().content == b"1", "as it may not have come"
    reply = service.post(uri, b"2", status=True)
    assert (reply.connection, new.take().content) == ("connected", b"2")


def test_numbers_of_another_run_of_the_service_mean_nothing(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service, run="another", last=1000)
    service.post(host.open(), b"1")
    assert host.take().number == 1


def test_hosts_do_not_hear_of_one_another(push: PushBench) -> None:
    service = push.serve()
    one, two = push.host(service), push.host(service, host="another-" + HOST)
    uris = [host.open("mail") for host in (one, two)]
    assert uris[0] != uris[1]
    for uri, content in zip(itertools.cycle(uris), (b"1", b"2", b"3", b"4"), strict=False):
        service.post(uri, content)
    assert [one.take().content for _ in range(2)] == [b"1", b"3"]
    assert [two.take().content for _ in range(2)] == [b"2", b"4"]


def test_nothing_of_a_closed_channel_comes_any_more(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service, DARK)
    mail, chat = host.open("mail"), host.open("chat")
    service.post(mail, b"cached", priority=Priority.LOW)
    service.post(mail, b"batched", priority=Priority.MEDIUM)
    host.close_channel("mail")
    host.say(Power())
    service.post(chat, b"of another")
    assert host.take().content == b"of another"
    assert {record.why for record in push.timeline.find("PUSH_DISCARDED")} == {"its channel was closed"}
