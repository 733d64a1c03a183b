"""The head of an HTTP response, line by line as libcurl gives it, and what it says of going on in the middle."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", re.ASCII)
"""RFC 9110 14.4; "*" before the slash in a 416."""
STRONG_DATE_S = 60.0
"""A date of change so much older than the response is a strong validator (RFC 9110 8.8.2.2)."""


class ResponseHead:
    """Of the last response: those of a redirect, a challenge or 100 Continue come before it."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        self.headers: dict[str, str] = {}
        """By name in small letters; of two of one name the values joined (RFC 9110 5.3)."""

    def line(self, line: bytes) -> None:
        """For pycurl.HEADERFUNCTION."""
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            _, status, *reason = text.split(" ", 2)
            self.status, self.reason, self.headers = int(status), "".join(reason), {}
        elif ":" in text:
            name, value = text.split(":", 1)
            known = self.headers.get(name.strip().lower())
            self.headers[name.strip().lower()] = value.strip() if known is None else f"{known}, {value.strip()}"

    @property
    def validator(self) -> str:
        """For If-Range (RFC 9110 13.1.5): a strong one, "" where there is none."""
        etag = self.headers.get("etag", "")
        if etag:
            return "" if etag.startswith("W/") else etag
        changed, now = self.headers.get("last-modified", ""), self.headers.get("date", "")
        try:
            age_s = (parsedate_to_datetime(now) - parsedate_to_datetime(changed)).total_seconds()
        except (ValueError, TypeError):
            return ""
        return changed if age_s >= STRONG_DATE_S else ""

    @property
    def begins_at(self) -> int | None:
        """Where the body of a 206 begins; None: it does not say."""
        found = CONTENT_RANGE.fullmatch(self.headers.get("content-range", ""))
        return int(found[1]) if found and found[1] else None

    @property
    def whole_bytes(self) -> int | None:
        """Of all that is there, not of this part alone; None: unknown."""
        if self.status in (206, 416):
            found = CONTENT_RANGE.fullmatch(self.headers.get("content-range", ""))
            return int(found[2]) if found and found[2] != "*" else None
        length = self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else None
