"""The moves that tests of background tasks make."""

from __future__ import annotations

from typing import Any

from rig.bench import Bench
from rig.standby.api import SystemTriggerType
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HResult
from rig.suite.refusal import assert_refused
from rig.suite.scene import QUIET_S
from rig.timeline import Record

ENTRY = "rig.suite.task_app:TaskApp"
SMS = SystemTriggerType.SMS_RECEIVED
"""An event that nothing else causes."""


class TaskScene:
    """A bench and the app `tasks`, with access."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.host = bench.host
        self.timeline = bench.timeline
        self.app = self.start("tasks")

    def start(self, name: str, *, access: bool = True, entry: str = ENTRY) -> AppHandle:
        app = self.host.start_app(name, entry)
        if access:
            app.call("request_access")
        return app

    def register(self, task: str, **options: Any) -> str:
        task_id: str = self.app.call("register", task=task, **options)
        return task_id

    def fire(self, event: SystemTriggerType = SMS) -> int:
        """Mark of just before."""
        after = self.timeline.mark()
        self.host.levers.event(event)
        return after

    def run(self, task: str, **detail: Any) -> Record:
        """It begins."""
        return self.timeline.wait("RUN_ENTER", task=task, **detail)

    def ended(self, task: str, **detail: Any) -> Record:
        return self.timeline.wait("TASK_END", task=task, **detail)

    def fire_and_end(self, task: str) -> Record:
        return self.ended(task, after=self.fire())

    def runs(self, task: str, after: int = 0) -> int:
        return len(self.timeline.find("RUN_ENTER", task=task, after=after))

    def assert_no_run(self, task: str, after: int = 0) -> None:
        """None has begun, and none does in a while."""
        self.timeline.assert_none("RUN_ENTER", task=task, after=after, timeout_s=QUIET_S)

    def cancelled(self, task: str, **detail: Any) -> tuple[str, int]:
        """Why it was told to end: the reason's name and number."""
        sent = self.timeline.wait("CANCEL_SENT", task=task, **detail)
        return sent.reason, sent.value

    def refused(self, hresult: HResult, method: str, *, app: AppHandle | None = None, **arguments: Any) -> None:
        """The call raises that."""
        assert_refused(app or self.app, hresult, method, **arguments)
