"""What goes wrong with one transfer: it says why in words, and the others go on."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from rig.net import userns
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, hold
from rig.standby.transfers.store import Store
from rig.standby.wire import transfers
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import ContentPart
from rig.timeline import Timeline
from tests.standby.transfers.conftest import Play
from tests.standby.transfers.files import ETAG, FIRST, serve
from tests.standby.transfers.scene import Scene, play
from tests.standby.transfers.zygote import SMALL_DISK

MINUTE_US = 500_000
"""Limits of 2.5 s and 1 s."""


@pytest.mark.skipif(not userns.privileged(), reason="needs a disk of its own")
def test_a_disk_that_is_full_ends_its_transfer_alone(
    web: HttpServer, tmp_path: Path, play_scene: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.on("/", serve(FIRST, ETAG))
    web.on("/small", answer(b"it has room"))
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv(SMALL_DISK, str(disk))

    async def scene(stage: Scene) -> None:
        full, other = await stage.begin(web.url(), "disk/full"), await stage.begin(web.url(), "other")
        await stage.ended(full, other)
        fault = stage.states[full].fault
        assert fault is not None
        assert "No space left on device" in fault.words
        assert stage.states[other].status is Status.COMPLETED
        seen = Path(f"/proc/{stage.pid}/root{disk}")
        assert list(seen.iterdir()) == []
        small = await stage.begin(web.url("/small"), "disk/small")
        await stage.ended(small)
        assert (seen / "small").read_bytes() == b"it has room"

    play_scene(scene)


def test_a_folder_that_is_gone_ends_its_transfer_alone(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    web.on("/", serve(FIRST, ETAG))
    folder = tmp_path / "folder"
    folder.mkdir()

    async def scene(stage: Scene) -> None:
        id_ = await stage.create(stage.spec(web.url(), path=str(folder / "episode")))
        (folder / "episode.part").unlink()
        folder.rmdir()
        await stage.call(transfers.Start(id_))
        await stage.permit(id_)
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert "No such file or directory" in fault.words
        other = await stage.begin(web.url(), "other")
        await stage.ended(other)
        assert stage.states[other].status is Status.COMPLETED

    play_scene(scene)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/dev/tty", "is no file", id="a device"),
        pytest.param("relative", "not absolute", id="relative"),
        pytest.param("/nowhere/at/all", "No such file or directory", id="no folder"),
        pytest.param("/proc/episode", "No such file or directory", id="a folder that takes no files"),
        pytest.param("/etc", "is no file", id="a folder"),
        pytest.param("/tmp/" + "a" * 256, "File name too long", id="too long a name"),
        pytest.param("/tmp/zero\0in it", "null", id="a zero"),
        pytest.param(None, "without a file", id="none"),
    ],
)
def test_a_file_that_cannot_be_is_refused_at_once(play_scene: Play, path: str | None, words: str) -> None:
    async def scene(stage: Scene) -> None:
        for direction in ("download", "upload"):
            with pytest.raises(HostError, match=words) as refused:
                await stage.create(stage.spec("http://127.0.0.1/", path=path, direction=direction))
            assert refused.value.hresult is HResult.INVALID_ARG
        assert await stage.process.list_all() == []

    play_scene(scene)


def test_bytes_of_somebody_else_are_not_taken_for_a_beginning(tmp_path: Path, play_scene: Play) -> None:
    (tmp_path / "episode.part").write_bytes(b"a chapter of a book")

    async def scene(stage: Scene) -> None:
        with pytest.raises(HostError, match="of no background transfer"):
            await stage.create(stage.spec("http://127.0.0.1/"))

    play_scene(scene)
    assert (tmp_path / "episode.part").read_bytes() == b"a chapter of a book"


@pytest.mark.parametrize("name", ["episode", "../{folder}/episode", "link/episode", "episode.part"])
def test_one_file_under_any_name_is_one(tmp_path: Path, play_scene: Play, name: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    async def scene(stage: Scene) -> None:
        await stage.create(stage.spec("http://127.0.0.1/"))
        path = str(tmp_path / name.format(folder=tmp_path.name))
        with pytest.raises(HostError, match="is the file of another background transfer"):
            await stage.create(stage.spec("http://127.0.0.1/", path=path), "mail")

    play_scene(scene)


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """Nobody accepts, and there is no place to wait any more: a SYN has no answer."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(listener.getsockname())
    return listener, waiting


