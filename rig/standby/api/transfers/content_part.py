"""BackgroundTransferContentPart: one part of a multi-part upload, a file or a text (BTR-022)."""

from __future__ import annotations

from pathlib import Path

from rig.standby.api.transfers.request import Headers, checked_path
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_types import ContentPart

TEXT_LENGTH = 16 * 1024
"""Characters; more is a file's."""


class BackgroundTransferContentPart:
    """`name` and `file_name` are what its Content-Disposition says; "": it does not."""

    def __init__(self, name: str = "", file_name: str = "") -> None:
        """Raises HostError INVALID_ARG: either would end its line."""
        for said in (name, file_name):
            if any(character in said for character in "\r\n\0"):
                raise HostError(HResult.INVALID_ARG, f"name of a part {said[:100]!r}: one line is wanted")
        self.name = name
        self.file_name = file_name
        self._headers = Headers()
        self._path: Path | None = None
        self._text = ""

    def set_header(self, name: str, value: str) -> None:
        """Its own. Raises HostError INVALID_ARG."""
        self._headers.set(name, value)

    def set_text(self, text: str) -> None:
        """In the place of whatever it was. Raises HostError INVALID_ARG for more than TEXT_LENGTH."""
        if len(text) > TEXT_LENGTH:
            raise HostError(HResult.INVALID_ARG, f"a text of {len(text)} characters, at most {TEXT_LENGTH}: a file takes more")
        self._text, self._path = text, None

    def set_file(self, path: str | Path) -> None:
        """In the place of whatever it was. Raises HostError INVALID_ARG for a path that is not absolute."""
        self._path, self._text = checked_path(path), ""

    @property
    def described(self) -> ContentPart:
        """As the system knows it."""
        path = str(self._path) if self._path is not None else None
        return ContentPart(self.name, self.file_name, path, self._text, self._headers.items)
