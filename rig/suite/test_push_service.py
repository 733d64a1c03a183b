"""Raw push notifications as the push service treats them: what it asks of a POST, what it answers, when the host hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rig.bench import Bench
from rig.peers.push_service import Presence, Priority
from rig.suite.push_service_scene import APP, PushServiceScene

HELD = "held"
NOW = "now"
DAYS = 30
DAY_S = 86_400
REAL_MINUTES = pytest.mark.bench_config(minute_us=60_000_000)
"""For what is over after a few minutes: no test is that slow. Time passes when it says so."""


@pytest.fixture
def push(bench: Bench) -> Iterator[PushServiceScene]:
    """A bench with the app of raw push notifications, its task and its channel, and a push service."""
    with bench.peers.push_service() as service:
        yield PushServiceScene(bench, service)


@pytest.mark.requirement("RAW-010")
@pytest.mark.host_alone
@pytest.mark.parametrize(("length", "code"), [(0, 400), (1, 200), (5000, 200), (5001, 413)])
def test_a_notification_has_1_to_5000_bytes(push: PushServiceScene, length: int, code: int) -> None:
    content = bytes(n % 251 for n in range(length))
    assert push.answer(content).code == code
    if code == 200:
        push.task(content)
    else:
        push.nothing_but()


@pytest.mark.requirement("RAW-011")
@pytest.mark.host_alone
@pytest.mark.parametrize(
    ("missing", "code"), [("X-WNS-Type", 400), ("Content-Type", 400), ("Authorization", 401), (None, 200)], ids=str
)
def test_a_header_that_is_missing_is_refused(push: PushServiceScene, missing: str | None, code: int) -> None:
    assert push.answer(b"news", without=[missing] if missing else []).code == code
    if missing is None:
        push.task(b"news")
    else:
        push.nothing_but()


@pytest.mark.requirement("RAW-011")
@pytest.mark.host_alone
@pytest.mark.parametrize(
    ("framing", "code"),
    [({"Transfer-Encoding": "chunked"}, 400), ({}, 400), ({"Content-Length": "4"}, 200)],
    ids=["chunked", "no length", "with its length"],
)
def test_a_body_has_its_length_and_is_not_chunked(push: PushServiceScene, framing: Mapping[str, str], code: int) -> None:
    body = b"4\r\nnews\r\n0\r\n\r\n" if "Transfer-Encoding" in framing else b"news"
    assert push.service.post_raw(push.uri, framing, body).code == code
    if code == 200:
        push.task(b"news")
    else:
        push.nothing_but()


@pytest.mark.requirement("RAW-011")
@pytest.mark.host_alone
@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("X-WNS-Type", "wns/toast", 400),
        ("Content-Type", "text/xml", 400),
        ("Authorization", "Bearer of-nobody", 401),
        ("X-WNS-PRIORITY", "5", 400),
    ],
)
def test_a_header_that_is_wrong_is_refused(push: PushServiceScene, header: str, value: str, code: int) -> None:
    assert push.answer(b"news", headers={header: value}).code == code
    push.nothing_but()


@pytest.mark.requirement("RAW-012")
@pytest.mark.host_alone
@REAL_MINUTES
def test_the_reply_says_what_became_of_it_and_whether_the_host_is_there(push: PushServiceScene) -> None:
    assert push.answer(b"quiet").status is None, "nobody asked"
    reply = push.answer(b"online", status=True)
    assert (reply.code, reply.status, reply.connection) == (200, "received", Presence.CONNECTED)
    push.task(b"online")
    push.go_offline(for_long=False)
    reply = push.answer(b"away", status=True)
    assert (reply.code, reply.status, reply.connection) == (200, "dropped", Presence.TEMPORARILY)
    push.service.skip(minutes=60)
    reply = push.answer(b"offline", status=True, cache=False)
    assert (reply.code, reply.status, reply.connection) == (200, "dropped", Presence.DISCONNECTED)
    push.come_back()
    push.service.throttle(0)
    reply = push.answer(b"too much", status=True)
    assert (reply.code, reply.status, reply.connection) == (406, "channelthrottled", Presence.CONNECTED)


@pytest.mark.requirement("RAW-013")
@pytest.mark.host_alone
@pytest.mark.parametrize("cache", [None, False, True], ids=["default", "no-cache", "cache"])
def test_of_what_came_while_the_host_was_offline_only_the_newest_cached_one_is_kept(
    push: PushServiceScene, cache: bool | None
) -> None:
    push.go_offline()
    for content in (b"first", b"second", b"third"):
        assert push.answer(content, cache=cache, status=True).status == ("received" if cache else "dropped")
    after = push.timeline.mark()
    push.come_back()
    if cache:
        push.task(b"third", after=after)
    push.nothing_but(*([b"third"] if cache else []), after=after)


@pytest.mark.requirement("RAW-013")
@pytest.mark.host_alone
@pytest.mark.parametrize(("days", "kept"), [(8, True), (10, False)], ids=["before", "after"])
def test_a_cached_one_is_kept_until_its_time_to_live_is_over(push: PushServiceScene, days: int, kept: bool) -> None:
    """Of ten days."""
    push.go_offline()
    push.answer(b"kept", cache=True, ttl_s=10 * DAY_S)
    push.service.skip(days=days)
    after = push.timeline.mark()
    push.come_back()
    push.nothing_but(*([b"kept"] if kept else []), after=after)


TABLE = {
    ("screen on", False): (NOW, NOW, NOW, NOW),
    ("screen on", True): (NOW, NOW, NOW, NOW),
    ("plugged in", False): (NOW, NOW, NOW, NOW),
    ("plugged in", True): (NOW, NOW, NOW, NOW),
    ("screen off on battery", False): (NOW, HELD, HELD, HELD),
    ("screen off on battery", True): (NOW, NOW, NOW, HELD),
    ("battery saver", False): (HELD, HELD, HELD, HELD),
    ("battery saver", True): (NOW, NOW, NOW, HELD),
}
"""RAW-014: what becomes at once of priorities 1 to 4, by the host's state and whether the user has exempted the app."""
STATES: dict[str, dict[str, Any]] = {
    "screen on": {"ac": False},
    "plugged in": {"ac": True},
    "screen off on battery": {"ac": False},
    "battery saver": {"ac": False, "battery_percent": 10, "energy_saver": True},
}
HOURS = 20_000
"""Minutes that a batch is collected for: nobody of these tests lives so long."""