def test_a_silent_server_is_asked_four_times(web: HttpServer, tmp_path: Path, timeline: Timeline) -> None:
    """BTR-016, BTR-017: two minutes each."""
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert (fault.web_error, stage.states[id_].attempts) == (WebErrorStatus.TIMEOUT, 4)

    play(tmp_path, timeline, scene, minute_us=MINUTE_US)
    assert len(web.requests()) == 4
    begun = [record.t_ns for record in timeline.find("TRANSFER_ATTEMPT")]
    assert min(later - before for before, later in pairwise(begun)) >= 2 * MINUTE_US * 1000


def test_a_post_without_an_answer_is_not_sent_again(web: HttpServer, tmp_path: Path, timeline: Timeline) -> None:
    """BTR-017 as BTR-020 has it: the server may have made something of it."""
    web.on("/", hold)
    (tmp_path / "recording").write_bytes(FIRST)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url(), "recording", direction="upload")
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert (fault.web_error, stage.states[id_].attempts) == (WebErrorStatus.TIMEOUT, 1)

    play(tmp_path, timeline, scene, minute_us=MINUTE_US)
    assert len(web.requests()) == 1


@pytest.mark.parametrize("direction", ["download", "upload"])
def test_a_server_that_answers_no_syn_is_tried_four_times(tmp_path: Path, timeline: Timeline, direction: str) -> None:
    """BTR-015, BTR-017: five minutes each; also of a POST, of which nothing has gone out."""
    listener, waiting = full_listener()
    if direction == "upload":
        (tmp_path / "episode").write_bytes(FIRST)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(f"http://127.0.0.1:{listener.getsockname()[1]}/", direction=direction)
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert (fault.web_error, stage.states[id_].attempts) == (WebErrorStatus.TIMEOUT, 4)

    play(tmp_path, timeline, scene, minute_us=MINUTE_US)
    for sock in (listener, *waiting):
        sock.close()
    begun = [record.t_ns for record in timeline.find("TRANSFER_ATTEMPT")]
    assert min(later - before for before, later in pairwise(begun)) >= 5 * MINUTE_US * 1000


def test_waiting_for_the_network_is_not_counted(web: HttpServer, play_scene: Play) -> None:
    """BTR-017: while there is none, it may not run; then it has all its tries."""
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        for number in range(5):
            await stage.until(lambda wanted=number + 1: len(web.requests()) == wanted)  # type: ignore[misc]
            await stage.permit(id_, status=Status.PAUSED_NO_NETWORK)
            await stage.permit(id_)
        web.on("/", answer(FIRST))
        await stage.permit(id_, status=Status.PAUSED_NO_NETWORK)
        await stage.permit(id_)
        await stage.ended(id_)
        assert stage.states[id_].status is Status.COMPLETED

    play_scene(scene)


def test_what_fails_as_the_network_goes_is_no_error(play_scene: Play) -> None:
    """The kernel knows of it before the system has said so: a name that nobody resolves, an address that nobody reaches."""

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin("http://[2001:db8::1]/")  # documentation: there is no way there
        await stage.is_(id_, Status.RUNNING)
        await stage.permit(id_, status=Status.PAUSED_NO_NETWORK)
        await stage.is_(id_, Status.PAUSED_NO_NETWORK)
        assert stage.states[id_].fault is None
        await stage.permit(id_)
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert fault.web_error in (WebErrorStatus.SERVER_UNREACHABLE, WebErrorStatus.CANNOT_CONNECT)

    play_scene(scene)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_that_may_not_go_on_begins_anew_or_ends(web: HttpServer, tmp_path: Path, play_scene: Play, method: str) -> None:
    """BTR-020."""
    web.on("/", hold)
    (tmp_path / "recording").write_bytes(FIRST)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url(), "recording", direction="upload", method=method)
        await stage.until(lambda: len(web.requests()) == 1)
        await stage.permit(id_, status=Status.PAUSED_NO_NETWORK)
        web.on("/", answer(b"", 201))
        await stage.permit(id_)
        await stage.ended(id_)
        state = stage.states[id_]
        if method == "PUT":
            assert (state.status, state.attempts, state.progress.has_restarted) == (Status.COMPLETED, 2, True)
            assert [request.body for request in web.requests()] == [FIRST, FIRST]
        else:
            assert (state.status, state.attempts) == (Status.ERROR, 1)
            assert state.fault is not None
            assert "POST" in state.fault.words

    play_scene(scene)


