"""What an FTP server says of a file (RFC 959, RFC 3659), line by line as libcurl gives it, in the terms of a response's head.

A file that is there for less than a minute may change within the second that its time has, so its time says nothing of what it
is then; an older one of the same time and length is the same.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from rig.standby.wire.transfer_types import ResponseInformation

CHANGED = re.compile(r"213 (\d{14})(\.\d{1,9})?", re.ASCII)
LENGTH = re.compile(r"213 (\d{1,18})", re.ASCII)
OPENING = ("125 ", "150 ")
SETTLED = timedelta(minutes=1)


class FtpReplies:
    """libcurl asks MDTM, then SIZE, then REST where it goes on, then RETR."""

    is_http = False
    makes_sense = True
    status = 0
    reason = ""
    information: ResponseInformation | None = None

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.answered = False
        """The file comes."""
        self.whole_bytes: int | None = None
        """None: it knows no SIZE."""
        self._changed = ""

    def begin(self) -> None:
        """The login is over."""

    def line(self, line: bytes) -> None:
        text = line.decode("latin-1").strip()
        if not self._changed and self.whole_bytes is None and (changed := CHANGED.fullmatch(text)):
            self._changed = changed[1] + (changed[2] or "")
        elif length := LENGTH.fullmatch(text):
            self.whole_bytes = int(length[1])
        elif text.startswith(OPENING):
            self.answered = True

    @property
    def validator(self) -> str:
        """Of the file; "": it may be another one with the next request."""
        if self.whole_bytes is None or ";type=" in self.uri.lower():
            return ""
        try:
            changed = datetime.strptime(self._changed[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return ""
        return f"MDTM {self._changed} SIZE {self.whole_bytes}" if datetime.now(UTC) - changed >= SETTLED else ""

    @property
    def ends_at(self) -> int | None:
        """How long the file is at the end."""
        return self.whole_bytes
