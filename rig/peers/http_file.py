"""A file on a scripted HTTP server: with ranges and a validator, or without; it may stop in the middle until the test goes on.

episode = HttpFile(data, stops_at=1000)
web.on("/episode", episode)
...
web.request(path="/episode")      # 1000 bytes of it are on their way
episode.go_on()
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress

import h11

from rig.peers.http_request import HttpRequest

_RANGE = re.compile(r"bytes=(\d+)-")
"""RFC 9110 14.1.2, of the kind that goes on where something was cut off."""


class HttpFile:
    """A handler (`rig.peers.http_handlers`). What is set here holds for the requests that come from then on."""

    def __init__(self, data: bytes, *, etag: str = '"1"', ranges: bool = True, stops_at: int | None = None) -> None:
        """`etag`: "" for none. `stops_at`: byte of the file before which an answer waits for `go_on`; one that begins behind it
        does not wait."""
        self.data = data
        self.etag = etag
        self.ranges = ranges
        self.stops_at = stops_at
        self._waiting: list[tuple[HttpRequest, bytes]] = []
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest, /) -> None:
        begin = self._begin(request)
        headers = [("ETag", self.etag)] if self.etag else []
        if self.ranges:
            headers.append(("Accept-Ranges", "bytes"))
        if begin:
            headers.append(("Content-Range", f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}"))
        rest = self.data[begin:]
        with self._lock:
            stop = len(rest) if self.stops_at is None else max(0, self.stops_at - begin) or len(rest)
            request.start(206 if begin else 200, headers, length=len(rest))
            if rest[:stop]:
                request.chunk(rest[:stop])
            if stop < len(rest):
                self._waiting.append((request, rest[stop:]))
                return
        request.end()

    def go_on(self) -> None:
        """All that waits is sent, as far as somebody is there to get it; nothing stops any more."""
        with self._lock:
            self.stops_at = None
            waiting, self._waiting = self._waiting, []
        for request, rest in waiting:
            with suppress(OSError, h11.LocalProtocolError):  # the host is gone
                request.chunk(rest)
                request.end()

    def _begin(self, request: HttpRequest) -> int:
        """Byte that the answer begins with: the one that is asked for, if the host has a part of the same file (RFC 9110
        13.1.5)."""
        wanted = _RANGE.fullmatch(request.header("Range") or "")
        same = request.header("If-Range") in (None, self.etag)
        if wanted is None or not self.ranges or not same or int(wanted[1]) >= len(self.data):
            return 0
        return int(wanted[1])
