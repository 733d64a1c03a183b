"""What one operation asks of the network, with all that the engine needs to know of where it asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rig.clock import REAL_MINUTE_US
from rig.standby.wire.transfer_types import Header, PasswordCredential, TransferSpec

CONNECT_MINUTES, RESPONSE_MINUTES = 5, 2
"""BTR-015, BTR-016."""
STALL_S = 120.0
"""Real time, as the kernel's own retransmissions are: an answer of which nothing more comes has lost its server."""
ENGINES_OWN = frozenset(
    {"content-length", "transfer-encoding", "range", "if-range", "connection", "te", "trailer", "upgrade", "expect"}
)
"""What frames the message, or says where a download goes on, is not for apps: RFC 9112 6, RFC 9110 7.6.1, 14.2."""

PASSWORD = re.compile(r"^([a-z]+://[^/?#:]*):[^/?#]*@", re.IGNORECASE)
"""RFC 3986 3.2.1; what is behind the last @ is the server."""


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    uri: str
    """http, https, or ftp with its credentials inside (BTR-005)."""
    method: str = "GET"
    headers: tuple[Header, ...] = ()
    condition: str = ""
    """For If-Range (RFC 9110 13.1.5)."""
    asks_first: bool = True
    """Before a large body (RFC 9110 10.1.1)."""
    server_credential: PasswordCredential | None = None
    proxy_credential: PasswordCredential | None = None
    proxy: str = ""
    """http://address:port; "": none, whatever the environment says."""
    trusted: Path | None = None
    """The file of the authorities; while it is not there, nobody is trusted."""
    connect_timeout_s: float = CONNECT_MINUTES * 60.0
    """Until a request can be sent: the name, TCP, a proxy's tunnel and TLS (BTR-015); of FTP also the login."""
    response_timeout_s: float = RESPONSE_MINUTES * 60.0
    """From then on, or from the last byte of an upload that went out, to the whole head of the answer (BTR-016)."""
    stall_timeout_s: float = STALL_S
    """Between two pieces of an answer's body."""


def without_password(uri: str) -> str:
    """As records and reports have it."""
    return PASSWORD.sub(r"\1:...@", uri)


def request_of(
    spec: TransferSpec, *, uri: str = "", trusted: Path | None = None, proxy: str = "", minute_us: int = REAL_MINUTE_US
) -> TransferRequest:
    """`uri`: where another one took the place of the first; `minute_us`: of the bench's clock."""
    minute_s = minute_us / 1e6
    return TransferRequest(
        uri=uri or spec.uri,
        method=spec.method or ("GET" if spec.direction == "download" else "POST"),
        headers=spec.headers,
        server_credential=spec.server_credential,
        proxy_credential=spec.proxy_credential,
        proxy=proxy,
        trusted=trusted,
        connect_timeout_s=CONNECT_MINUTES * minute_s,
        response_timeout_s=RESPONSE_MINUTES * minute_s,
    )
