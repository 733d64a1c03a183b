"""The task of the podcast app, which has a process of its own: the app need not run. They share folders."""

from __future__ import annotations

from pathlib import Path

from rig.standby.api import ApplicationData, BackgroundTaskInstance
from rig.standby.api.transfers import BackgroundTransferStatus


class Sort:
    """All episodes of one call of `fetch` have ended, well or not."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        for download in instance.trigger_details.downloads:
            if download.progress.status is BackgroundTransferStatus.COMPLETED and download.result_file.exists():
                download.result_file.replace(library() / download.result_file.name)


def incoming() -> Path:
    """Episodes on their way, and those that nobody has put in their place yet."""
    return _folder("incoming")


def library() -> Path:
    return _folder("library")


def _folder(name: str) -> Path:
    folder = ApplicationData.local_folder() / name
    folder.mkdir(exist_ok=True)
    return folder
