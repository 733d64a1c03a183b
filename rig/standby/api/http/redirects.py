"""What becomes of a request that is redirected (RFC 9110 15.4)."""

from __future__ import annotations

from dataclasses import replace

from rig.standby.api.http.errors import HttpError
from rig.standby.api.http.message import HeaderList, ResponseHead
from rig.standby.api.http.outgoing import Outgoing
from rig.standby.wire.hresult import HostError

REDIRECTS = (301, 302, 303, 307, 308)
SAFE = ("GET", "HEAD")
ORIGINS_OWN = ("authorization", "cookie")
"""What the app has said to one origin is not for another one."""


def redirected(outgoing: Outgoing, head: ResponseHead) -> Outgoing | None:
    """The request that follows it; None: it is no redirect. Raises HttpError for one to nowhere, or from https to http."""
    location = head.headers.get("location")
    if head.status not in REDIRECTS or location is None:
        return None
    try:
        uri = outgoing.uri.join(location)
    except HostError as error:
        raise HttpError(f"redirected by {head.status} to what is no URI: {error.text}") from error
    if outgoing.uri.secure and not uri.secure:
        raise HttpError(f"redirected from {outgoing.uri} to {uri}: what was secret would be open")
    headers = outgoing.headers if uri.origin == outgoing.uri.origin else _for_strangers(outgoing.headers)
    followed = replace(outgoing, uri=uri, headers=headers)
    return replace(followed, method="GET", body=b"") if _becomes_get(outgoing.method, head.status) else followed


def _becomes_get(method: str, status: int) -> bool:
    """303 says so; after 301 and 302 every browser does it with a POST, and servers count on that."""
    return method not in SAFE if status == 303 else status in (301, 302) and method == "POST"


def _for_strangers(headers: HeaderList) -> HeaderList:
    return tuple((name, value) for name, value in headers if name.lower() not in ORIGINS_OWN)
