"""A chat app that finds out how seldom its connection may be kept alive: it reports each that was dropped, and opens another."""

from __future__ import annotations

from rig.standby.api import App, BackgroundTaskInstance
from rig.suite.chat_app import ChatApp

LONGEST_MINUTES = 1439
"""Of the server's interval, whose keep-alive task would only be in the way."""


class LearningApp(ChatApp):
    """Its push task does all of that, so that the host may stay in standby."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._where = ("", 0)

    def learn(self, channel: str, host: str, port: int) -> int:
        """Open the channel, to be connected again whenever its connection ends; returns the ControlChannelTriggerStatus."""
        self._where = (host, port)
        return self.open_channel(channel, host, port, minutes=LONGEST_MINUTES)

    def _push_task(self, instance: BackgroundTaskInstance) -> None:
        super()._push_task(instance)
        channel = instance.channel_id or ""
        if b"" in self.contexts[channel].seen_by_task:
            minutes = self.decrease_keep_alive(channel)
            self.reconnect(channel, *self._where)
            self._record("interval-learnt", channel=channel, minutes=minutes)
