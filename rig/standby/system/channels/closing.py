"""How a channel ends: nothing of it stays, on the device or here (CCT-044 holds for a killed app too)."""

from __future__ import annotations

from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.standing_orders import StandingOrders
from rig.standby.system.tasks.triggers.channel import ChannelTasks


class ChannelClosing:
    """The caller has the channel's turn."""

    def __init__(self, setup: ChannelSetup, timers: KeepAliveTimers, standing: StandingOrders, tasks: ChannelTasks) -> None:
        self._setup = setup
        self._timers = timers
        self._standing = standing
        self._tasks = tasks

    async def close(self, channel: Channel) -> None:
        """Raises what the driver does: the channel is there still, and may be closed again."""
        self._timers.stop(channel)
        await self._setup.close(channel)
        self._standing.take_back(channel)  # before the answer: another channel may have its name then
        self._tasks.forget(channel.app, channel.channel_id)  # those too that were registered meanwhile

    async def close_for_good(self, channel: Channel) -> None:
        """Whatever the device answers: nobody is left who could close it again."""
        try:
            await self.close(channel)
        except Exception:
            self._setup.drop(channel)
            self._tasks.forget(channel.app, channel.channel_id)
            raise
