"""What a peer's HTTP can do to an exchange."""

from __future__ import annotations

import errno

from rig.standby.api.http.message import ResponseHead


class HttpError(OSError):
    """The peer's bytes are no response to the request, or more of one than is taken: the exchange is over and so is its
    connection. An OSError, as a posted read ends with nothing else."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EPROTO, text)


class ProxyRefused(HttpError):
    """A proxy does not dig the tunnel to an https origin; `head` says why: 407, 502 ..."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__(f"the proxy refuses the tunnel: {head.status} {head.reason}")
        self.head = head
