"""Hosts and posters that mean ill: a push service stays up, keeps little, and serves the others."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from rig.clock import WAIT_S, Deadline
from rig.peers.push_service import PushService, host_line, hosts
from rig.peers.push_service.door import CONNECTIONS
from rig.peers.push_service.host_line import OUTGOING
from rig.peers.push_service.hosts import HOSTS
from rig.peers.push_service.lines import LINES
from rig.peers.push_service.mailbox import WINDOW
from rig.push_line import Acknowledged, Goodbye, Hello, Notify, OpenChannel, Ping, Pong, Power, frame
from rig.readable import readable
from tests.peers.push_bench import HOST, HostEnd, PushBench, raw_post


def works(service: PushService, host: HostEnd) -> None:
    """A notification reaches a good host."""
    uri = host.open()
    service.post(uri, b"still here")
    assert host.take().content == b"still here"


def test_a_host_that_never_acknowledges_has_a_window_and_the_rest_is_dropped_or_cached(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    replies = [service.post(uri, str(n).encode(), status=True) for n in range(WINDOW + 2)]
    assert [reply.status for reply in replies] == ["received"] * WINDOW + ["dropped"] * 2
    assert service.post(uri, b"kept", cache=True, status=True).status == "received"
    numbers = [host.hear(Notify).number for _ in range(WINDOW)]
    assert numbers == list(range(1, WINDOW + 1))
    host.say(Acknowledged(1))
    assert host.take().content == b"kept", "as soon as there is room"


def test_a_host_that_never_reads_delays_no_poster_and_no_other_host(push: PushBench) -> None:
    service = push.serve()
    deaf, good = push.host(service), push.host(service, host="another-" + HOST)
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    uri = deaf.open()
    replies = [service.post(uri, bytes(5000), status=True).status for _ in range(WINDOW + 10)]
    assert replies == ["received"] * WINDOW + ["dropped"] * 10
    works(service, good)


def test_of_a_host_that_asks_and_never_reads_no_more_is_read(push: PushBench) -> None:
    service = push.serve()
    deaf, good = push.host(service), push.host(service, host="another-" + HOST)
    line = service.lines[0]
    line.hold()
    deaf.sock.settimeout(0.5)
    asked = frame(Ping(1)) * 1_000_000
    with pytest.raises(TimeoutError):
        deaf.sock.sendall(asked)
    assert line.outgoing <= OUTGOING
    works(service, good)
    line.go_on()
    deaf.sock.settimeout(10)
    assert [deaf.hear(Pong).number for _ in range(OUTGOING + 1)] == [1] * (OUTGOING + 1), "and it goes on where it stopped"


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        frame(Power()),
        frame(OpenChannel(1, "mail")),
        frame(Hello("short")),
        frame(Hello(HOST)) * 2,
        frame(Hello(HOST)) + frame(Acknowledged(1)),
        frame(Hello(HOST)) + b"\0\0\0\1\xc1",
    ],
    ids=[
        "HTTP", "4 GiB", "empty", "no hello", "asks first", "a short name", "two hellos", "never went", "no message",
    ],
)  # fmt: skip
def test_a_line_that_speaks_nonsense_ends(push: PushBench, said: bytes) -> None:
    service = push.serve()
    good = push.host(service, host="another-" + HOST)
    stranger = push.stranger(service)
    stranger.sock.sendall(said)
    with contextlib.suppress(ConnectionResetError):
        while stranger.sock.recv(4096):
            pass
    push.timeline.wait("PUSH_LINE_DOWN", line=1)
    works(service, good)


def test_a_host_that_acknowledges_what_another_run_was_sent_is_not_believed(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    host.say(Goodbye())
    stranger = push.stranger(service)
    stranger.say(Hello(HOST, host.service_id, last=2**63 - 1))
    assert stranger.ended()


def test_many_lines_keep_nobody_out(push: PushBench) -> None:
    service = push.serve()
    good = push.host(service)
    strangers = [push.stranger(service) for _ in range(LINES + 20)]
    works(service, good)
    assert strangers[0].ended(), "the oldest that never said hello"
    works(service, push.host(service, host="another-" + HOST))
    assert len(service.lines) <= LINES + 1


def test_many_names_of_hosts_are_forgotten_again(push: PushBench) -> None:
    service = push.serve()
    good = push.host(service)
    works(service, good)
    for n in range(HOSTS + 10):
        stranger = push.stranger(service)
        stranger.hello(Power(), host=f"stranger-{n:08}")
        stranger.sock.close()
        push.timeline.wait("PUSH_LINE_DOWN", line=n + 1)
    works(service, good)


def test_a_host_with_a_channel_is_not_forgotten_for_strangers(push: PushBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A post to its channel finds it: nobody has taken its place."""
    monkeypatch.setattr(hosts, "HOSTS", 3)
    service = push.serve()
    away = push.host(service)
    uri = away.open()
    away.sock.close()
    push.timeline.wait("PUSH_LINE_DOWN", line=0)
    for n in range(4):
        push.stranger(service).say(Hello(f"stranger-{n:08}"))
        push.timeline.wait("PUSH_LINE_UP" if n < 2 else "PUSH_LINE_DOWN", line=n + 1)
    reply = service.post(uri, b"news", cache=True, status=True)
    assert (reply.code, reply.status) == (200, "received")
    assert push.host(service).take().content == b"news"


