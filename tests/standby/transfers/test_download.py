"""Downloads against a real server, cut off and changed wherever it may happen: the file is of one piece, whole, or not there."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pycurl
import pytest

from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, cut_short, hold, redirect
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.curl_loop import CurlError, CurlLoop
from rig.standby.transfers.download import Download
from rig.standby.transfers.errors import HttpFailed
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from tests.standby.transfers.engine import Told, downloaded, on_loop

FIRST, SECOND = (hashlib.shake_128(seed).digest(100_000) for seed in (b"first", b"second"))
ETAG = '"first"'


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "episode"


def serve(body: bytes, etag: str, *, ranges: bool = True) -> Callable[[HttpRequest], None]:
    """As a server of files does."""

    def handler(request: HttpRequest) -> None:
        wanted = request.header("Range") if ranges and request.header("If-Range") == etag else None
        if wanted is None:
            request.respond(200, body, [("ETag", etag)])
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-"))
        if first >= len(body):
            request.respond(416, b"<html>there is no such part</html>", [("Content-Range", f"bytes */{len(body)}")])
        else:
            part = [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}"), ("ETag", etag)]
            request.respond(206, body[first:], part)

    return handler


def attempt(uri: str, path: Path, validator: str = "", response_timeout_s: float = 10.0, whole_bytes: int | None = None) -> Told:
    """One attempt, by a process that has what the one before has left. Raises as `Download.attempt`."""
    told = Told()
    file = PartialFile(path)
    try:
        request = TransferRequest(uri=uri, response_timeout_s=response_timeout_s)
        download = Download(request, file, validator, told, whole_bytes)
        on_loop(download.attempt)
        file.complete()
    finally:
        file.close()
    assert path.exists()
    assert not file.part.exists()
    return told


def leave(path: Path, there: bytes) -> None:
    path.with_name("episode.part").write_bytes(there)


def test_a_file_has_its_name_when_it_is_whole(web: HttpServer, target: Path) -> None:
    web.on("/", serve(FIRST, ETAG))
    told = attempt(web.url(), target)
    assert target.read_bytes() == FIRST
    assert (told.validator, told.restarts, told.lengths[-1]) == (ETAG, 0, len(FIRST))


@pytest.mark.parametrize("there", [1, 4096, len(FIRST) - 1, len(FIRST)])
def test_what_is_there_is_not_asked_for_again(web: HttpServer, target: Path, there: int) -> None:
    web.on("/", serve(FIRST, ETAG))
    leave(target, FIRST[:there])
    told = attempt(web.url(), target, ETAG, whole_bytes=len(FIRST))
    assert target.read_bytes() == FIRST
    assert told.restarts == 0
    assert web.request().header("Range") == f"bytes={there}-"


@pytest.mark.parametrize(
    ("handler", "validator"),
    [
        pytest.param(serve(SECOND, '"second"'), ETAG, id="it was changed"),
        pytest.param(serve(SECOND, ETAG, ranges=False), ETAG, id="no ranges"),
        pytest.param(serve(SECOND, 'W/"weak"'), "", id="no validator that says it is the same byte for byte"),
    ],
)
def test_what_cannot_go_on_begins_anew_and_nothing_is_mixed(
    web: HttpServer, target: Path, handler: Callable[[HttpRequest], None], validator: str
) -> None:
    web.on("/", handler)
    leave(target, FIRST[:5000])
    told = attempt(web.url(), target, validator)
    assert target.read_bytes() == SECOND
    assert told.restarts == 1
    assert told.lengths[0] == 0


@pytest.mark.parametrize("where", ["bytes 4999-99999/100000", "bytes 0-99999/100000", "bytes */100000", "elsewhere"])
def test_a_part_of_another_place_is_not_taken(web: HttpServer, target: Path, where: str) -> None:
    def handler(request: HttpRequest) -> None:
        if request.header("Range"):
            request.respond(206, FIRST, [("Content-Range", where), ("ETag", ETAG)])
        else:
            request.respond(200, FIRST, [("ETag", ETAG)])

    web.on("/", handler)
    leave(target, FIRST[:5000])
    told = attempt(web.url(), target, ETAG)
    assert target.read_bytes() == FIRST
    assert told.restarts == 1


@pytest.mark.parametrize("then", ["reset", "finish"])
def test_a_cut_body_is_an_error_and_what_came_is_kept(web: HttpServer, target: Path, then: str) -> None:
    web.on("/", cut_short(FIRST[:70_000], len(FIRST), then))
    with pytest.raises(CurlError):
        attempt(web.url(), target)
    assert not target.exists()
    assert FIRST.startswith(target.with_name("episode.part").read_bytes())


def test_less_than_was_asked_for_is_not_the_whole(web: HttpServer, target: Path) -> None:
    part = [("Content-Range", "bytes 5000-5999/100000"), ("ETag", ETAG)]
    web.on("/", lambda request: request.respond(206, FIRST[5000:6000], part))
    leave(target, FIRST[:5000])
    with pytest.raises(CurlError, match="6000 of 100000 bytes are there"):
        attempt(web.url(), target, ETAG)
    assert not target.exists()


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_an_answer_that_says_no_leaves_what_is_there_alone(web: HttpServer, target: Path, status: int) -> None:
    web.on("/", answer(b"no" * 1000, status))
    leave(target, FIRST[:5000])
    with pytest.raises(HttpFailed) as failed:
        attempt(web.url(), target, ETAG)
    assert failed.value.status == status
    assert target.with_name("episode.part").read_bytes() == FIRST[:5000]


def test_a_redirect_is_followed_and_its_body_is_nobodys(web: HttpServer, target: Path) -> None:
    web.on("/old", redirect("/new"))
    web.on("/new", serve(FIRST, ETAG))
    attempt(web.url("/old"), target)
    assert target.read_bytes() == FIRST


def test_a_head_alone_is_an_empty_file(web: HttpServer, target: Path) -> None:
    web.on("/", serve(FIRST, ETAG))
    downloaded(TransferRequest(uri=web.url(), method="HEAD", stall_timeout_s=5), target)
    assert (web.request().method, target.read_bytes()) == ("HEAD", b"")


def test_no_answer_in_time(web: HttpServer, target: Path) -> None:
    """BTR-016."""
    web.on("/", hold)
    with pytest.raises(CurlError, match=r"no answer within 0.2 s") as error:
        attempt(web.url(), target, response_timeout_s=0.2)
    assert error.value.code == pycurl.E_OPERATION_TIMEDOUT


def test_nobody_listens(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CurlError) as error:
        attempt(f"http://127.0.0.1:{port}/", target)
    assert error.value.code == pycurl.E_COULDNT_CONNECT


@pytest.mark.parametrize("uri", ["file:///etc/hostname", "gopher://127.0.0.1/", "nonsense"])
def test_what_is_neither_http_nor_ftp_is_not_fetched(target: Path, uri: str) -> None:
    with pytest.raises(CurlError):
        attempt(uri, target)
    assert not target.exists()


def test_a_disk_that_is_full_is_the_error(web: HttpServer, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: PartialFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartialFile, "append", full)
    web.on("/", serve(FIRST, ETAG))
    with pytest.raises(OSError, match="No space left"):
        attempt(web.url(), target)
    assert not target.exists()


def test_one_that_is_cancelled_closes_its_connection(web: HttpServer, target: Path) -> None:
    web.on("/", hold)

    async def cancelled(curls: CurlLoop) -> None:
        file = PartialFile(target)
        task = asyncio.create_task(Download(TransferRequest(uri=web.url()), file, "", Told()).attempt(curls))
        await asyncio.to_thread(web.request, 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        file.close()

    on_loop(cancelled)
    web.connections[0].wait_closed()


def test_many_at_once(web: HttpServer, tmp_path: Path) -> None:
    bodies = {f"/{number}": hashlib.shake_128(bytes([number])).digest(20_000 + number) for number in range(50)}
    for path, body in bodies.items():
        web.on(path, serve(body, ETAG))

    async def all_of_them(curls: CurlLoop) -> None:
        async def one(path: str) -> None:
            file = PartialFile(tmp_path / path[1:])
            await Download(TransferRequest(uri=web.url(path)), file, "", Told()).attempt(curls)
            file.complete()
            file.close()

        await asyncio.gather(*map(one, bodies))

    on_loop(all_of_them)
    assert all((tmp_path / path[1:]).read_bytes() == body for path, body in bodies.items())