@pytest.mark.requirement("RAW-014")
@pytest.mark.parametrize(("state", "exempt"), TABLE, ids=lambda value: {True: "exempt", False: "not exempt"}.get(value, value))
def test_priorities_against_power_and_exemption(push: PushServiceScene, state: str, exempt: bool) -> None:
    """Each of the four has a channel of its own, so that none takes another's place."""
    uris = push.app.call("open_many", count=len(Priority))
    push.service.batch_minutes(HOURS)
    push.host.levers.set(**STATES[state], energy_saver_exempt=(APP,) if exempt else ("another",))
    dark = state in ("plugged in", "screen off on battery")
    if dark:
        push.host.enter_standby()
    push.service.wait_power(ac=state == "plugged in", saver=state == "battery saver", screen_on=not dark)
    after = push.timeline.mark()
    for priority, uri in zip(Priority, uris, strict=True):
        push.send(uri, priority.name.encode(), priority=priority)
    now = [one.name.encode() for one in Priority if TABLE[state, exempt][one - 1] == NOW]
    held = [one.name.encode() for one in Priority if TABLE[state, exempt][one - 1] == HELD]
    for content in now:
        push.task(content, after=after)
    assert len(push.timeline.find("PUSH_SENT", after=after)) == len(now)
    assert len(push.timeline.find("PUSH_HELD", after=after)) == len(held)
    if held:
        push.host.levers.set(ac=True)
        push.task(held[-1], after=after)
    assert push.contents(after) == now + held


@pytest.mark.requirement("RAW-014")
def test_what_is_not_urgent_does_not_wake_the_host_and_a_batch_does_it_once(push: PushServiceScene) -> None:
    push.service.batch_minutes(HOURS)
    push.host.levers.set(ac=False)
    push.host.enter_standby()
    after = push.timeline.mark()
    push.service.wait_power(screen_on=False)
    for content in (b"one", b"two", b"three"):
        push.answer(content, priority=Priority.MEDIUM)
    push.answer(b"low", priority=Priority.LOW)
    assert not push.timeline.find("NIC_WAKE", after=after)
    push.service.skip(minutes=HOURS)
    push.task(b"three", after=after)
    assert push.contents(after) == [b"one", b"two", b"three"], "and the low one waits on"
    assert len(push.timeline.find("NIC_WAKE", after=after)) == 1
    push.host.exit_standby()
    push.task(b"low", after=after)


