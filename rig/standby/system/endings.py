"""How an app ends: nothing of it stays, on the device or here."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.governor import Governor
from rig.standby.system.owners import Owners
from rig.standby.system.processes import Processes
from rig.timeline import TimelineWriter


class Endings:
    def __init__(
        self,
        processes: Processes,
        owners: Owners,
        governor: Governor,
        timeline: TimelineWriter,
        on_ended: Callable[[AppProcess], None],
    ) -> None:
        self._processes = processes
        self._owners = owners
        self._governor = governor
        self._timeline = timeline
        self._on_ended = on_ended

    async def end_app(self, app: AppProcess) -> None:
        """It hung up, or reads nothing; its process is killed if it has not ended by itself. The host stays awake until all that
        was its own is given back. Raises what the owners do, when it has ended all the same."""
        with self._governor.hold(app.label, "it ends"):
            app.let_go()
            self._owners.app_gone(app)
            ended = await app.child.end()
            try:
                await self._owners.end_app(app)
            finally:
                self._processes.remove(app)
                self._on_ended(app)
                event = "TASK_HOST_END" if app.is_task_host else "APP_TERMINATED"
                self._timeline.add(event, app=app.name, status=ended, instance=app.instance)
