"""What a push service asks of a POST, and what it answers (RAW-010, RAW-011, RAW-015)."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode, urlsplit

import pytest

from rig.peers.push_service import Priority, PushService
from rig.push_line import ChannelKind, ChannelOpened, Goodbye, OpenChannel, Power, Refusal, Refused
from tests.peers.push_bench import PushBench, raw_post


def good_headers(push: PushService, uri: str, length: int) -> dict[str, str]:
    return {
        "Host": urlsplit(uri).netloc,
        "Authorization": f"Bearer {push.token('mail')}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(length),
        "X-WNS-Type": "wns/raw",
        "Connection": "close",
    }


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_good_post_reaches_the_host_with_its_headers(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    reply = service.post(uri, b"\x00news\xff", priority=Priority.HIGH, headers={"X-WNS-Mine": "7"})
    notify = host.take()
    assert (reply.code, reply.status, reply.connection) == (200, None, None), "nobody has asked for the status"
    assert (notify.app, notify.kind, notify.id, notify.content) == ("mail", ChannelKind.PRIMARY, "", b"\x00news\xff")
    assert notify.headers == {"x-wns-type": "wns/raw", "x-wns-priority": "1", "x-wns-mine": "7"}
    one = service.delivered(reply)
    assert (one.number, one.content, len(one.sent_ns), service.deliveries) == (notify.number, b"\x00news\xff", 1, [one])
    events = [record.event for record in push.timeline.records() if "notification" in record.detail]
    assert events == ["PUSH_POSTED", "PUSH_SENT", "PUSH_DELIVERED"]


@pytest.mark.parametrize(
    ("missing", "status"),
    [("Authorization", 401), ("Content-Type", 400), ("Content-Length", 400), ("X-WNS-Type", 400), (None, 200)],
)
def test_each_header_that_is_missing_is_refused(push: PushBench, missing: str | None, status: int) -> None:
    service = push.serve()
    uri = push.host(service).open()
    headers = {name: value for name, value in good_headers(service, uri, 4).items() if name != missing}
    answer = push.ask(service, raw_post(urlsplit(uri).path, headers, b"news"))
    assert status_of(answer) == status
    if missing and status == 400:
        assert f"\r\nx-wns-error-description: {missing}".lower().encode() in answer.lower(), "which one it is"
    assert len(service.notifications) == (status == 200)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("X-WNS-Type", "wns/toast", 400),
        ("Content-Type", "text/plain", 400),
        ("Authorization", "Bearer made-up", 401),
        ("Authorization", "Basic bWFpbDpzZWNyZXQ=", 401),
        ("X-WNS-PRIORITY", "0", 400),
        ("X-WNS-PRIORITY", "5", 400),
        ("X-WNS-PRIORITY", "high", 400),
        ("X-WNS-TTL", "-1", 400),
        ("X-WNS-TTL", "1e3", 400),
        ("X-WNS-TTL", "99999999999", 400),
        ("X-WNS-Cache-Policy", "maybe", 400),
        ("X-WNS-RequestForStatus", "1", 400),
        ("X-WNS-Long", "x" * 257, 400),
    ],
)
def test_each_header_that_is_wrong_is_refused(push: PushBench, name: str, value: str, status: int) -> None:
    service = push.serve()
    uri = push.host(service).open()
    assert service.post(uri, b"news", headers={name: value}).code == status
    assert service.notifications == []


def test_too_many_headers_and_one_that_comes_twice_are_refused(push: PushBench) -> None:
    service = push.serve()
    uri = push.host(service).open()
    assert service.post(uri, b"news", headers={f"X-WNS-{n}": "x" for n in range(16)}).code == 400
    once = raw_post(urlsplit(uri).path, good_headers(service, uri, 4), b"news")
    twice = once.replace(b"X-WNS-Type", b"X-WNS-PRIORITY: 1\r\nX-WNS-PRIORITY: 4\r\nX-WNS-Type")
    assert status_of(push.ask(service, twice)) == 400
    assert service.notifications == []


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 200), (5000, 200), (5001, 413), (70_000, 413)])
def test_a_notification_has_1_to_5000_bytes(push: PushBench, length: int, status: int) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    content = bytes(n % 251 for n in range(length))
    assert service.post(uri, content).code == status
    assert service.post(uri, b"next").code == 200, "whatever came before"
    if status == 200:
        assert host.take().content == content
    assert host.take().content == b"next"


def test_a_chunked_body_is_refused(push: PushBench) -> None:
    service = push.serve()
    uri = push.host(service).open()
    headers = good_headers(service, uri, 4) | {"Transfer-Encoding": "chunked"}
    del headers["Content-Length"]
    answer = push.ask(service, raw_post(urlsplit(uri).path, headers, b"4\r\nnews\r\n0\r\n\r\n"))
    assert status_of(answer) == 400
    assert b"chunked bodies are not supported" in answer
    assert service.notifications == []


def test_what_is_pipelined_behind_a_post_is_never_looked_at(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    headers = {name: value for name, value in good_headers(service, uri, 1).items() if name != "Connection"}
    answer = push.ask(service, b"".join(raw_post(urlsplit(uri).path, headers, body) for body in (b"1", b"2", b"3")))
    assert answer.count(b"HTTP/1.1") == 1, "and the connection closes, so that its client knows"
    assert [one.content for one in service.notifications] == [b"1"]
    host.take()


def test_other_methods_paths_and_addresses(push: PushBench) -> None:
    service = push.serve()
    uri = push.host(service).open()
    head, _, secret = uri.rpartition("/")
    assert status_of(push.ask(service, b"GET /c/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == 405
    assert service.post(service.url("/elsewhere"), b"x").code == 404
    for wrong in ("A" * len(secret), secret[:-1], secret + "A", secret.swapcase(), "", "../" + secret):
        assert service.post(f"{head}/{wrong}", b"x").code == 404
    assert service.notifications == []


def test_addresses_are_128_random_bits(push: PushBench) -> None:
    host = push.host(push.serve())
    secrets = [host.open(app).rpartition("/")[2] for app in map(str, range(200))]
    assert len(set(secrets)) == 200
    assert all(len(secret) == 22 for secret in secrets), "22 characters of six bits"
    assert all(len({secret[place] for secret in secrets}) > 30 for place in range(21)), "none of them stands still"


def test_a_token_is_had_for_credentials_and_is_of_one_app(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    mail, chat = host.open("mail"), host.open("chat")
    credentials = service.credentials("mail")
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "scope": "notify.windows.com",
    }

    def asked(**other: str) -> http.client.HTTPResponse:
        client = http.client.HTTPConnection(service.address, service.port)
        client.sock = push.socket(service.address, service.port)
        client.request("POST", "/accesstoken.srf", urlencode(form | other), {"Content-Type": "application/x-www-form-urlencoded"})
        return client.getresponse()

    answer = asked()
    token = json.loads(answer.read())
    assert (answer.status, token["token_type"], token["expires_in"]) == (200, "bearer", 86_400)
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert service.post(mail, b"x", headers=bearer).code == 200
    assert service.post(chat, b"x", headers=bearer).code == 403
    for other, error in (
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": service.credentials("chat").client_secret}, "invalid_client"),
        ({"client_id": "ms-app://"}, "invalid_client"),
        ({"client_id": "mail"}, "invalid_client"),
        ({"scope": "all"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ):
        refused = asked(**other)
        assert (refused.status, json.loads(refused.read())) == (400, {"error": error})
    service.skip(minutes=24 * 60)
    assert service.post(mail, b"x", headers=bearer).code == 401


def test_an_address_lives_30_days_and_is_renewed_while_it_has_half_of_them(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    first = host.open()
    service.skip(days=14.9)
    assert host.open() == first, "asked at each launch"
    service.skip(days=0.2)
    second = host.open()
    assert second != first
    assert service.post(first, b"old").code == 200, "it lives out its time"
    service.skip(days=14.9)
    assert service.post(first, b"x").code == 410
    assert service.post(second, b"x").code == 200
    service.skip(days=15.1)
    assert service.post(second, b"x").code == 410
    assert host.take().content == b"old"


def test_a_closed_channels_addresses_are_gone_and_the_next_has_another(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    first = host.open()
    service.skip(days=16)
    second = host.open()
    other = host.open("chat")
    host.close_channel()
    assert [service.post(uri, b"x").code for uri in (first, second, other)] == [410, 410, 200]
    host.take()
    third = host.open()
    assert third not in (first, second)
    assert service.post(third, b"x").code == 200


def test_an_app_has_1000_alternate_channels(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    host.open()
    uris = {host.open(kind=ChannelKind.ALTERNATE, name=str(n)) for n in range(1000)}
    assert len(uris) == 1000
    host.say(OpenChannel(9001, "mail", ChannelKind.ALTERNATE, "one more"))
    assert host.hear(Refused) == Refused(9001, Refusal.TOO_MANY_CHANNELS)
    assert host.open(kind=ChannelKind.ALTERNATE, name="7") in uris, "those that there are are given out again"
    assert host.open("chat", ChannelKind.ALTERNATE, "one more") not in uris, "another app has its own"
    host.close_channel(kind=ChannelKind.ALTERNATE, name="7")
    host.say(OpenChannel(9002, "mail", ChannelKind.ALTERNATE, "one more"))
    assert host.hear(ChannelOpened).request == 9002
    service.post(service.uri("mail", ChannelKind.ALTERNATE, "8"), b"x")
    notify = host.take()
    assert (notify.kind, notify.id) == (ChannelKind.ALTERNATE, "8")


def test_a_tiles_channel_takes_no_raw_notification(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    reply = service.post(host.open(kind=ChannelKind.TILE, name="weather"), b"x")
    assert (reply.code, service.notifications) == (400, [])
    assert "secondary tile" in reply.headers["x-wns-error-description"]


def test_who_posts_too_often_is_throttled_by_channel_and_may_go_on_later(push: PushBench) -> None:
    service = push.serve(minute_us=60_000_000)
    host = push.host(service)
    one, other = host.open(), host.open("chat")
    service.throttle(3)
    replies = [service.post(one, b"x", status=True) for _ in range(4)]
    assert [reply.code for reply in replies] == [200, 200, 200, 406]
    assert (replies[3].status, replies[3].connection) == ("channelthrottled", "connected")
    assert service.post(other, b"x").code == 200
    service.skip(minutes=0.4)
    assert [service.post(one, b"x").code for _ in range(2)] == [200, 406]
    assert len(service.notifications) == 5


def test_it_all_goes_over_tls_too(push: PushBench) -> None:
    service = push.serve(secure=True)
    host = push.stranger(service, secure=True)
    host.hello(Power())
    uri = host.open()
    assert uri.startswith("https://")
    reply = service.post(uri, b"sealed")
    assert host.take().content == b"sealed"
    service.delivered(reply)
    host.say(Goodbye())
    service.wait_disconnected()
