"""Servers that do what they should not: the file is right or is not there, memory is bounded, an app is told why (BTR-029)."""

from __future__ import annotations

import hashlib
import resource
from pathlib import Path

import msgspec
import pytest

from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, raw
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.download import Download
from rig.standby.transfers.errors import HttpFailed, LyingServer, web_error
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.line import MESSAGE_BYTES
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import SPEC_BYTES
from tests.standby.transfers.engine import Told, downloaded, on_loop

FIRST, SECOND = (hashlib.shake_128(seed).digest(100_000) for seed in (b"first", b"second"))
ETAG = '"first"'
INVALID, ABORTED = WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE, WebErrorStatus.CONNECTION_ABORTED


def resumed(web: HttpServer, folder: Path, there: int = 5000, whole_bytes: int | None = None) -> tuple[bytes, Told]:
    """From what there is of FIRST. Raises as `Download.attempt`."""
    (folder / "x.part").write_bytes(FIRST[:there])
    told, file = Told(), PartialFile(folder / "x")
    try:
        on_loop(Download(TransferRequest(uri=web.url()), file, ETAG, told, whole_bytes).attempt)
        file.complete()
    finally:
        file.close()
    return (folder / "x").read_bytes(), told


def chunks(*pieces: bytes, trailers: bytes = b"", head: bytes = b"") -> bytes:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + head + b"\r\n" + coded + b"0\r\n" + trailers + b"\r\n"


# -- answers that are fine, for all that -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc", id="more than its length"),
        pytest.param(chunks(b"abc", b"def"), b"abcdef", id="chunked"),
        pytest.param(
            chunks(b"abc", trailers=b"Content-Length: 7\r\nContent-Range: bytes 5-9/10\r\nETag: x\r\n"),
            b"abc",
            id="trailers that contradict",
        ),
        pytest.param(chunks(b"abc", head=b"Content-Length: 99\r\n"), b"abc", id="a length beside chunks"),
        pytest.param(
            chunks(b"\x1f\x8b\x08\x00", head=b"Content-Encoding: gzip\r\n"), b"\x1f\x8b\x08\x00", id="an encoding of its own"
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", b"abc", id="no reason"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", id="nothing"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a", id="go on"),
        pytest.param(b"HTTP/1.1 203 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc", id="by somebody else's word"),
    ],
)
def test_what_is_a_file_is_one(web: HttpServer, tmp_path: Path, said: bytes, body: bytes) -> None:
    web.on("/", raw(said))
    assert downloaded(TransferRequest(uri=web.url()), tmp_path / "x") == body


def test_it_is_asked_for_the_thing_itself(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", answer(b"x"))
    downloaded(TransferRequest(uri=web.url()), tmp_path / "x")
    assert web.request().header("Accept-Encoding") == "identity"


# -- answers that are none ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ABORTED, id="less than its length"),
        pytest.param(chunks(b"abc")[:-5], ABORTED, id="no last chunk"),
        pytest.param(chunks(b"abc")[:-2].replace(b"3\r\n", b"z\r\n"), None, id="a chunk of no length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100, None, id="a chunk of too much"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", None, id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nabc", INVALID, id="a length beyond all"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", None, id="two lengths"),
        pytest.param(b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-2/3\r\nContent-Length: 3\r\n\r\nabc", INVALID, id="a part"),
        pytest.param(b"HTTP/1.1 999 What\r\nContent-Length: 3\r\n\r\nabc", 18, id="a code of its own"),
        pytest.param(b"HTTP/1.1 202 Later\r\nContent-Length: 3\r\n\r\nabc", 18, id="not yet"),
        pytest.param(b"HTTP/1.1 20 What\r\n\r\n", INVALID, id="half a code"),
        pytest.param(b"hello, this is a file\n", INVALID, id="HTTP/0.9"),
        pytest.param(b"", ABORTED, id="nothing at all"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", ABORTED, id="half a head"),
    ],
)
def test_what_is_none_is_not(web: HttpServer, tmp_path: Path, said: bytes, status: int | None) -> None:
    """None: libcurl has some name for it; what matters is that there is no file."""
    web.on("/", raw(said))
    with pytest.raises((CurlError, LyingServer, HttpFailed)) as error:
        downloaded(TransferRequest(uri=web.url()), tmp_path / "x")
    assert status is None or web_error(error.value) == status
    assert web_error(error.value) != WebErrorStatus.UNKNOWN
    assert not (tmp_path / "x").exists()


# -- ranges ------------------------------------------------------------------------------------------------------------------


def part(first: int, last: int, whole: int | str, body: bytes, *headers: tuple[str, str]) -> object:
    def handler(request: HttpRequest) -> None:
        if request.header("Range"):
            request.respond(206, body, [("Content-Range", f"bytes {first}-{last}/{whole}"), *headers])
        else:
            request.respond(200, SECOND, [("ETag", '"second"')])

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(part(5000, 99_999, 100_000, SECOND[5000:], ("ETag", '"second"')), id="it ignores If-Range"),
        pytest.param(part(5000, 99_999, 100_000, SECOND[5000:]), id="of nobody knows what"),
        pytest.param(part(5000, 99_999, 100_001, SECOND[5000:], ("ETag", ETAG)), id="of something longer"),
        pytest.param(part(4999, 99_999, 100_000, SECOND[4999:], ("ETag", ETAG)), id="from elsewhere"),
        pytest.param(
            lambda request: (
                request.respond(206, b"--x\r\n", [("Content-Type", "multipart/byteranges; boundary=x"), ("ETag", ETAG)])
                if request.header("Range")
                else request.respond(200, SECOND)
            ),
            id="many parts",
        ),
    ],
)
def test_a_part_of_something_else_is_not_joined(web: HttpServer, tmp_path: Path, handler: object) -> None:
    web.on("/", handler)  # type: ignore[arg-type]
    body, told = resumed(web, tmp_path, whole_bytes=100_000)
    assert body == SECOND
    assert told.restarts == 1


