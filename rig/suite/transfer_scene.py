"""The moves of tests of background transfers: an app, a server of files, what became of an operation."""

from __future__ import annotations

import random
from functools import cached_property
from pathlib import Path
from typing import Any

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.peers.http import HttpServer
from rig.peers.http_file import HttpFile
from rig.peers.http_request import HttpRequest
from rig.standby.app_handle import AppHandle
from rig.standby.wire.transfer_types import PART_SUFFIX
from rig.suite.scene import Scene
from rig.timeline import Record

TRANSFER_APP = "rig.suite.transfer_app:TransferApp"
APP = "transfers"
SIZE = 100_000
"""Bytes of a file, unless a test says otherwise: some segments."""
HALF = SIZE // 2


def data_of(size: int = SIZE, seed: int = 1) -> bytes:
    """The same each time, and nothing of it anywhere else in it."""
    return random.Random(seed).randbytes(size)


class TransferScene(Scene):
    """`web` is on the server's machine; downloads are called by the name of their file."""

    def __init__(self, bench: Bench, web: HttpServer) -> None:
        super().__init__(bench)
        self.web = web
        self.folder = (bench.artefacts / "files").resolve()
        self.folder.mkdir()

    @cached_property
    def app(self) -> AppHandle:
        return self.launch()

    def launch(self) -> AppHandle:
        """A process of the app; another one after the first has ended."""
        return self.host.start_app(APP, TRANSFER_APP)

    def relaunch(self) -> AppHandle:
        """The app's process ends, as the system ends it, and the user starts it again."""
        self.app.terminate()
        self.app = self.launch()
        return self.app

    def file(self, name: str) -> Path:
        return self.folder / name

    def part(self, name: str) -> Path:
        """What has come of it, until it is whole."""
        return self.folder / (name + PART_SUFFIX)

    def serve(self, name: str, data: bytes | None = None, **how: Any) -> HttpFile:
        """On the server; `how`: of HttpFile."""
        file = HttpFile(data if data is not None else data_of(), **how)
        self.web.on(f"/{name}", file)
        return file

    def source(self, name: str, data: bytes | None = None) -> str:
        """A file to upload; its path."""
        self.file(name).write_bytes(data if data is not None else data_of())
        return str(self.file(name))

    def fetch(self, name: str, *, uri: str = "", **how: Any) -> str:
        """A download of that name from the server; its guid."""
        guid: str = self.app.call("download", uri=uri or self.web.url(f"/{name}"), path=str(self.file(name)), **how)
        return guid

    def halfway(self, name: str, **how: Any) -> HttpFile:
        """A download whose server has sent half of it and waits; that much has come."""
        file = self.serve(name, stops_at=HALF)
        guid = self.fetch(name, **how)
        self.wait_part(name, HALF)
        self.status(guid, "RUNNING")
        return file

    def wait_part(self, name: str, length: int) -> None:
        """So much of it, or more, is in its file."""
        deadline = Deadline(WAIT_S)
        while not self.part(name).exists() or self.part(name).stat().st_size < length:
            assert not deadline.expired, f"{name}: less than {length} bytes have come"
            deadline.pause()

    def over(self, name: str, outcome: str = "COMPLETED", after: int = 0) -> Record:
        """The app has heard that it ended, and so."""
        record = self.timeline.wait("transfer-over", name=name, after=after)
        assert record.outcome.split(" (")[0] == outcome, record.outcome
        return record

    def told(self, name: str, status: str, after: int = 0, **more: Any) -> Record:
        """The app has heard of that status."""
        return self.timeline.wait("transfer-told", name=name, status=status, after=after, **more)

    def status(self, guid: str, status: str, after: int = 0) -> Record:
        """Whether the app has heard of it or not."""
        return self.timeline.wait("TRANSFER_STATUS", id=guid, status=status, after=after)

    def request(self, name: str, number: int = 0) -> HttpRequest:
        return self.web.request(number, path=f"/{name}")

    def whole(self, name: str, data: bytes | None = None) -> None:
        """The file has its name and its content, and nothing lies beside it."""
        assert self.file(name).read_bytes() == (data if data is not None else data_of())
        assert not self.part(name).exists()
