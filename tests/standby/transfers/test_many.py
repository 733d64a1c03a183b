"""Many at once: all of them end, none keeps another waiting for ever, and nothing is left of them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path

from rig.clock import Deadline
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.peers.connection import Connection
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, hold, trickle
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.turns import AT_A_TIME
from rig.standby.wire import transfers
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from tests.standby.transfers.conftest import Play
from tests.standby.transfers.files import ETAG, serve
from tests.standby.transfers.scene import Scene

MOST = 200
"""Of one app (BTR-004)."""


def body_of(number: int) -> bytes:
    return hashlib.shake_128(number.to_bytes(4, "big")).digest(20_000 + number)


def descriptors(pid: int) -> set[str]:
    """Files and sockets that a process has open, but for its own pipes and libraries."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(f"{fd.name} {fd.readlink()}")
        except FileNotFoundError:
            continue
    return found


async def back_to(stage: Scene, before: int) -> None:
    """As many as before."""
    deadline = Deadline(10)
    while len(descriptors(stage.pid)) > before:
        assert not deadline.expired, descriptors(stage.pid)
        await asyncio.sleep(0.01)


def test_two_hundred_at_once_finish(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    for number in range(MOST):
        web.on(f"/{number}", serve(body_of(number), ETAG))

    async def scene(stage: Scene) -> None:
        await stage.ended(await stage.begin(web.url("/0"), "first"))
        before = len(descriptors(stage.pid))
        ids = [await stage.create(stage.spec(web.url(f"/{number}"), f"episode {number}")) for number in range(MOST)]
        for id_ in ids:
            await stage.call(transfers.Start(id_))
        await stage.permit(*ids)
        await stage.ended(*ids)
        assert {stage.states[id_].status for id_ in ids} == {Status.COMPLETED}
        for number in range(MOST):
            assert (tmp_path / f"episode {number}").read_bytes() == body_of(number)
        assert list(tmp_path.glob("*.part")) == []
        await back_to(stage, before)  # BTR-021

    play_scene(scene)


def test_those_that_wait_have_the_places_of_those_that_end(web: HttpServer, play_scene: Play) -> None:
    web.on("/slow", hold)
    web.on("/quick", answer(b"quick"))

    async def scene(stage: Scene) -> None:
        slow = [await stage.begin(web.url("/slow"), f"slow {number}") for number in range(AT_A_TIME)]
        await stage.until(lambda: len(web.requests("/slow")) == AT_A_TIME)
        quick = await stage.begin(web.url("/quick"), "quick")
        await stage.is_(quick, Status.IDLE)
        await stage.call(transfers.Cancel(slow[0]))
        await stage.ended(quick)
        assert len(web.requests("/slow")) == AT_A_TIME

    play_scene(scene)


def is_open(connection: Connection) -> bool:
    """By the kernel, which has a connection's end before the next one begins: the thread that reads it may come later."""
    try:
        return tcp_info(connection.sock).state == TCP_ESTABLISHED
    except OSError:  # closed here, as the other end was
        return False


def test_a_serial_group_has_one_connection_at_a_time(web: HttpServer, play_scene: Play) -> None:
    """BTR-023, seen from the server; beside it goes what is in no group."""
    at_once: list[int] = []
    slowly = trickle(b"episode", 0.002)

    def counted(request: HttpRequest) -> None:
        at_once.append(sum(map(is_open, web.connections)))
        slowly(request)

    web.on("/serial", counted)
    web.on("/beside", hold)

    async def scene(stage: Scene) -> None:
        await stage.begin(web.url("/beside"), "beside")
        await stage.until(lambda: len(web.requests("/beside")) == 1)
        serial = BackgroundTransferBehavior.SERIALIZED
        group = [stage.spec(web.url("/serial"), f"{number}", group="episodes", behavior=serial) for number in range(10)]
        ids = [await stage.create(spec) for spec in group]
        for id_ in ids:
            await stage.call(transfers.Start(id_))
        await stage.permit(*ids)
        await stage.ended(*ids)
        assert at_once == [2] * 10

    play_scene(scene)


KILLS = 100
AT_ONCE = 20
SEED = 11
"""Of the moments and lengths; what falls into them differs from run to run."""


def test_killed_a_hundred_times_each_file_is_whole_in_the_end(web: HttpServer, tmp_path: Path, play_scene: Play) -> None:
    chance = random.Random(SEED)

    async def scene(stage: Scene) -> None:
        bodies: dict[str, bytes] = {}
        begun: dict[str, str] = {}
        for kill in range(KILLS):
            over = sum(stage.states[id_].status.ended for id_ in begun if id_ in stage.states)
            for _ in range(AT_ONCE - len(begun) + over):
                name = f"episode {len(bodies)}"
                bodies[name] = chance.randbytes(chance.randrange(1_000_000))
                web.on(f"/{len(bodies)}", serve(bodies[name], ETAG))
                begun[await stage.begin(web.url(f"/{len(bodies)}"), name)] = name
            await asyncio.sleep(chance.uniform(0, 0.02))  # the moment is what is tested
            await stage.kill()
            for id_, name in begun.items():
                target = tmp_path / name
                assert not target.exists() or target.stat().st_size == len(bodies[name]), kill
                if id_ in stage.states and stage.states[id_].status is Status.COMPLETED:
                    assert target.exists()
        await stage.ended(*begun)
        assert {stage.states[id_].status for id_ in begun} == {Status.COMPLETED}
        for name, body in bodies.items():
            assert (tmp_path / name).read_bytes() == body
        assert list(tmp_path.glob("*.part")) == []
        assert stage.starts > KILLS

    play_scene(scene)
