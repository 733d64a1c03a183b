"""How channels and apps end: nothing of them stays, on the device or here (CCT-044 holds for a killed app too)."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.governor import Governor
from rig.standby.system.processes import Processes
from rig.standby.system.tasks.runs import Tasks
from rig.timeline import TimelineWriter


class Endings:
    def __init__(
        self,
        processes: Processes,
        table: ChannelTable,
        setup: ChannelSetup,
        timers: KeepAliveTimers,
        tasks: Tasks,
        governor: Governor,
        timeline: TimelineWriter,
        on_ended: Callable[[AppProcess], None],
    ) -> None:
        self._processes = processes
        self._table = table
        self._setup = setup
        self._timers = timers
        self._tasks = tasks
        self._governor = governor
        self._timeline = timeline
        self._on_ended = on_ended

    async def close_channel(self, channel: Channel) -> None:
        """The caller has the channel's turn."""
        self._timers.stop(channel)
        await self._setup.close(channel)
        self._tasks.forget_channel(channel.app, channel.channel_id)  # those too that were registered meanwhile

    async def end_app(self, app: AppProcess) -> None:
        """It hung up, or reads nothing; its process is killed if it has not ended by itself. The host stays awake until all that
        was its own is given back."""
        with self._governor.hold(app.label, "it ends"):
            app.let_go()
            for channel in self._table.of(app):
                self._timers.stop(channel)
            ended = await app.child.end()
            for channel in self._table.of(app):
                async with channel.turn:
                    await self._close_for_good(channel)
            self._processes.remove(app)
            self._on_ended(app)
            self._timeline.add("APP_TERMINATED", app=app.name, status=ended, instance=app.instance)

    async def _close_for_good(self, channel: Channel) -> None:
        """Whatever the device answers: nobody is left who could close it again."""
        try:
            await self.close_channel(channel)
        except Exception:
            self._setup.drop(channel)
            self._tasks.forget_channel(channel.app, channel.channel_id)
            raise
