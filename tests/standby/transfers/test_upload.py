"""Uploads against a real server: what it gets, what it says, and what an app learns when it says no."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, hold, redirect
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import BodyChanged, FileBody
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import HttpFailed, web_error
from rig.standby.transfers.request import TransferRequest
from rig.standby.transfers.upload import NoUploads, Upload
from rig.standby.wire.transfer_enums import WebErrorStatus
from tests.standby.transfers.engine import Sent, on_loop

BODY = hashlib.shake_128(b"body").digest(3_000_000)
"""More than a kernel's buffers hold."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(BODY)
    return path


def upload(request: TransferRequest, source: Path, limit_bytes: int = 10_000) -> tuple[Upload, Sent]:
    """One attempt; what the server says is in "answer" beside the source. Raises as `Upload.attempt`."""
    told, body, said = Sent(), FileBody(source), AnswerFile(source.with_name("answer"), limit_bytes)
    try:
        one = Upload(request, body, said, told)
        on_loop(one.attempt)
    finally:
        body.close()
        said.close()
    return one, told


def store(request: HttpRequest) -> None:
    request.respond(201, b"stored", [("Location", "/stored/1")])


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_a_file_gets_there_and_the_answer_back(web: HttpServer, source: Path, method: str) -> None:
    web.on("/in", store)
    one, told = upload(TransferRequest(uri=web.url("/in"), method=method), source)
    came = web.request(path="/in")
    assert (came.method, came.body == BODY, came.header("Content-Length")) == (method, True, str(len(BODY)))
    assert came.header("Transfer-Encoding") is None
    assert came.header("Content-Type") == "application/octet-stream"
    assert source.with_name("answer").read_bytes() == b"stored"
    assert (told.sent_bytes[-1], told.received_bytes) == (len(BODY), 6)
    assert told.sent_bytes == sorted(told.sent_bytes)
    assert one.response is not None
    assert (one.response.status_code, one.response.headers["location"]) == (201, "/stored/1")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_empty_file_is_a_body_of_no_bytes(web: HttpServer, source: Path, method: str) -> None:
    source.write_bytes(b"")
    web.on("/", store)
    upload(TransferRequest(uri=web.url(), method=method), source)
    assert (web.request().method, web.request().header("Content-Length"), web.request().body) == (method, "0", b"")


def test_headers_of_the_app_are_on_the_wire_and_framing_is_not_its_to_say(web: HttpServer, source: Path) -> None:
    web.on("/", store)
    headers = (("X-Two", "one, two"), ("Content-Type", "text/plain"), ("X-Empty", ""), ("Content-Length", "5"))
    upload(TransferRequest(uri=web.url(), method="PUT", headers=headers), source)
    came = web.request()
    assert (came.header("X-Two"), came.header("X-Empty"), came.body == BODY) == ("one, two", "", True)
    assert [value for name, value in came.headers if name == "content-type"] == ["text/plain"]


@pytest.mark.parametrize("header", [("X-A", "b\r\nX-C: d"), ("X-A\r\nX-C", "d"), ("X A", "b"), ("", "b"), ("X:", "b")])
def test_a_header_is_no_way_to_another_one(web: HttpServer, source: Path, header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no header"):
        upload(TransferRequest(uri=web.url(), method="PUT", headers=(header,)), source)
    assert web.requests() == []


def test_it_is_sent_whole_again_where_a_redirect_says_so(web: HttpServer, source: Path) -> None:
    web.on("/old", redirect("/new", 307))
    web.on("/new", store)
    one, told = upload(TransferRequest(uri=web.url("/old"), method="POST"), source)
    assert (web.request(path="/new").method, web.request(path="/new").body == BODY) == ("POST", True)
    assert told.sent_bytes[-1] == len(BODY)
    assert one.response is not None
    assert one.response.actual_uri == web.url("/new")


def test_a_redirect_to_see_the_result_is_asked_for_with_get(web: HttpServer, source: Path) -> None:
    web.on("/old", redirect("/done", 303))
    web.on("/done", answer(b"thanks"))
    upload(TransferRequest(uri=web.url("/old"), method="POST"), source)
    assert web.request(path="/done").method == "GET"
    assert source.with_name("answer").read_bytes() == b"thanks"


@pytest.mark.parametrize("status", [400, 403, 413, 500])
def test_a_server_that_says_no_after_the_head(web: HttpServer, source: Path, status: int) -> None:
    web.on_head = lambda request: request.respond(status, b"too much", close=True)
    with pytest.raises(HttpFailed) as failed:
        upload(TransferRequest(uri=web.url(), method="POST"), source)
    assert web_error(failed.value) == status
    assert source.with_name("answer").read_bytes() == b"too much"


def test_the_answer_is_bounded_and_the_upload_is_well(web: HttpServer, source: Path) -> None:
    web.on("/", answer(b"x" * 1_000_000))
    _one, told = upload(TransferRequest(uri=web.url(), method="PUT"), source)
    assert source.with_name("answer").stat().st_size == told.received_bytes == 10_000


def test_no_answer_in_time_once_all_of_it_is_there(web: HttpServer, source: Path) -> None:
    """BTR-016."""
    web.on("/", hold)
    with pytest.raises(CurlError, match=r"no answer within 0.3 s") as error:
        upload(TransferRequest(uri=web.url(), method="POST", response_timeout_s=0.3), source)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT


def test_a_reset_in_the_middle(web: HttpServer, source: Path) -> None:
    web.on_head = lambda request: request.reset()
    with pytest.raises(CurlError) as error:
        upload(TransferRequest(uri=web.url(), method="PUT"), source)
    assert web_error(error.value) == WebErrorStatus.CONNECTION_RESET


def test_a_file_that_gets_shorter_is_no_upload(web: HttpServer, source: Path) -> None:
    def shorten(_request: HttpRequest) -> None:
        source.write_bytes(BODY[:10])

    web.on_head = shorten
    with pytest.raises(BodyChanged):
        upload(TransferRequest(uri=web.url(), method="PUT"), source)
    assert web.connections[0].closed_by_peer or web.request().answered is False


def test_a_file_that_grows_is_sent_as_long_as_it_was(web: HttpServer, source: Path) -> None:
    def grow(_request: HttpRequest) -> None:
        with source.open("ab") as file:
            file.write(b"more")

    web.on_head = grow
    web.on("/", store)
    upload(TransferRequest(uri=web.url(), method="PUT"), source)
    assert web.request().body == BODY


def test_a_server_that_does_not_know_to_say_go_on(web: HttpServer, source: Path) -> None:
    """417 (RFC 9110 15.5.18): the same again, without asking."""

    def refuse(request: HttpRequest) -> None:
        if request.header("Expect"):
            request.respond(417, close=True)

    web.on_head = refuse
    web.on("/", store)
    upload(TransferRequest(uri=web.url(), method="POST"), source)
    assert [request.header("Expect") for request in web.requests()] == ["100-continue", None]
    assert web.request().body == BODY


def test_ftp_takes_none(source: Path) -> None:
    """BTR-005."""
    with pytest.raises(NoUploads):
        upload(TransferRequest(uri="ftp://127.0.0.1/file", method="PUT"), source)
