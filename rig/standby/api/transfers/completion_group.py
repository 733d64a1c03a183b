"""Completion groups: one background task for the end of all their operations (BTR-024, BTR-025).

group = BackgroundTransferCompletionGroup()
BackgroundTaskBuilder("sort", "podcast_tasks.Sort", group.trigger).register()
downloader = BackgroundDownloader(group)
for uri, path in episodes:
    downloader.create_download(uri, path).start_async()
group.enable()      # last: nothing is added from here on
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from rig.standby.api import session
from rig.standby.api.transfers.download import DownloadOperation
from rig.standby.api.transfers.listing import states_of
from rig.standby.api.transfers.upload import UploadOperation
from rig.standby.api.triggers import BackgroundTransferCompletionGroupTrigger
from rig.standby.wire.app_transfers import EnableCompletionGroup


class BackgroundTransferCompletionGroup:
    """One registration of a task and one object of this class belong together (BTR-026)."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self._enabled = False

    @property
    def trigger(self) -> BackgroundTransferCompletionGroupTrigger:
        """For the builder of its task."""
        return BackgroundTransferCompletionGroupTrigger(self.id)

    @property
    def is_enabled(self) -> bool:
        return self._enabled

    def enable(self) -> None:
        """All of it is created and started: its task runs when they have ended. Without this it never does. Raises HostError
        ILLEGAL_METHOD_CALL the second time."""
        session.current().call(EnableCompletionGroup(self.id))
        self._enabled = True


@dataclass(frozen=True)
class BackgroundTransferCompletionGroupTriggerDetails:
    """Of a run: all operations of the group have ended, those that succeeded and those that failed."""

    download_ids: tuple[str, ...]
    upload_ids: tuple[str, ...]

    @property
    def downloads(self) -> list[DownloadOperation]:
        """Also those whose end the app has heard elsewhere."""
        return [DownloadOperation(state) for state in states_of(self.download_ids)]

    @property
    def uploads(self) -> list[UploadOperation]:
        """As `downloads`."""
        return [UploadOperation(state) for state in states_of(self.upload_ids)]
