"""What a server of files gives, and a test compares with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from rig.peers.http_request import HttpRequest

FIRST, SECOND = (hashlib.shake_128(seed).digest(100_000) for seed in (b"first", b"second"))
ETAG = '"first"'


def serve(body: bytes, etag: str, *, ranges: bool = True) -> Callable[[HttpRequest], None]:
    """As a server of files does."""

    def handler(request: HttpRequest) -> None:
        wanted = request.header("Range") if ranges and request.header("If-Range") == etag else None
        if wanted is None:
            request.respond(200, body, [("ETag", etag)])
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-"))
        if first >= len(body):
            request.respond(416, b"<html>there is no such part</html>", [("Content-Range", f"bytes */{len(body)}")])
        else:
            part = [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}"), ("ETag", etag)]
            request.respond(206, body[first:], part)

    return handler
