"""The moves that tests of the socket broker make."""

from __future__ import annotations

import os
import signal
from typing import Any

from rig.bench import Bench
from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.peers import PushConnection
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HResult
from rig.suite.refusal import assert_refused
from rig.suite.scene import QUIET_S
from rig.timeline import Record

APP = "rig.suite.broker_app"
ENTRY = f"{APP}:BrokerApp"


class BrokerScene:
    """A bench, and the app `sockets` with access. `task_id`: of what it has registered last."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.host = bench.host
        self.timeline = bench.timeline
        self.app = self.start("sockets")
        self.task_id = ""

    def start(self, name: str) -> AppHandle:
        app = self.host.start_app(name, ENTRY)
        app.call("request_access")
        return app

    def installed(self, name: str = "installed") -> AppHandle:
        """The same app from a manifest that declares its tasks, as system events (B-16); it is the scene's from now on."""
        serves = BackgroundTasksExtension(f"{APP}.Serves", frozenset({TaskType.SYSTEM_EVENT}), None)
        self.host.install(Manifest(name, "1.0.0.0", ENTRY, (serves,)))
        self.app, self.task_id = self.host.launch(name), ""
        self.app.call("request_access")
        return self.app

    def kill_system(self) -> None:
        """Its process; the supervisor starts another one."""
        os.kill(self.host.pid, signal.SIGKILL)

    def register(self, task: str = "Serves", *, own_process: bool = True) -> str:
        self.task_id = self.app.call("register", task=task, own_process=own_process)
        return self.task_id

    def give(
        self, name: str, *, action: str = "", task: str = "Serves", own_process: bool = True, **options: Any
    ) -> PushConnection:
        """A socket that is connected to the bench's server; returns the server's end of it."""
        server = self.bench.server
        before = len(server.connections)
        if not self.task_id:
            self.register(task, own_process=own_process)
        self.app.call("give", name=name, host=server.address, port=server.port, task_id=self.task_id, action=action, **options)
        return server.connection(before)

    def connect(self, name: str) -> None:
        """A socket that the app has made, to the bench's server."""
        self.app.call("connect", name=name, host=self.bench.server.address, port=self.bench.server.port)

    # -- what happens --------------------------------------------------------------------------------------------------

    def task(self, **detail: Any) -> Record:
        """What a run was told."""
        return self.timeline.wait("socket-task", **detail)

    def read(self, socket_id: str, **detail: Any) -> Record:
        """What a run has read."""
        return self.timeline.wait("socket-read", id=socket_id, **detail)

    def given_back(self, **detail: Any) -> Record:
        return self.timeline.wait("OWNERSHIP_TO_BROKER", **detail)

    def all_kept(self, socket_id: str, count: int) -> bytes:
        """What runs have read of a socket, when that is `count` bytes; the app runs."""
        self.wait_read(socket_id, count)
        kept: bytes = self.app.call("kept", socket_id=socket_id)
        return kept

    def wait_read(self, socket_id: str, count: int) -> None:
        """Until runs have read `count` bytes of a socket."""
        read = 0

        def have_come(record: Record) -> bool:
            nonlocal read
            read += record.bytes if record.matches("socket-read", {"id": socket_id}) else 0
            return read >= count

        self.timeline.wait_until(have_come, f"{count} bytes read from socket {socket_id}")

    def assert_no_run(self, after: int) -> None:
        """None has begun, and none does in a while."""
        self.timeline.assert_none("RUN_ENTER", after=after, timeout_s=QUIET_S)

    def refused(self, hresult: HResult, method: str, **arguments: Any) -> None:
        """The app's call raises that."""
        assert_refused(self.app, hresult, method, **arguments)
