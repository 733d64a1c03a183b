"""The moves that tests of raw push notifications make."""

from __future__ import annotations

import os
import signal
from typing import Any

from rig.bench import Bench
from rig.peers.push_service import PushService
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HResult
from rig.suite.refusal import assert_refused
from rig.suite.scene import QUIET_S
from rig.timeline import Record

APP = "rig.suite.push_app"
ENTRY = f"{APP}:PushApp"


class PushScene:
    """A bench, a push service that its host has a line to, and the app `mail` with access. `task_id`: of what it has registered
    last."""

    def __init__(self, bench: Bench, service: PushService) -> None:
        self.bench = bench
        self.host = bench.host
        self.timeline = bench.timeline
        self.service = service
        self.host.use_push_service(service)
        self.app = self.start("mail")
        self.task_id = ""

    def start(self, name: str) -> AppHandle:
        app = self.host.start_app(name, ENTRY)
        app.call("request_access")
        return app

    def register(self, task: str = "Keeps", *, own_process: bool = True, app: AppHandle | None = None) -> str:
        self.task_id = (app or self.app).call("register", task=task, own_process=own_process)
        return self.task_id

    def open(self, app: AppHandle | None = None, **options: Any) -> str:
        """A channel of the app's; its URI."""
        uri: str = (app or self.app).call("open", **options)
        return uri

    def kill_system(self) -> None:
        """Its process; returns when the supervisor has started another one."""
        after = self.timeline.mark()
        os.kill(self.host.pid, signal.SIGKILL)
        self.timeline.wait("SYSTEM_STARTED", after=after)

    def kill_driver(self) -> None:
        """Of the device; the supervisor starts another one."""
        after = self.timeline.mark()
        os.kill(self.host.driver_pid, signal.SIGKILL)
        self.timeline.wait("DRIVER_TERMINATED", after=after)

    def post(self, uri: str, content: bytes, **options: Any) -> None:
        """Taken by the service, done or dropped by the host."""
        self.service.delivered(self.send(uri, content, **options))

    def send(self, uri: str, content: bytes, **options: Any) -> Any:
        """Taken by the service."""
        reply = self.service.post(uri, content, **options)
        assert reply.code == 200, reply
        return reply

    # -- what happens --------------------------------------------------------------------------------------------------

    def task(self, content: bytes, **detail: Any) -> Record:
        """A run was told that."""
        return self.timeline.wait("push-task", content=content.hex(), **detail)

    def handler(self, content: bytes, **detail: Any) -> Record:
        return self.timeline.wait("push-handler", content=content.hex(), **detail)

    def dropped(self, **detail: Any) -> str:
        """Why."""
        why: str = self.timeline.wait("PUSH_DROPPED", **detail).why
        return why

    def contents(self, after: int = 0) -> list[bytes]:
        """That runs were told, in order."""
        return [bytes.fromhex(record.content) for record in self.timeline.find("push-task", after=after)]

    def assert_no_run(self, after: int) -> None:
        """None has begun, and none does in a while."""
        self.timeline.assert_none("RUN_ENTER", after=after, timeout_s=QUIET_S)

    def refused(self, hresult: HResult, method: str, *, app: AppHandle | None = None, **arguments: Any) -> None:
        assert_refused(app or self.app, hresult, method, **arguments)
