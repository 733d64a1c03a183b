"""The process of background transfers, asked as the system asks it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from rig.peers.http import HttpServer
from rig.peers.http_file import HttpFile
from rig.peers.http_handlers import hold, trickle
from rig.standby.transfers.changes import PROGRESS_S
from rig.standby.transfers.request import without_password
from rig.standby.wire import transfers
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.timeline import Timeline
from tests.standby.transfers.conftest import Play
from tests.standby.transfers.files import ETAG, FIRST, serve
from tests.standby.transfers.scene import Scene


def test_one_that_changes_while_all_are_listed_is_listed_once(play_scene: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(stage: Scene) -> None:
        await stage.create(stage.spec("http://127.0.0.1/"))
        (owned,) = await stage.process.list_all()
        changed = structs.replace(owned, number=owned.number + 1)
        pages = iter([[owned], [changed], []])

        async def call(_: object) -> list[transfers.Owned]:
            return next(pages)

        monkeypatch.setattr(stage.process, "call", call)
        assert await stage.process.list_all() == [changed]

    play_scene(scene)


def test_a_download_is_created_started_permitted_and_done(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    web.on("/", serve(FIRST, ETAG))

    async def scene(stage: Scene) -> None:
        id_ = await stage.create(stage.spec(web.url()))
        await stage.call(transfers.Start(id_))
        await stage.is_(id_, Status.PAUSED_SYSTEM_POLICY)
        assert web.requests() == []
        await stage.permit(id_)
        await stage.ended(id_)
        state = stage.states[id_]
        assert (state.status, state.attempts, state.fault) == (Status.COMPLETED, 1, None)
        assert (state.progress.bytes_received, state.progress.total_bytes_to_receive) == (len(FIRST), len(FIRST))
        assert (tmp_path / "episode").read_bytes() == FIRST
        assert not (tmp_path / "episode.part").exists()
        listed = await stage.process.list_all()
        assert [owned.state for owned in listed] == [state]
        assert await stage.process.list_all(above=listed[0].number) == []
        await stage.call(transfers.Forget(id_))
        assert await stage.process.list_all() == []

    play_scene(scene)


def test_paused_by_its_app_and_resumed(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    """BTR-018: the request is dropped, what has come stays."""

    async def scene(stage: Scene) -> None:
        web.on("/", hold)
        id_ = await stage.begin(web.url())
        await stage.is_(id_, Status.RUNNING)
        await stage.until(lambda: bool(web.requests()))
        await stage.call(transfers.Pause(id_))
        web.connections[0].wait_closed()
        assert (await stage.process.list_all())[0].state.status is Status.PAUSED_BY_APPLICATION
        with pytest.raises(HostError) as refused:
            await stage.call(transfers.Pause(id_))
        assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
        web.on("/", serve(FIRST, ETAG))
        await stage.call(transfers.Resume(id_))
        await stage.ended(id_)
        assert (tmp_path / "episode").read_bytes() == FIRST

    play_scene(scene)


def test_what_may_not_run_any_more_has_no_connection_when_that_is_answered(web: HttpServer, play_scene: Play) -> None:
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.until(lambda: bool(web.requests()))
        await stage.permit(id_, status=Status.PAUSED_NO_NETWORK)
        web.connections[0].wait_closed()
        await stage.is_(id_, Status.PAUSED_NO_NETWORK)

    play_scene(scene)


def test_killed_it_goes_on_where_it_was(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    """Nothing runs before somebody says so again."""
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.until(lambda: bool(web.requests()))
        stage.permits.clear()
        await stage.kill()
        await stage.is_(id_, Status.PAUSED_SYSTEM_POLICY)
        web.on("/", serve(FIRST, ETAG))
        await stage.permit(id_)
        await stage.ended(id_)
        assert (tmp_path / "episode").read_bytes() == FIRST
        assert stage.states[id_].attempts == 2

    play_scene(scene)


def test_one_that_has_failed_takes_nothing_from_the_next_of_the_same_file(
    web: HttpServer, tmp_path: Path, play_scene: Play
) -> None:
    """Neither when a new process clears up behind it, nor when it is forgotten."""
    file = HttpFile(bytes(1000), stops_at=600)
    web.on("/file", file)
    part = tmp_path / "episode.part"

    async def scene(stage: Scene) -> None:
        failed = await stage.begin(web.url("/nothing"))
        await stage.ended(failed)
        id_ = await stage.begin(web.url("/file"))
        await stage.until(lambda: part.exists() and part.stat().st_size == 600)
        await stage.until(lambda: stage.states[id_].progress.bytes_received == 600)
        await stage.kill()
        await stage.call(transfers.Forget(failed))
        await stage.ended(id_)
        assert web.requests("/file")[-1].header("Range") == "bytes=600-"
        assert (tmp_path / "episode").read_bytes() == bytes(1000)

    play_scene(scene)


def test_two_on_one_target_are_refused(web: HttpServer, play_scene: Play) -> None:
    async def scene(stage: Scene) -> None:
        await stage.create(stage.spec(web.url()))
        with pytest.raises(HostError, match="is the file of another background transfer"):
            await stage.create(stage.spec(web.url()))
        await stage.create(stage.spec(web.url(), "another"))

    play_scene(scene)


def test_cancelled_nothing_is_left(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.until(lambda: bool(web.requests()))
        await stage.call(transfers.Cancel(id_))
        web.connections[0].wait_closed()
        assert list(tmp_path.glob("episode*")) == []
        await stage.is_(id_, Status.CANCELED)

    play_scene(scene)


def test_a_password_is_on_no_timeline(timeline: Timeline, play_scene: Play) -> None:
    async def scene(stage: Scene) -> None:
        await stage.begin("ftp://me:se%20cret:@x@server.example/feed/1?a=b:c@d")

    play_scene(scene)
    assert timeline.wait("TRANSFER_CREATED").uri == "ftp://me:...@server.example/feed/1?a=b:c@d"


@pytest.mark.parametrize("uri", ["http://server.example:80/a:b@c", "ftp://me@server.example/", "https://[2001:db8::1]:80/@"])
def test_what_is_no_password_stays_as_it_is(uri: str) -> None:
    assert without_password(uri) == uri


def test_bytes_are_told_ten_times_a_second_at_most(web: HttpServer, play_scene: Play) -> None:
    """However many pieces they come in."""
    web.on("/", trickle(FIRST[:1000], 0.001))

    async def scene(stage: Scene) -> None:
        id_ = await stage.create(stage.spec(web.url()))
        await stage.call(transfers.Start(id_))
        begun_s, before = asyncio.get_running_loop().time(), len(stage.heard)
        await stage.permit(id_)
        await stage.ended(id_)
        longest_s = asyncio.get_running_loop().time() - begun_s
        counts = [owned.state.progress.bytes_received for owned in stage.heard[before:]]
        assert counts == sorted(counts)
        changes = 4  # its turn, its request, its first byte and its end are told at once, with the bytes of then
        assert 3 < len(set(counts)) <= longest_s / PROGRESS_S + 1 + changes

    play_scene(scene)
