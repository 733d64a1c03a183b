"""BackgroundDownloader: creates downloads, and finds those that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rig.standby.api.transfers.download import DownloadOperation
from rig.standby.api.transfers.group import BackgroundTransferGroup
from rig.standby.api.transfers.listing import listed
from rig.standby.api.transfers.request import TransferRequests, checked_path


class BackgroundDownloader(TransferRequests):
    """What is set here holds for what it creates from then on."""

    direction: Literal["download", "upload"] = "download"

    def create_download(self, uri: str, path: str | Path) -> DownloadOperation:
        """http, https, or ftp with its credentials inside (BTR-005). Raises HostError: INVALID_ARG for a URI, a path or a method
        that cannot be, OUT_OF_MEMORY for the 201st operation of the app (BTR-004) or the 51st group (BTR-023),
        ILLEGAL_METHOD_CALL for a completion group that is enabled (BTR-024), or a file that another download writes."""
        return DownloadOperation(self._create(uri, checked_path(path)))

    @staticmethod
    def get_current_downloads_async(group: str | None = None) -> list[DownloadOperation]:
        """All of the app that it has not heard the end of, whichever of its processes has created them. `group`: of that name
        alone, "" for those in none."""
        return [DownloadOperation(state) for state in listed("download", group)]

    @staticmethod
    def get_current_downloads_for_transfer_group_async(group: BackgroundTransferGroup) -> list[DownloadOperation]:
        return BackgroundDownloader.get_current_downloads_async(group.name)
