"""Transfers against nginx: its ranges, its validators, its PUT, its pace."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.authority import Authority
from rig.peers.nginx import UPLOADS, Nginx
from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import FileBody
from rig.standby.transfers.curl_loop import CurlLoop
from rig.standby.transfers.download import Download
from rig.standby.transfers.errors import HttpFailed
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from rig.standby.transfers.upload import Upload
from rig.suite.programs import started
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, Sent, Told, downloaded, on_loop

FIRST, SECOND = (hashlib.shake_128(seed).digest(3_000_000) for seed in (b"first", b"second"))
Run = Callable[..., Nginx]


@pytest.fixture
def run(timeline: Timeline, tmp_path: Path) -> Iterator[Run]:
    where = cast(Namespace, Here()), "127.0.0.1", timeline.writer("server")
    with ExitStack() as stack:

        def runs(**options: object) -> Nginx:
            folder = tmp_path / "nginx"
            made = started(lambda: Nginx(*where, folder, **options))  # type: ignore[arg-type]
            return stack.enter_context(made)

        yield runs


def cut(nginx: Nginx, path: Path, length_bytes: int) -> str:
    """A download that is cancelled when so much is there; its validator."""
    told, file, enough = Told(), PartialFile(path), asyncio.Event()
    tell = told.received

    def received(length: int) -> None:
        tell(length)
        if length >= length_bytes:
            enough.set()

    told.received = received  # type: ignore[method-assign, assignment]

    async def life(curls: CurlLoop) -> None:
        task = asyncio.create_task(Download(TransferRequest(uri=nginx.url("/x")), file, "", told).attempt(curls))
        await enough.wait()
        task.cancel()
        await asyncio.wait([task])

    on_loop(life)
    assert length_bytes <= file.length < len(FIRST)
    assert FIRST.startswith(file.part.read_bytes())
    file.close()
    return told.validator


def resumed(nginx: Nginx, path: Path, validator: str) -> Told:
    told, file = Told(), PartialFile(path)
    on_loop(Download(TransferRequest(uri=nginx.url("/x")), file, validator, told, len(FIRST)).attempt)
    file.complete()
    file.close()
    return told


def test_it_goes_on_where_it_was_cut(run: Run, tmp_path: Path) -> None:
    nginx = run(rate_bytes_s=2_000_000)
    nginx.publish("/x", FIRST)
    validator = cut(nginx, tmp_path / "x", 500_000)
    there = (tmp_path / "x.part").stat().st_size
    told = resumed(nginx, tmp_path / "x", validator)
    assert (tmp_path / "x").read_bytes() == FIRST
    assert told.restarts == 0
    nginx.wait_request("/x", count=2)  # each is in its log behind its last byte, or when it is seen that nobody reads on
    assert len(FIRST) - there in [one.bytes for one in nginx.requests()]


def test_a_file_that_was_changed_begins_anew(run: Run, tmp_path: Path) -> None:
    nginx = run(rate_bytes_s=2_000_000)
    nginx.publish("/x", FIRST)
    os.utime(nginx.folder / "files/x", (1, 1))
    validator = cut(nginx, tmp_path / "x", 500_000)
    nginx.publish("/x", SECOND)
    told = resumed(nginx, tmp_path / "x", validator)
    assert (tmp_path / "x").read_bytes() == SECOND
    assert told.restarts == 1


def test_what_is_not_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(HttpFailed) as error:
        downloaded(TransferRequest(uri=run().url("/none")), tmp_path / "x")
    assert error.value.status == 404


def test_over_tls_and_back(run: Run, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "trusted.pem")
    nginx = run(pem=authority.server_pem("127.0.0.1"))
    (tmp_path / "source").write_bytes(FIRST)
    request = TransferRequest(uri=nginx.url(f"{UPLOADS}x"), method="PUT", trusted=authority.trusted)
    body, said = FileBody(tmp_path / "source"), AnswerFile(tmp_path / "answer")
    on_loop(Upload(request, body, said, Sent()).attempt)
    body.close()
    said.close()
    assert nginx.uploaded(f"{UPLOADS}x") == FIRST
    got = downloaded(TransferRequest(uri=nginx.url(f"{UPLOADS}x"), trusted=authority.trusted), tmp_path / "back")
    assert got == FIRST


def test_an_upload_that_is_not_wanted_there(run: Run, tmp_path: Path) -> None:
    nginx = run()
    (tmp_path / "source").write_bytes(FIRST)
    body, said = FileBody(tmp_path / "source"), AnswerFile(tmp_path / "answer")
    with pytest.raises(HttpFailed) as error:
        on_loop(Upload(TransferRequest(uri=nginx.url("/x"), method="PUT"), body, said, Sent()).attempt)
    assert error.value.status in (405, 413)
    assert "nginx" in (tmp_path / "answer").read_text()
    body.close()
    said.close()


def test_an_upload_that_is_cancelled_leaves_no_file(run: Run, tmp_path: Path) -> None:
    nginx = run()
    with (tmp_path / "source").open("wb") as source:
        source.truncate(400_000_000)
    told, body, said = Sent(), FileBody(tmp_path / "source"), AnswerFile(tmp_path / "answer")
    begun = asyncio.Event()
    tell = told.sent

    def sent(length: int) -> None:
        tell(length)
        if length > 1_000_000:
            begun.set()

    told.sent = sent  # type: ignore[method-assign, assignment]

    async def life(curls: CurlLoop) -> None:
        request = TransferRequest(uri=nginx.url(f"{UPLOADS}x"), method="PUT")
        task = asyncio.create_task(Upload(request, body, said, told).attempt(curls))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])

    on_loop(life)
    nginx.wait_request(f"{UPLOADS}x")
    with pytest.raises(FileNotFoundError):
        nginx.uploaded(f"{UPLOADS}x")
    body.close()
    said.close()
