"""The head of an HTTP response, line by line as libcurl gives it, and what it says of going on in the middle."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from rig.standby.wire.transfer_types import ResponseInformation

CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)
"""RFC 9110 14.4; "*" before the slash in a 416. More digits than a file can have bytes are none."""
LENGTH = re.compile(r"\d{1,18}", re.ASCII)
PARTIAL, RANGE_NOT_SATISFIABLE = 206, 416
HEADERS_BYTES = URI_BYTES = 16 * 1024
"""In a message to an app."""
REDIRECT_CODES = range(300, 400)
"""With a Location libcurl follows any of them."""
STRONG_DATE_S = 60.0
"""A date of change so much older than the response is a strong validator (RFC 9110 8.8.2.2)."""


class RedirectRefused(Exception):
    """From https to what anybody may read, or to what is no HTTP. `secure_before`: the first of these."""

    def __init__(self, to: str, *, secure_before: bool) -> None:
        super().__init__(f"a redirect to {to[:200]} is not followed")
        self.secure_before = secure_before


class HttpReply:
    """Of the last response: those of a redirect, a challenge or 100 Continue come before it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        """That gave this answer."""
        self.status = 0
        """0: none has begun, or it is no HTTP."""
        self.reason = ""
        self.headers: dict[str, str] = {}
        """By name in small letters; of two of one name the values joined (RFC 9110 5.3)."""
        self.answered = False
        """It is all there."""

    @property
    def is_http(self) -> bool:
        return self.uri[:4].lower() == "http"

    def begin(self) -> None:
        """Of another request."""
        self.status, self.reason, self.headers, self.answered = 0, "", {}, False

    def line(self, line: bytes) -> None:
        """For pycurl.HEADERFUNCTION. What comes behind the end of the head is a trailer, which says nothing of the body any more.
        Raises RedirectRefused."""
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/") and self.is_http:
            _, _, rest = text.partition(" ")
            status, _, reason = rest.strip().partition(" ")
            self.begin()
            self.status, self.reason = int(status) if status.isascii() and status.isdigit() else 0, reason
        elif not self.is_http or self.answered:
            return
        elif not text:
            self._ended()
        elif ":" in text:
            name, value = text.split(":", 1)
            known = self.headers.get(name.strip().lower())
            self.headers[name.strip().lower()] = value.strip() if known is None else f"{known}, {value.strip()}"

    def _ended(self) -> None:
        location = self.headers.get("location", "")
        if self.status < 200:
            self.begin()
        elif location and self.status in REDIRECT_CODES:
            to = _joined(self.uri, location)
            if not to.lower().startswith("https:" if self.is_secure else ("http:", "https:")):
                raise RedirectRefused(to, secure_before=self.is_secure and to.lower().startswith("http:"))
            self.uri = to
        else:
            self.answered = True

    @property
    def is_secure(self) -> bool:
        return self.uri[:6].lower() == "https:"

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

    def still_is(self, validator: str) -> bool:
        """Of a 206, or of a 416 to what was of no told length: it is about what had that validator. An ETag must be in it (RFC
        9110 15.3.7); a date need not be, but a server that leaves it out may as well have left out to look at If-Range."""
        return self.headers.get("etag" if validator.startswith('"') else "last-modified") == validator

    def may_be(self, validator: str) -> bool:
        """Of a 416 to what was told its length: it need not say what it is about (RFC 9110 15.5.17)."""
        return "etag" not in self.headers or self.still_is(validator)

    @property
    def begins_at(self) -> int | None:
        """Where the body of a 206 begins; None: it does not say."""
        found = self._content_range
        return int(found[1]) if found and found[1] else None

    @property
    def ends_at(self) -> int | None:
        """How long the file is at the end of this body; None: unknown."""
        if self.status == PARTIAL:
            found = self._content_range
            return int(found[2]) + 1 if found and found[2] else None
        return self.whole_bytes

    @property
    def whole_bytes(self) -> int | None:
        """Of all that is there, not of this part alone; None: unknown."""
        if self.status in (PARTIAL, RANGE_NOT_SATISFIABLE):
            found = self._content_range
            return int(found[3]) if found and found[3] != "*" else None
        return int(self._length) if LENGTH.fullmatch(self._length) else None

    @property
    def makes_sense(self) -> bool:
        """It says of its length what can be."""
        return not self._length or LENGTH.fullmatch(self._length) is not None

    @property
    def _length(self) -> str:
        """As it is told; what is chunked has none (RFC 9112 6.3)."""
        return "" if "transfer-encoding" in self.headers else self.headers.get("content-length", "")

    @property
    def _content_range(self) -> re.Match[str] | None:
        return CONTENT_RANGE.fullmatch(self.headers.get("content-range", ""))

    @property
    def information(self) -> ResponseInformation | None:
        if not self.answered:
            return None
        ranges = self.status == PARTIAL or "bytes" in self.headers.get("accept-ranges", "").lower()
        return ResponseInformation(
            actual_uri=self.uri.encode(errors="replace")[:URI_BYTES].decode(errors="ignore"),
            status_code=self.status,
            headers=_bounded(self.headers),
            is_resumable=ranges and bool(self.validator),
        )


def _joined(uri: str, location: str) -> str:
    """Raises RedirectRefused: it is no URI."""
    try:
        return urljoin(uri, location)
    except ValueError:
        raise RedirectRefused(location, secure_before=False) from None


def _bounded(headers: dict[str, str]) -> dict[str, str]:
    """As many as a message to an app has room for; libcurl takes 300 KB of them."""
    left, kept = HEADERS_BYTES, dict[str, str]()
    for name, value in headers.items():
        left -= len(name.encode()) + len(value.encode())
        if left < 0:
            break
        kept[name] = value
    return kept
