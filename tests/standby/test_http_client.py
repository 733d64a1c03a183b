"""HttpClient in a process of its own, with a server that the test plays, and the system too."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.standby.api.http.connection import CONNECT_S
from rig.standby.wire import app_channels, from_app
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess, server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASKS = b'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "http_small_app:HttpSmallApp") as app:
        app.answers[app_channels.WaitForPushEnabled] = lambda _: int(Status.HARDWARE_SLOT_ALLOCATED)
        yield app
    timeline.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with server() as sock:
        yield sock


def uri(listener: socket.socket, path: str = "/") -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}{path}"


def requested(sock: socket.socket) -> bytes:
    sock.settimeout(PATIENCE_S)
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536) or pytest.fail(f"only {data!r} came")
    return data


@contextlib.contextmanager
def deaf() -> Iterator[socket.socket]:
    """A server whose kernel answers no SYN: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as sock, contextlib.ExitStack() as stack:
        for _ in range(2):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(sock.getsockname())
        yield sock


def test_a_bound_request_is_the_kernels_when_the_channel_has_its_slot(app: AppProcess, listener: socket.socket) -> None:
    app.ask("bound", uri=uri(listener, "/poll"))
    assert app.ask("wait") == Status.HARDWARE_SLOT_ALLOCATED
    with listener.accept()[0] as peer:
        peer.setblocking(False)
        assert peer.recv(65536).startswith(b"GET /poll HTTP/1.1\r\nHost: 127.0.0.1:")


def test_what_was_faster_than_the_set_up_is_told_of_when_that_is_done(app: AppProcess, listener: socket.socket) -> None:
    app.ask("bound", uri=uri(listener))
    with listener.accept()[0] as peer:
        requested(peer)
        peer.sendall(OK)
        assert app.expect(from_app.ReadCompleted).push is False
        assert app.ask("result") == [200, "ok"]
        assert app.ask("wait") == Status.HARDWARE_SLOT_ALLOCATED
        assert app.expect(from_app.DataDispatched).channel == "c"
        assert peer.recv(1) == b"", "and then its connection is over"


@pytest.mark.parametrize("how", ["dispose", "cancel"])
def test_a_request_is_given_up_while_it_connects(app: AppProcess, how: str) -> None:
    with deaf() as nobody:
        app.ask("bound", uri=uri(nobody))
        app.expect(app_channels.ConnectBegin)
        begun = time.monotonic()
        app.ask(how)
        assert app.ask("result") == [0, "CancelledError: "]
        assert app.ask("wait") == Status.TRANSPORT_DISCONNECTED
        assert time.monotonic() - begun < CONNECT_S, "not when the client itself gives the connect up"


def test_a_channel_that_is_closed_while_it_connects_cancels_its_request(app: AppProcess) -> None:
    """The system knows no such channel when the connect ends: that is not what is the matter."""

    def unknown(end: app_channels.ConnectEnd) -> None:
        raise HostError(HResult.ELEMENT_NOT_FOUND, "the channel was closed")

    with socket.create_server(("127.0.0.1", 0), backlog=0) as late, socket.socket() as other:
        other.connect(late.getsockname())
        app.ask("bound", uri=uri(late))
        app.expect(app_channels.ConnectBegin)
        app.answers[app_channels.ConnectEnd] = unknown
        app.ask("close_channel")
        late.settimeout(PATIENCE_S)
        late.accept()[0].close()
        assert app.ask("result") == [0, "CancelledError: "]


def test_a_connect_that_is_over_too_late_leaves_nothing_open(app: AppProcess) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as late, socket.socket() as other:
        other.connect(late.getsockname())
        app.ask("bound", uri=uri(late))
        app.expect(app_channels.ConnectBegin)
        app.ask("dispose")
        late.settimeout(PATIENCE_S)
        late.accept()[0].close()  # there is room now: the kernel says its SYN again
        with late.accept()[0] as peer:
            peer.settimeout(PATIENCE_S)
            assert peer.recv(1) == b""


def test_the_status_does_not_wait_for_a_server_that_is_not_there(app: AppProcess, listener: socket.socket) -> None:
    address = uri(listener)
    listener.close()
    app.ask("bound", uri=address)
    assert app.ask("wait") == Status.TRANSPORT_DISCONNECTED
    status, words = app.ask("result")
    assert (status, words.split(":")[0]) == (0, "ConnectionRefusedError")