def test_a_post_that_has_not_begun_is_not_interrupted(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    """It waits for its turn, or for what permits it: nothing of it has gone out."""
    web.on("/", answer(b"", 201))
    (tmp_path / "recording").write_bytes(FIRST)

    async def scene(stage: Scene) -> None:
        id_ = await stage.create(stage.spec(web.url(), "recording", direction="upload"))
        await stage.call(transfers.Start(id_))
        await stage.permit(id_, status=Status.PAUSED_COSTED_NETWORK)
        await stage.kill()
        await stage.permit(id_)
        await stage.ended(id_)
        assert stage.states[id_].status is Status.COMPLETED

    play_scene(scene)


def test_a_post_is_not_paused(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    """BTR-018."""
    web.on("/", hold)
    (tmp_path / "recording").write_bytes(FIRST)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url(), "recording", direction="upload")
        await stage.until(lambda: len(web.requests()) == 1)
        with pytest.raises(HostError) as refused:
            await stage.call(transfers.Pause(id_))
        assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
        assert stage.states[id_].status is Status.RUNNING

    play_scene(scene)


def test_a_store_that_is_none_is_said_in_each_answer(tmp_path: Path, timeline: Timeline) -> None:
    (tmp_path / "transfers.db").write_bytes(os.urandom(8192))

    async def scene(stage: Scene) -> None:
        for _ in range(2):
            with pytest.raises(Exception, match="file is not a database"):
                await stage.call(transfers.Discard("podcast"))
        assert stage.starts == 1

    play(tmp_path, timeline, scene)


@pytest.mark.parametrize("parts", [False, True])
def test_a_file_that_has_become_a_pipe_ends_its_upload_alone(
    web: HttpServer, tmp_path: Path, play_scene: Play, parts: bool
) -> None:
    """Whoever opens a pipe waits for its other end, and all transfers would."""
    web.on("/", serve(FIRST, ETAG))
    source = tmp_path / "recording"
    source.write_bytes(b"")

    async def scene(stage: Scene) -> None:
        whole = {"parts": (ContentPart(name="it", path=str(source)),), "path": None} if parts else {"path": str(source)}
        id_ = await stage.create(stage.spec(web.url(), direction="upload", method="PUT", **whole))
        source.unlink()
        os.mkfifo(source)
        await stage.call(transfers.Start(id_))
        await stage.permit(id_)
        await stage.ended(id_)
        fault = stage.states[id_].fault
        assert fault is not None
        assert "is no file" in fault.words
        other = await stage.begin(web.url(), "other")
        await stage.ended(other)
        assert stage.states[other].status is Status.COMPLETED

    play_scene(scene)


def test_a_file_of_another_name_is_not_written_through_a_link(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    web.on("/", serve(FIRST, ETAG))
    letters, part = tmp_path / "letters", tmp_path / "episode.part"
    letters.write_bytes(b"")
    part.symlink_to(letters)

    async def scene(stage: Scene) -> None:
        with pytest.raises(HostError) as refused:
            await stage.create(stage.spec(web.url()))
        assert refused.value.hresult is HResult.INVALID_ARG
        part.unlink()
        id_ = await stage.create(stage.spec(web.url()))
        part.unlink()
        part.symlink_to(letters)
        await stage.call(transfers.Start(id_))
        await stage.permit(id_)
        await stage.ended(id_)
        assert stage.states[id_].status is Status.ERROR

    play_scene(scene)
    assert letters.read_bytes() == b""


@pytest.mark.parametrize("end", ["forgotten", "killed"])
def test_a_file_that_is_whole_is_nobodys_beginning(web: HttpServer, tmp_path: Path, play_scene: Play, end: str) -> None:
    """One whose name is that of another's unfinished bytes, which has ended."""
    web.on("/", serve(FIRST, ETAG))
    web.on("/none", answer(b"", 404))

    async def scene(stage: Scene) -> None:
        before = await stage.begin(web.url("/none" if end == "killed" else "/"))
        await stage.ended(before)
        later = await stage.begin(web.url(), "episode.part")
        await stage.ended(later)
        if end == "killed":
            await stage.kill()
        else:
            await stage.call(transfers.Forget(before))
        await stage.process.list_all()
        assert (tmp_path / "episode.part").read_bytes() == FIRST

    play_scene(scene)


def test_a_store_with_a_row_that_nobody_can_read_is_said_in_each_answer(tmp_path: Path, timeline: Timeline) -> None:
    Store(tmp_path / "transfers.db").close()
    with closing(sqlite3.connect(tmp_path / "transfers.db", isolation_level=None)) as somebody:
        somebody.execute("INSERT INTO operation VALUES ('x', x'c1')")

    async def scene(stage: Scene) -> None:
        for _ in range(2):
            with pytest.raises(Exception, match="MessagePack"):
                await stage.call(transfers.Discard("podcast"))
        assert stage.starts == 1

    play(tmp_path, timeline, scene)


def test_answers_that_have_no_place_end_their_uploads_alone(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    """Also in a process that is new."""
    web.on("/", serve(FIRST, ETAG))
    (tmp_path / "recording").write_bytes(FIRST)
    (tmp_path / "transfers.answers").write_bytes(b"no folder")

    async def scene(stage: Scene) -> None:
        upload = await stage.create(stage.spec(web.url(), "recording", direction="upload", method="PUT"))
        await stage.kill()
        await stage.call(transfers.Start(upload))
        await stage.permit(upload)
        await stage.ended(upload)
        assert stage.states[upload].status is Status.ERROR
        other = await stage.begin(web.url(), "other")
        await stage.ended(other)
        assert stage.states[other].status is Status.COMPLETED

    play_scene(scene)


def test_one_that_could_not_be_forgotten_is_still_there_to_be_forgotten(
    web: HttpServer, tmp_path: Path, timeline: Timeline
) -> None:
    """A store that takes nothing for a while: else a later process has it again, of whatever app."""
    web.on("/", serve(FIRST, ETAG))

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.ended(id_)
        await stage.process.list_all()
        with closing(sqlite3.connect(stage.settings.store, isolation_level=None)) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            with pytest.raises(Exception, match="database is locked"):
                await stage.call(transfers.Discard("podcast"))
            somebody.execute("ROLLBACK")
        await stage.call(transfers.Discard("podcast"))
        await stage.kill()
        assert await stage.process.list_all() == []

    play(tmp_path, timeline, scene, faults=["database is locked"])


def test_one_whose_pause_could_not_be_written_down_runs_on_and_says_so(
    web: HttpServer, tmp_path: Path, timeline: Timeline
) -> None:
    web.on("/", hold)

    async def scene(stage: Scene) -> None:
        id_ = await stage.begin(web.url())
        await stage.until(lambda: len(web.requests()) == 1)
        with closing(sqlite3.connect(stage.settings.store, isolation_level=None)) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            with pytest.raises(Exception, match="database is locked"):
                await stage.call(transfers.Pause(id_))
            somebody.execute("ROLLBACK")
        (listed, *_) = await stage.process.list_all()
        assert listed.state.status is Status.RUNNING
        await stage.call(transfers.Pause(id_))
        await stage.is_(id_, Status.PAUSED_BY_APPLICATION)

    play(tmp_path, timeline, scene, faults=["database is locked"])