def test_slow_posters_keep_nobody_out(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    slow = [push.socket(service.address, service.port) for _ in range(CONNECTIONS + 5)]
    for sock in slow[-5:]:
        sock.sendall(b"POST /c/x HTTP/1.1\r\nHost:")
    works(service, host)
    with contextlib.suppress(ConnectionResetError):
        assert slow[0].recv(1) == b""


def test_a_body_without_end_is_answered_at_its_head_and_not_kept(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    path = "/c/" + uri.rpartition("/")[2]
    headers = {"Host": "x", "Authorization": f"Bearer {service.token('mail')}", "Content-Length": "9" * 18}
    sock = push.socket(service.address, service.port)
    sock.sendall(raw_post(path, headers))
    assert sock.recv(4096).startswith(b"HTTP/1.1 413 "), "before any of it"
    with contextlib.suppress(OSError):
        for _ in range(64):
            sock.sendall(bytes(65536))
    works(service, host)


def test_a_stranger_does_not_learn_whether_an_address_is_one(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    uri = host.open()
    for path in (uri, uri + "x", service.url("/c/")):
        for length in (1, 6000):
            assert service.post(path, bytes(length), without=["Authorization"]).code == 401


def test_another_method_is_refused_at_its_head(push: PushBench) -> None:
    service = push.serve()
    sock = push.socket(service.address, service.port)
    sock.sendall(b"PUT /c/x HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 405 "), "its body is not waited for"


@pytest.mark.parametrize("length", [5000, 5001])
def test_who_waits_for_100_continue_with_too_much_never_hears_it(push: PushBench, length: int) -> None:
    service = push.serve()
    host = push.host(service)
    path = "/c/" + host.open().rpartition("/")[2]
    headers = {"Host": "x", "Authorization": f"Bearer {service.token('mail')}", "Content-Length": str(length)}
    sock = push.socket(service.address, service.port)
    sock.sendall(raw_post(path, headers | {"Expect": "100-continue"}))
    assert sock.recv(4096).startswith(b"HTTP/1.1 100 " if length == 5000 else b"HTTP/1.1 413 ")


def test_a_test_posts_on_although_its_idle_connection_was_taken_for_another(push: PushBench) -> None:
    service = push.serve()
    host = push.host(service)
    works(service, host)
    others = [push.socket(service.address, service.port) for _ in range(CONNECTIONS)]
    push.timeline.wait("PEER_RST")
    idle = service._sender._client
    assert idle is not None
    assert readable(idle.sock.fileno(), WAIT_S), "the reset is written down, and is not here yet"
    works(service, host)
    del others


def test_a_host_whose_kernel_acknowledges_nothing_is_gone_after_a_while(push: PushBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_line, "UNACKNOWLEDGED_MS", 300)
    service = push.serve(minute_us=60_000_000)
    host = push.host(service)
    uri = host.open()
    push.network.set_host_port(up=False)
    assert service.post(uri, b"kept", status=True).connection == "connected", "as far as anybody knows"
    down = push.timeline.wait("PUSH_LINE_DOWN")
    assert "Connection timed out" in down.why or "No route to host" in down.why
    assert service.post(uri, b"dropped", status=True).connection == "tempconnected"
    push.network.set_host_port(up=True)
    deadline = Deadline(WAIT_S)
    while not reachable(push, service):
        assert not deadline.expired
        deadline.pause()
    assert push.host(service, run=host.service_id).take().content == b"kept", "as nobody acknowledged it"


def reachable(push: PushBench, service: PushService) -> bool:
    try:
        push.socket(service.address, service.port).close()
    except OSError:
        return False
    return True


def test_a_port_that_somebody_has_leaves_nothing_behind(push: PushBench) -> None:
    service = push.serve()
    with pytest.raises(OSError, match="in use"):
        push.serve(port=0, line_port=service.line_port)
    with pytest.raises(OSError, match="in use"):
        push.serve(port=service.port)
    deadline = Deadline(WAIT_S)
    while sum(thread.name == "server" for thread in threading.enumerate()) != 2:
        assert not deadline.expired, "of the first alone"
        deadline.pause()
