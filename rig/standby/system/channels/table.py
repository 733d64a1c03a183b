"""All channels of the host, by process and id."""

from __future__ import annotations

from collections.abc import Iterator

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.rows import Rows
from rig.standby.wire.hresult import HostError, HResult


class ChannelTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._all: dict[tuple[int, str], Channel] = {}

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._all.values()))

    def of(self, app: AppProcess) -> list[Channel]:
        return [channel for channel in self if channel.app is app]

    def add(self, channel: Channel) -> None:
        self._all[channel.app.instance, channel.channel_id] = channel
        channel.is_saved_in(self._rows)

    def remove(self, channel: Channel) -> None:
        del self._all[channel.app.instance, channel.channel_id]
        channel.is_forgotten()

    def __contains__(self, channel: Channel) -> bool:
        return self._all.get((channel.app.instance, channel.channel_id)) is channel

    def find(self, app: AppProcess, channel_id: str | None) -> Channel | None:
        return self._all.get((app.instance, channel_id)) if channel_id is not None else None

    def get(self, app: AppProcess, channel_id: str) -> Channel:
        """Raises HostError ELEMENT_NOT_FOUND."""
        channel = self.find(app, channel_id)
        if channel is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} has no channel {channel_id!r}")
        return channel

    def by_key(self, key: str | None) -> Channel | None:
        """Whose connection the driver means."""
        return next((channel for channel in self if key is not None and channel.key == key), None)