def nothing_behind(whole: int, *headers: tuple[str, str]) -> object:
    def handler(request: HttpRequest) -> None:
        if request.header("Range"):
            request.respond(416, b"", [("Content-Range", f"bytes */{whole}"), *headers])
        else:
            request.respond(200, SECOND, [("ETag", '"second"')])

    return handler


@pytest.mark.parametrize(
    ("handler", "there", "whole_bytes"),
    [
        pytest.param(nothing_behind(5000), 5000, 100_000, id="something shorter"),
        pytest.param(nothing_behind(5000, ("ETag", '"second"')), 5000, None, id="something else, of no length that was told"),
        pytest.param(nothing_behind(5000), 5000, None, id="nobody knows what, of no length that was told"),
        pytest.param(part(5000, 5999, "*", FIRST[5000:6000], ("ETag", ETAG)), 5000, None, id="it, and less than the rest of it"),
    ],
)
def test_a_beginning_is_not_the_whole_of_something_else(
    web: HttpServer, tmp_path: Path, handler: object, there: int, whole_bytes: int | None
) -> None:
    """A server that ignores If-Range has another file now, just as long as what has come of the first."""
    web.on("/", handler)  # type: ignore[arg-type]
    body, told = resumed(web, tmp_path, there, whole_bytes)
    assert body == SECOND
    assert told.restarts == 1


@pytest.mark.parametrize("last", [5999, 99_999])
def test_a_part_that_goes_on_behind_its_end_spoils_the_file(web: HttpServer, tmp_path: Path, last: int) -> None:
    head = f"HTTP/1.1 206 P\r\nContent-Range: bytes 5000-{last}/100000\r\nETag: {ETAG}\r\nTransfer-Encoding: chunked\r\n\r\n"
    web.on("/", raw(head.encode() + chunks(FIRST[5000:] + b"xyz").partition(b"\r\n\r\n")[2]))
    with pytest.raises(LyingServer) as error:
        resumed(web, tmp_path)
    assert web_error(error.value) == INVALID
    assert (tmp_path / "x.part").read_bytes() == b""


def test_more_than_any_file_has_is_no_range(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", part(5000, 10**30, 10**31, SECOND, ("ETag", ETAG)))  # type: ignore[arg-type]
    assert resumed(web, tmp_path)[0] == SECOND


# -- bombs -------------------------------------------------------------------------------------------------------------------


def pour(data: bytes, count: int, before: bytes = b"HTTP/1.1 200 OK\r\n") -> object:
    def handler(request: HttpRequest) -> None:
        request.raw(before)
        for _ in range(count):
            request.raw(data)
        request.finish()

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(pour(b"X-%s: y\r\n" % (b"a" * 100) * 500, 2000), id="headers without end"),
        pytest.param(pour(b"a" * 60_000, 2000, b"HTTP/1.1 200 OK\r\nX: "), id="a header without end"),
        pytest.param(pour(b"HTTP/1.1 103 H\r\nX: y\r\n\r\n" * 1000, 5000, b""), id="hints without end"),
        pytest.param(pour(b"Set-Cookie: a=%s\r\n" % (b"b" * 4000) * 10, 2000), id="cookies without end"),
        pytest.param(pour(b"X: y\r\n" * 10_000, 2000, chunks(b"abc")[:-2]), id="trailers without end"),
    ],
)
def test_a_head_without_end_is_given_up(web: HttpServer, tmp_path: Path, handler: object) -> None:
    web.on("/", handler)  # type: ignore[arg-type]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url(), response_timeout_s=60), tmp_path / "x")
    assert web_error(error.value) != WebErrorStatus.UNKNOWN
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20_000
    assert not (tmp_path / "x").exists()


def test_a_large_head_goes_into_a_message(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", answer(b"x", headers=[(f"X-{number}", "y" * 1000) for number in range(200)]))
    told, file = Told(), PartialFile(tmp_path / "x")
    download = Download(TransferRequest(uri=web.url()), file, "", told)
    on_loop(download.attempt)
    file.close()
    assert download.response is not None
    assert 10_000 < sum(map(len, download.response.headers.values())) <= 16 * 1024


@pytest.mark.parametrize("letter", ["y", "ÿ"])
def test_neither_a_large_head_nor_a_long_way_is_larger_than_its_message(web: HttpServer, tmp_path: Path, letter: str) -> None:
    """Beside an operation that is as large as it may be. What is no ASCII is twice as long there."""
    there = f"/there#{letter * 60_000}".encode("latin-1")
    head = b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n" % there
    fields = "".join(f"X-{number}: {letter * 1000}\r\n" for number in range(100)).encode("latin-1")
    last = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n%b\r\nx" % fields
    web.on("/", raw(head))
    web.on("/there", raw(last))
    told, file = Told(), PartialFile(tmp_path / "x")
    download = Download(TransferRequest(uri=web.url()), file, "", told)
    on_loop(download.attempt)
    file.close()
    assert download.response is not None
    assert len(msgspec.msgpack.encode(download.response)) < MESSAGE_BYTES - SPEC_BYTES - 4096
