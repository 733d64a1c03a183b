"""BackgroundUploader: creates uploads, and finds those that there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rig.standby.api.transfers.content_part import BackgroundTransferContentPart
from rig.standby.api.transfers.group import BackgroundTransferGroup
from rig.standby.api.transfers.listing import listed
from rig.standby.api.transfers.request import TransferRequests, checked_path
from rig.standby.api.transfers.upload import UploadOperation
from rig.standby.wire.hresult import HostError, HResult

_SUBTYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
"""RFC 6838 4.2."""
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 5.1.1."""


class BackgroundUploader(TransferRequests):
    """What is set here holds for what it creates from then on."""

    direction: Literal["download", "upload"] = "upload"

    def create_upload(self, uri: str, path: str | Path) -> UploadOperation:
        """http or https, never ftp (BTR-005). Raises HostError as `BackgroundDownloader.create_download`."""
        return UploadOperation(self._create(uri, checked_path(path)))

    def create_upload_from_parts(
        self, uri: str, parts: Sequence[BackgroundTransferContentPart], subtype: str = "form-data", boundary: str = ""
    ) -> UploadOperation:
        """One request of them all, in that order: multipart/`subtype` (BTR-022). `boundary`: "" for one that is made. Raises
        HostError INVALID_ARG too for none, or what may not be in a Content-Type."""
        if not parts:
            raise HostError(HResult.INVALID_ARG, "an upload of no parts")
        if not _SUBTYPE.fullmatch(subtype):
            raise HostError(HResult.INVALID_ARG, f"subtype {subtype[:100]!r}: expected one as in multipart/form-data")
        if boundary and not _BOUNDARY.fullmatch(boundary):
            raise HostError(HResult.INVALID_ARG, f"boundary {boundary[:100]!r}: 1 to 70 characters of RFC 2046 5.1.1")
        described = tuple(part.described for part in parts)
        return UploadOperation(self._create(uri, None, parts=described, subtype=subtype, boundary=boundary))

    @staticmethod
    def get_current_uploads_async(group: str | None = None) -> list[UploadOperation]:
        """As `BackgroundDownloader.get_current_downloads_async`."""
        return [UploadOperation(state) for state in listed("upload", group)]

    @staticmethod
    def get_current_uploads_for_transfer_group_async(group: BackgroundTransferGroup) -> list[UploadOperation]:
        return BackgroundUploader.get_current_uploads_async(group.name)
