"""One end of the line is stopped, slow, or another one than before: nothing that was said is lost."""

from __future__ import annotations

import asyncio
import os
import signal

from rig.peers.http import HttpServer
from rig.standby.system.transfers.transfer_process import UNDER_WAY
from rig.standby.transfers.newer import OnlyNewer
from rig.standby.wire import transfers
from rig.standby.wire.inbox import Turn
from rig.standby.wire.send_queue import UNREAD_MESSAGES
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.timeline import Timeline
from tests.standby.transfers.conftest import Play
from tests.standby.transfers.files import ETAG, FIRST, serve
from tests.standby.transfers.scene import LONG_S, Scene

MANY = 200
WORDS = "transfer " * 400
"""Of a URI: so long that a socket holds few of them."""


def test_a_process_that_is_stopped_has_all_calls_in_their_order(play_scene: Play) -> None:
    """More than any line keeps for who does not read."""

    async def scene(stage: Scene) -> None:
        first = await stage.create(stage.spec("http://127.0.0.1/", "first"))
        os.kill(stage.pid, signal.SIGSTOP)
        specs = [stage.spec(f"http://127.0.0.1/{WORDS}", f"{number}") for number in range(UNREAD_MESSAGES + UNDER_WAY)]
        calls = [asyncio.create_task(stage.create(spec)) for spec in specs]
        await asyncio.sleep(0)
        os.kill(stage.pid, signal.SIGCONT)
        await asyncio.gather(*calls)
        listed = [owned.state.spec.id for owned in await stage.process.list_all()]
        assert listed == [first, *(spec.id for spec in specs)]

    play_scene(scene)


def test_a_system_that_does_not_read_hears_how_all_ended(web: HttpServer, timeline: Timeline, play_scene: Play) -> None:
    """Of bytes it is told how many there are, not how many there were."""
    web.on("/", serve(FIRST, ETAG))

    async def scene(stage: Scene) -> None:
        uri = f"{web.url()}?{WORDS.replace(' ', '')}"
        ids = [await stage.create(stage.spec(uri, f"{number}")) for number in range(MANY)]
        for id_ in ids:
            await stage.call(transfers.Start(id_))
        await stage.permit(*ids, status=Status.PAUSED_NO_NETWORK)
        stage.stop_reading()
        permitted = asyncio.create_task(stage.permit(*ids))
        await asyncio.to_thread(timeline.wait, "TRANSFER_ENDED", count=MANY, timeout_s=LONG_S)
        stage.read_on()
        await permitted
        await stage.ended(*ids)
        assert {stage.states[id_].status for id_ in ids} == {Status.COMPLETED}

    play_scene(scene)


def test_another_system_finds_all_that_there_is_and_goes_on(web: HttpServer, play_scene: Play) -> None:
    """What was running goes on meanwhile, and the answers that were another's are passed over."""
    web.on("/", serve(FIRST, ETAG))

    async def scene(stage: Scene) -> None:
        ids = [await stage.begin(web.url(), f"{number}") for number in range(5)]
        for _ in range(3):
            lost = asyncio.create_task(stage.process.call(transfers.ListTransfers()))
            await asyncio.sleep(0)
            stage.new_system()
            await asyncio.gather(lost, return_exceptions=True)
            assert {owned.state.spec.id for owned in await stage.process.list_all()} == set(ids)
            await stage.kill()
        for owned in await stage.process.list_all():
            stage.take(owned)
        await stage.ended(*ids)
        assert {stage.states[id_].status for id_ in ids} == {Status.COMPLETED}

    play_scene(scene)


def test_nothing_is_done_before_the_system_says_where_it_begins() -> None:
    numbers = OnlyNewer()
    assert numbers.take(7) is Turn.AHEAD
    assert [numbers.take(number) for number in (0, 6, 7, 0, 6, 7, 8)] == [
        Turn.NEW, Turn.NEW, Turn.NEW, Turn.NEW, Turn.UNDER_WAY, Turn.UNDER_WAY, Turn.NEW,
    ]  # fmt: skip
