"""What makes a channel's tasks run: a read that has returned, and the end of the server keep-alive interval."""

from __future__ import annotations

from rig.standby.system.background import Background
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.driver import Driver
from rig.standby.system.governor import Governor
from rig.standby.system.processes import Processes
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush
from rig.timeline import TimelineWriter


class ChannelTriggers:
    """Order the tasks of channels, and see to it that host and app are awake for them."""

    def __init__(
        self,
        watch: TransportWatch,
        processes: Processes,
        tasks: ChannelTasks,
        sleep: SleepCycle,
        governor: Governor,
        background: Background,
        driver: Driver,
        timeline: TimelineWriter,
    ) -> None:
        self._watch = watch
        self._processes = processes
        self._tasks = tasks
        self._sleep = sleep
        self._governor = governor
        self._background = background
        self._driver = driver
        self._timeline = timeline

    def push(self, channel: Channel) -> None:
        """The app's read completion has returned: now the push task may start."""
        if channel.reset:
            return
        if not channel.push_enabled:
            self._timeline.add("USAGE_FAULT", app=channel.app.name, channel=channel.channel_id, what="no wait for push")
        elif self._watch.may_fire(channel):
            self._fire(channel, ChannelPush(channel.channel_id), "task")
        else:
            channel.held_pushes += 1

    def fire_held(self, channel: Channel) -> None:
        """A software channel whose app was awake in standby for another reason: its tasks had to wait (CCT-028)."""
        held, channel.held_pushes = channel.held_pushes, 0
        for _ in range(held):
            self._fire(channel, ChannelPush(channel.channel_id), "held_push")

    def keep_alive_due(self, channel: Channel) -> None:
        """The server interval is over (CCT-033)."""
        if self._watch.may_fire(channel):
            self._background.start(f"keep-alive of {channel.label}", self._keep_alive(channel))

    def no_more_tokens(self, channel: Channel) -> None:
        """The device cannot keep it alive any more: the app's task makes more of what it did that with."""
        if not channel.reset:
            self._fire(channel, ChannelKeepAlive(channel.channel_id), "keep_alive")

    async def _keep_alive(self, channel: Channel) -> None:
        if self._watch.left_to_device(channel) and await self._device_sends(channel):
            return
        with self._governor.hold(channel.label, "its keep-alive is due"):
            await self._sleep.wake("keep_alive_timer")
            if self._watch.may_fire(channel):  # it may have been closed meanwhile
                self._fire(channel, ChannelKeepAlive(channel.channel_id), "keep_alive")

    async def _device_sends(self, channel: Channel) -> bool:
        """Not every device takes payload keep-alives."""
        state = await self._driver.payload_state(channel.key) if channel.key is not None else None
        return state is not None and state.taken

    def _fire(self, channel: Channel, trigger: ChannelPush | ChannelKeepAlive, cause: str) -> None:
        self._processes.resume(channel.app, cause)
        self._tasks.fire(channel.app, trigger, cause)
