"""Where a WebSocket connects to: ws://host[:port]/path?query, or wss."""

from __future__ import annotations

import re

from websockets.exceptions import InvalidURI
from websockets.uri import WebSocketURI, parse_uri

from rig.standby.wire.hresult import HostError, HResult

_NEVER = re.compile(r"[\x00-\x20\x7f]")
"""In no URI (RFC 3986 section 2): in a request line they would end it."""


def parsed(uri: str) -> WebSocketURI:
    """Raises HostError INVALID_ARG."""
    try:
        if _NEVER.search(uri):
            raise ValueError("white space and control characters stand in no URI")
        return parse_uri(uri)
    except (InvalidURI, ValueError) as error:  # UnicodeError of a name that is none, too
        raise HostError(HResult.INVALID_ARG, f"no URI of a WebSocket: {error}") from error