def test_a_new_send_ends_the_one_before_while_it_connects(app: AppProcess, listener: socket.socket) -> None:
    with deaf() as nobody:
        app.ask("bound", uri=uri(nobody))
        app.ask("bound", uri=uri(listener))
        with listener.accept()[0] as peer:
            requested(peer)
            peer.sendall(OK)
            assert app.ask("result") == [200, "ok"]
            assert app.ask("result", number=0) == [0, "CancelledError: "]


def played(listener: socket.socket, *answers: Callable[[socket.socket], None]) -> threading.Thread:
    """One connection after another, each as its answer says."""

    def play() -> None:
        for answer in answers:
            with listener.accept()[0] as peer:
                answer(peer)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_a_plain_request_is_asked_again_on_a_connection_that_the_server_did_not_keep(
    app: AppProcess, listener: socket.socket
) -> None:
    """It has promised to, and closes behind the challenge."""
    seen: list[bytes] = []

    def asks(peer: socket.socket) -> None:
        requested(peer)
        peer.sendall(ASKS)

    def answers(peer: socket.socket) -> None:
        seen.append(requested(peer))
        peer.sendall(OK)

    playing = played(listener, asks, answers)
    app.ask("use", user="pat", password="secret")
    app.ask("plain", uri=uri(listener))
    assert app.ask("result") == [200, "ok"]
    playing.join()
    assert b"Authorization: Basic" in seen[0]


def test_what_may_not_be_done_twice_is_not_sent_twice(app: AppProcess, listener: socket.socket) -> None:
    """A POST whose second copy ends with the connection: nobody knows what the server has done."""

    def asks(peer: socket.socket) -> None:
        requested(peer)
        peer.sendall(ASKS)
        requested(peer)

    playing = played(listener, asks)
    app.ask("use", user="pat", password="secret")
    app.ask("plain", uri=uri(listener), verb="POST", content_bytes=1)
    status, words = app.ask("result")
    assert (status, words.split(":")[0]) in [(0, "HttpError"), (0, "ConnectionResetError")]
    playing.join()


def test_a_plain_request_without_an_answer_ends_in_time(app: AppProcess, listener: socket.socket) -> None:
    app.ask("plain", uri=uri(listener), limit_s=1.0)  # in which it is sent
    with listener.accept()[0] as peer:
        requested(peer)
        assert app.ask("result")[1].startswith("TimeoutError")
        assert peer.recv(1) == b""


def test_a_plain_request_is_cancelled_while_its_answer_comes(app: AppProcess, listener: socket.socket) -> None:
    app.ask("plain", uri=uri(listener))
    with listener.accept()[0] as peer:
        requested(peer)
        peer.sendall(OK[:-1])
        assert app.ask("cancel")
        assert app.ask("result") == [0, "CancelledError: "]
        assert peer.recv(1) == b""


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_a_server_that_answers_before_it_has_read_all_is_heard(app: AppProcess, listener: socket.socket, close: bytes) -> None:
    """It reads no more, and does not close: what cannot be sent is no error of a request that was answered."""
    app.ask("plain", uri=uri(listener), verb="POST", content_bytes=16 << 20)
    with listener.accept()[0] as peer:
        requested(peer)
        peer.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 3\r\n" + close + b"\r\nno!")
        assert app.ask("result") == [413, "no!"]


def test_a_server_that_reads_nothing_is_given_up_in_time(app: AppProcess, listener: socket.socket) -> None:
    app.ask("plain", uri=uri(listener), verb="POST", content_bytes=16 << 20, limit_s=0.3)
    with listener.accept()[0]:
        assert app.ask("result")[1].startswith("TimeoutError")


def test_the_status_does_not_wait_for_a_server_that_reads_nothing(app: AppProcess, listener: socket.socket) -> None:
    """CHC-003: the connection is what is waited for."""
    app.ask("bound", uri=uri(listener), content_bytes=16 << 20)
    with listener.accept()[0]:
        assert app.ask("wait") == Status.HARDWARE_SLOT_ALLOCATED
        app.ask("dispose")
        assert app.ask("result") == [0, "CancelledError: "]
