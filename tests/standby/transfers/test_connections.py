"""A transfer's connection is closed with it: a host that sleeps has a kernel that answers for none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.authority import Authority
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, redirect
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.curl_loop import CurlLoop
from rig.standby.transfers.download import Download
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, Told, on_loop
from tests.standby.transfers.scripted_ftp import ScriptedFtp


def connections(port: int) -> set[str]:
    """Of this process, by their inodes, whose other end has that port: older ones of other tests may."""
    mine = set[str]()
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            mine.add(str(fd.readlink()))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    there = {row[9] for row in rows if int(row[2].partition(":")[2], 16) == port and row[3] != "0A"}
    return {inode for inode in there if f"socket:[{inode}]" in mine}


def first_bytes_then_nothing(request: HttpRequest) -> None:
    request.start(200, length=10)
    request.chunk(b"x")


def cancelled(uri: str, path: Path, port: int, trusted: Path | None = None) -> None:
    """When its first byte has come; the connection is there before, and not behind it."""

    async def life(curls: CurlLoop) -> None:
        told, came, before = Told(), asyncio.Event(), connections(port)
        tell = told.received

        def received(length_bytes: int) -> None:
            tell(length_bytes)
            came.set()

        told.received = received  # type: ignore[method-assign]
        with closing(PartialFile(path)) as file:
            task = asyncio.create_task(Download(TransferRequest(uri=uri, trusted=trusted), file, "", told).attempt(curls))
            await came.wait()
            assert connections(port) - before
            task.cancel()
            await asyncio.wait([task])
            assert connections(port) <= before

    on_loop(life)


def finished(uri: str, path: Path, port: int, trusted: Path | None = None) -> None:
    async def life(curls: CurlLoop) -> None:
        before = connections(port)
        with closing(PartialFile(path)) as file:
            await Download(TransferRequest(uri=uri, trusted=trusted), file, "", Told()).attempt(curls)
            assert connections(port) <= before

    on_loop(life)


@pytest.mark.parametrize("ends", [cancelled, finished])
def test_of_http(web: HttpServer, tmp_path: Path, ends: Callable[..., None]) -> None:
    web.on("/", redirect("/x"))
    web.on("/x", first_bytes_then_nothing if ends is cancelled else answer(b"x"))
    ends(web.url(), tmp_path / "x", web.port)


@pytest.mark.parametrize("ends", [cancelled, finished])
def test_of_https(timeline: Timeline, tmp_path: Path, ends: Callable[..., None]) -> None:
    authority = Authority(tmp_path / "trusted.pem")
    context = authority.server_context("127.0.0.1")
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("secure"), tls=context) as web:
        web.on("/", first_bytes_then_nothing if ends is cancelled else answer(b"x"))
        ends(web.url(), tmp_path / "x", web.port, authority.trusted)


@pytest.mark.parametrize("quit_reply", ["221 bye", None])
@pytest.mark.parametrize("ends", [cancelled, finished])
def test_of_ftp(tmp_path: Path, ends: Callable[..., None], quit_reply: str | None) -> None:
    size = {"SIZE": "213 999999"} if ends is cancelled else {}
    with ScriptedFtp(b"x" * 1000, {"QUIT": quit_reply, **size}, stalls=ends is cancelled) as ftp:
        ends(ftp.url(), tmp_path / "x", ftp.port)
