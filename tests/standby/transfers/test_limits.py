"""How long a transfer waits (BTR-015, BTR-016), and for what: what is connected, and what is an answer."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.peers.authority import Authority
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, hold, redirect, stream, trickle
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import FileBody
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import web_error
from rig.standby.transfers.request import TransferRequest
from rig.standby.transfers.upload import Upload
from rig.standby.wire.transfer_enums import WebErrorStatus
from tests.standby.transfers.engine import Sent, downloaded, on_loop

CONNECT_S, RESPONSE_S = 0.6, 0.4
IN_TIME_S = 1.0
"""A limit that is kept: a busy machine, too, does what is at once within half of it."""
BODY = hashlib.shake_128(b"body").digest(30_000_000)
"""More than the kernels of both sides keep."""


@pytest.fixture
def mute() -> Iterator[int]:
    """Port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def hole() -> Iterator[int]:
    """Port of one that answers no SYN: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def asked(uri: str, **more: object) -> TransferRequest:
    limits = {"connect_timeout_s": 30, "response_timeout_s": RESPONSE_S, **more}
    return TransferRequest(uri=uri, **limits)  # type: ignore[arg-type]


def fails(request: TransferRequest, path: Path) -> tuple[CurlError, float]:
    """How, and after how long."""
    began_s = time.monotonic()
    with pytest.raises(CurlError) as error:
        downloaded(request, path)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT
    return error.value, time.monotonic() - began_s


# -- to be connected (BTR-015) ---------------------------------------------------------------------------------------------


def test_nobody_answers_the_syn(hole: int, tmp_path: Path) -> None:
    request = asked(f"http://127.0.0.1:{hole}/", connect_timeout_s=CONNECT_S, response_timeout_s=0.1)
    _error, took_s = fails(request, tmp_path / "x")
    assert took_s >= CONNECT_S


def test_a_handshake_that_does_not_end_is_no_connection(mute: int, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "trusted.pem")
    authority.server_pem("127.0.0.1")
    uri = f"https://127.0.0.1:{mute}/"
    request = asked(uri, connect_timeout_s=CONNECT_S, response_timeout_s=0.1, trusted=authority.trusted)
    _error, took_s = fails(request, tmp_path / "x")
    assert took_s >= CONNECT_S


def test_nor_is_a_tunnel_that_is_not_dug(mute: int, tmp_path: Path) -> None:
    proxy = f"http://127.0.0.1:{mute}"
    request = asked("https://127.0.0.1:1/", proxy=proxy, connect_timeout_s=CONNECT_S, response_timeout_s=0.1)
    _error, took_s = fails(request, tmp_path / "x")
    assert took_s >= CONNECT_S


def test_a_plain_request_to_a_proxy_is_connected_with_the_proxy(mute: int, tmp_path: Path) -> None:
    request = asked("http://127.0.0.1:1/", proxy=f"http://127.0.0.1:{mute}")
    error, took_s = fails(request, tmp_path / "x")
    assert "no answer" in str(error)
    assert took_s >= RESPONSE_S


# -- to be answered (BTR-016) ----------------------------------------------------------------------------------------------


def test_a_server_that_says_nothing(mute: int, tmp_path: Path) -> None:
    limits = {"connect_timeout_s": IN_TIME_S, "response_timeout_s": 1.5 * IN_TIME_S}
    error, took_s = fails(asked(f"http://127.0.0.1:{mute}/", **limits), tmp_path / "x")
    assert "no answer within 1.5 s" in str(error)
    assert took_s >= limits["response_timeout_s"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="go on"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", id="hints"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", id="half a head"),
        pytest.param(b"HT", id="half a line"),
    ],
)
def test_what_is_no_answer(web: HttpServer, tmp_path: Path, said: bytes) -> None:
    web.on("/", lambda request: request.raw(said))
    error, took_s = fails(asked(web.url()), tmp_path / "x")
    assert "no answer" in str(error)
    assert took_s >= RESPONSE_S


def test_a_head_in_drops_is_no_answer(web: HttpServer, tmp_path: Path) -> None:
    def drops(request: HttpRequest) -> None:
        request.raw(b"HTTP/1.1 200 OK\r\n")
        while request.connection.pause(0.02):
            request.raw(b"X: y\r\n")

    web.on("/", drops)
    error, _took_s = fails(asked(web.url()), tmp_path / "x")
    assert "no answer" in str(error)


@pytest.mark.parametrize("every_s", [0.02, 0.0])
def test_a_redirect_whose_body_does_not_end_is_no_answer(web: HttpServer, tmp_path: Path, every_s: float) -> None:

    def endless(request: HttpRequest) -> None:
        request.start(302, [("Location", "/new")])
        while request.connection.pause(every_s):
            request.chunk(b"x" * 1000)

    web.on("/", endless)
    web.on("/new", answer(b"new"))
    error, _took_s = fails(asked(web.url()), tmp_path / "x")
    assert "no answer" in str(error)


def test_behind_a_redirect_the_time_begins_anew(web: HttpServer, tmp_path: Path) -> None:
    def late(then: Callable[[HttpRequest], None]) -> Callable[[HttpRequest], None]:
        def handler(request: HttpRequest) -> None:
            if request.connection.pause(IN_TIME_S * 0.4):
                then(request)

        return handler

    web.on("/", late(redirect("/second")))
    web.on("/second", late(redirect("/third")))
    web.on("/third", late(answer(b"third")))
    assert downloaded(asked(web.url(), response_timeout_s=IN_TIME_S), tmp_path / "x") == b"third"
    web.on("/third", hold)
    error, _took_s = fails(asked(web.url(), response_timeout_s=IN_TIME_S), tmp_path / "y")
    assert "no answer" in str(error)


def test_an_answer_that_keeps_coming_takes_as_long_as_it_takes(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", trickle(b"x" * 40, IN_TIME_S / 30))
    request = asked(web.url(), response_timeout_s=IN_TIME_S, stall_timeout_s=IN_TIME_S)
    assert downloaded(request, tmp_path / "x") == b"x" * 40


def test_one_of_which_nothing_more_comes_is_given_up(web: HttpServer, tmp_path: Path) -> None:
    def stalls(request: HttpRequest) -> None:
        request.start(200, length=10)
        request.chunk(b"x")

    web.on("/", stalls)
    error, took_s = fails(asked(web.url(), response_timeout_s=30, stall_timeout_s=0.5), tmp_path / "x")
    assert "nothing more of the answer within 0.5 s" in str(error)
    assert took_s >= 0.5
    assert (tmp_path / "x.part").read_bytes() == b"x", "an app may read what has come so far"


def test_a_first_answer_that_comes_just_in_time(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", stream([b"a", b"b"], IN_TIME_S * 1.2))
    assert downloaded(asked(web.url(), response_timeout_s=IN_TIME_S, stall_timeout_s=30), tmp_path / "x") == b"ab"


# -- uploads ---------------------------------------------------------------------------------------------------------------


def upload(request: TransferRequest, folder: Path) -> Sent:
    (folder / "source").write_bytes(BODY)
    told, body, said = Sent(), FileBody(folder / "source"), AnswerFile(folder / "answer")
    try:
        on_loop(Upload(request, body, said, told).attempt)
    finally:
        body.close()
        said.close()
    return told


def test_a_server_that_reads_slowly_is_not_silent(tmp_path: Path) -> None:
    """Megabytes wait in the kernel when the last of it has left the process: they go on their way for longer than the limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        paused = threading.Event()

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                came = 0
                while came < len(BODY) and (data := sock.recv(65536)):
                    came += len(data)
                    paused.wait(0.03 if came > len(BODY) - 4_000_000 else 0)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        told = upload(asked(uri, method="PUT", response_timeout_s=IN_TIME_S), tmp_path)
    assert told.sent_bytes[-1] == len(BODY)


def test_a_server_that_stops_reading_is(mute: int, tmp_path: Path) -> None:
    with pytest.raises(CurlError, match=r"no answer within 0.4 s") as error:
        upload(asked(f"http://127.0.0.1:{mute}/", method="PUT"), tmp_path)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT
