"""What an app may add to the opening handshake (RFC 6455 section 4.1): nothing that would end a line of it, or say otherwise
what the WebSocket says itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rig.standby.wire.hresult import HostError, HResult

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 section 5.6.2: names of headers and of sub-protocols."""
_VALUE = re.compile(r"[\t\x20-\x7e]*")
"""Of a header, and no line of it ends."""
_OWN = ("host", "upgrade", "connection", "content-length", "transfer-encoding")
_OWN_PREFIX = "sec-websocket-"


def check_request(protocols: tuple[str, ...], headers: Mapping[str, str]) -> None:
    """Raises HostError INVALID_ARG."""
    for protocol in protocols:
        if not _TOKEN.fullmatch(protocol):
            raise HostError(HResult.INVALID_ARG, f"sub-protocol {protocol!r}: expected a token, such as chat.v1")
    if len(set(protocols)) != len(protocols):
        raise HostError(HResult.INVALID_ARG, f"sub-protocols {protocols}: each once")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HostError(HResult.INVALID_ARG, f"request header {name!r}: {value!r}: expected a token, and text of one line")
        if name.lower() in _OWN or name.lower().startswith(_OWN_PREFIX):
            raise HostError(HResult.INVALID_ARG, f"request header {name}: the WebSocket says that itself")
