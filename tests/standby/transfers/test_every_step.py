"""Killed at each step of its life, after it and in the middle of what it writes: what was answered holds, a file is whole or not
there, each download and each PUT ends as if nothing had been, and no POST is sent twice."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter

import pytest

from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer
from rig.peers.http_request import HttpRequest
from rig.standby.wire import transfers
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from tests.standby.transfers.conftest import Play
from tests.standby.transfers.deadly import AFTER, HALF
from tests.standby.transfers.files import ETAG
from tests.standby.transfers.scene import Scene

LENGTH = 40_000
FIRST_PART = 25_000


class HeldBack:
    """A file whose second part comes when the test says so, to whoever has asked for it."""

    def __init__(self, number: int) -> None:
        self.body = hashlib.shake_128(number.to_bytes(4, "big")).digest(LENGTH)
        self.goes_on = threading.Event()

    def __call__(self, request: HttpRequest) -> None:
        wanted = request.header("Range")
        at = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        place = [("Content-Range", f"bytes {at}-{LENGTH - 1}/{LENGTH}")] if wanted else []
        request.start(206 if wanted else 200, [("ETag", ETAG), *place], length=LENGTH - at)
        if at < FIRST_PART:
            request.chunk(self.body[at:FIRST_PART])
        while not self.goes_on.is_set():
            if not request.connection.pause(0.002):
                return
        request.chunk(self.body[max(at, FIRST_PART) :])
        request.end()


async def one_life(stage: Scene, web: HttpServer, number: int) -> None:
    """Of a download: created, begun, paused with a part of it there, resumed, whole, forgotten."""
    served, target = HeldBack(number), stage.folder / f"episode {number}"
    web.on(f"/{number}", served)

    def is_whole() -> bool:
        return target.exists() and target.read_bytes() == served.body

    def there() -> int:
        state = stage.states.get(id_)
        return 0 if state is None else state.progress.bytes_received

    id_ = await stage.begin(web.url(f"/{number}"), target.name)
    await stage.until(lambda: there() == FIRST_PART)
    assert not target.exists()
    await stage.call(transfers.Pause(id_))
    await stage.is_(id_, Status.PAUSED_BY_APPLICATION)
    assert target.with_name(f"{target.name}.part").read_bytes() == served.body[:FIRST_PART]
    await stage.call(transfers.Resume(id_))
    served.goes_on.set()
    await stage.until(lambda: stage.states[id_].status.ended or target.exists())
    assert not target.exists() or is_whole()
    await stage.ended(id_)
    assert stage.states[id_].status is Status.COMPLETED, stage.states[id_].fault
    assert is_whole()
    await stage.call(transfers.Forget(id_))
    assert await stage.process.list_all() == []
    stage.permits.clear()
    stage.states.clear()
    target.unlink()
    assert list(stage.folder.glob("episode*")) == []


steps_of = pytest.mark.parametrize("how", [AFTER, HALF], ids=["after", "in the middle"])


@steps_of
def test_killed_at_each_step_a_download_ends_as_if_nothing_had_been(web: HttpServer, play_scene: Play, how: int) -> None:
    async def scene(stage: Scene) -> None:
        await one_life(stage, web, 0)
        stage.steps.arm(0, how)
        await one_life(stage, web, 1)
        steps = stage.steps.count
        assert steps > 40
        for step in range(1, steps + 1):
            stage.steps.arm(step, how)
            await one_life(stage, web, step + 1)
        assert stage.starts > steps / 2, "few of its steps were met again"

    play_scene(scene)


async def one_upload(stage: Scene, web: HttpServer, number: int, method: str) -> Status:
    """Created, begun, ended, forgotten."""
    path, body = stage.folder / f"recording {number}", hashlib.shake_128(number.to_bytes(4, "big")).digest(LENGTH)
    path.write_bytes(body)
    web.on(f"/{number}", answer(b"thanks", 201))
    id_ = await stage.begin(web.url(f"/{number}"), path.name, direction="upload", method=method)
    await stage.ended(id_)
    state = stage.states[id_]
    whole = [request for request in web.requests(f"/{number}") if request.body == body]
    assert len(whole) == 1 or (not whole and state.status is Status.ERROR) or (whole and method == "PUT")
    await stage.call(transfers.Forget(id_))
    assert await stage.process.list_all() == []
    assert list(stage.folder.glob("transfers.answers/*")) == []
    stage.permits.clear()
    path.unlink()
    return state.status


@steps_of
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_killed_at_each_step_an_upload_begins_anew_or_ends(web: HttpServer, play_scene: Play, method: str, how: int) -> None:
    """BTR-020: a PUT is begun anew, a POST ends in an error where nobody knows whether it came."""

    async def scene(stage: Scene) -> None:
        await one_upload(stage, web, 0, method)
        stage.steps.arm(0, how)
        await one_upload(stage, web, 1, method)
        steps = stage.steps.count
        assert steps > 25
        ends: Counter[Status] = Counter()
        for step in range(1, steps + 1):
            stage.steps.arm(step, how)
            ends[await one_upload(stage, web, step + 1, method)] += 1
        if method == "PUT":
            assert set(ends) == {Status.COMPLETED}
        else:
            assert set(ends) == {Status.COMPLETED, Status.ERROR}
        assert stage.starts > steps / 2, "few of its steps were met again"

    play_scene(scene)