@pytest.mark.requirement("RAW-015")
@pytest.mark.host_alone
def test_an_address_is_of_use_for_30_days(push: PushServiceScene) -> None:
    uri = push.uri
    assert push.app.call("lives_days") == DAYS
    push.service.skip(days=1)
    assert push.open() == uri, "asked for at each launch; the same may return"
    push.service.skip(days=DAYS - 2)
    assert push.answer(b"in time").code == 200
    push.task(b"in time")
    push.service.skip(days=1)
    assert push.answer(b"late").code == 410
    assert push.service.post(uri[:-1], b"wrong").code == 404
    push.uri = push.open()
    assert push.uri != uri
    push.nothing_but(b"in time")


@pytest.mark.requirement("RAW-015")
@pytest.mark.host_alone
@REAL_MINUTES
def test_who_posts_too_often_is_throttled(push: PushServiceScene) -> None:
    push.service.throttle(2)
    assert [push.answer(str(n).encode()).code for n in range(3)] == [200, 200, 406]
    push.task(b"1")
    push.service.throttle(1000)
    push.service.skip(minutes=1)
    push.nothing_but(b"0", b"1")


@pytest.mark.requirement("RAW-015")
@pytest.mark.host_alone
def test_close_takes_this_address_and_those_before(push: PushServiceScene) -> None:
    first = push.uri
    push.service.skip(days=DAYS / 2 + 1)
    push.uri = push.open()
    assert push.uri != first
    assert [push.service.post(uri, b"x").code for uri in (first, push.uri)] == [200, 200]
    push.app.call("close")
    assert [push.service.post(uri, b"x").code for uri in (first, push.uri)] == [410, 410]
    push.uri = push.open()
    push.nothing_but(b"x", b"x")


@pytest.mark.requirement("RAW-001")
@pytest.mark.topology("dual-stack")
def test_a_service_with_an_ipv6_address_wakes_the_host_too(bench: Bench) -> None:
    with bench.peers.push_service(ipv6=True) as service:
        push = PushServiceScene(bench, service)
        assert push.uri.startswith("http://[")
        push.host.enter_standby()
        after = push.timeline.mark()
        assert push.answer(b"news", priority=Priority.HIGH).code == 200
        push.task(b"news", after=after)
        assert push.timeline.find("NIC_WAKE", after=after)


@pytest.mark.requirement("RAW-012")
@pytest.mark.host_alone
def test_apps_servers_may_post_over_tls(bench: Bench) -> None:
    """The host's line and the tasks have nothing to do with how a notification got to the service."""
    tls = bench.authority.server_context(bench.network.topology.server.ip4)
    with bench.peers.push_service(tls=tls) as service:
        push = PushServiceScene(bench, service)
        assert push.uri.startswith("https://")
        reply = push.answer(b"sealed", status=True)
        assert (reply.code, reply.status, reply.connection) == (200, "received", Presence.CONNECTED)
        push.task(b"sealed")


@pytest.mark.requirement("RAW-009", "RAW-012")
@pytest.mark.wakes("TCP_FIN", "TCP_RST")
@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
def test_what_was_received_comes_once_and_in_order_though_the_line_breaks_again_and_again(
    push: PushServiceScene, asleep: bool
) -> None:
    """Half of it while nobody knows yet that the line is gone, half as soon as it is there again."""
    said = [str(n).encode() for n in range(12)]  # three breaks: the host waits longer after each
    for n, content in enumerate(said):
        if asleep and n % 4 == 0:
            push.host.enter_standby()
        push.service.host()
        line = push.service.lines[-1]
        if n % 4 == 1:
            line.hold()
        reply = push.answer(content, priority=Priority.HIGH, status=True, cache=True)
        assert reply.status == "received"
        if n % 4 == 2:
            push.service.drop_lines()
    push.task(said[-1])
    assert push.contents() == said
