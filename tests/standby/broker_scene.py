"""An app whose tasks serve each socket that it gives to the broker, in virtual time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.giver import (
    SERVES,
    Served,
    give,
    register,
)

MINUTE_MS = 60_000


@dataclass
class Scene:
    host: FakeHost
    app: FakeApp
    served: Served
    task_id: str
    peers: list[socket.socket] = field(default_factory=list)
    """Open as long as their test does not close them."""

    @property
    def reasons(self) -> list[Reason]:
        return [reason for _, reason in self.served.reasons]

    async def give(self, socket_id: str = "news", **options: Any) -> socket.socket:
        peer = await give(self.app, socket_id, self.task_id, **options)
        self.peers.append(peer)
        return peer

    async def quiet(self) -> None:
        """All that comes of what has happened has come."""
        await asyncio.sleep(0.5)

    @property
    def key(self) -> str:
        """Of the only connection that the driver holds."""
        (key,) = self.host.driver.connections
        return key


@asynccontextmanager
async def scene(task: RegisterTask = SERVES, **rules: Any) -> AsyncIterator[Scene]:
    """An app whose tasks serve each socket."""
    async with fake_host(**rules) as host:
        served = Served()
        host.supervisor.host_task = served.run
        app = await host.app()
        app.on_task = lambda order: served.run(app, order)
        yield Scene(host, app, served, await register(app, task))
