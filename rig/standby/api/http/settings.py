"""What a client of either flavour sends all its requests with, set before they are sent (CHC-002)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.exchange import BODY_BYTES
from rig.standby.api.http.message import HeaderList
from rig.standby.api.http.outgoing import Outgoing, Proxy
from rig.standby.api.http.uri import HttpUri


@dataclass
class HttpSettings:
    default_request_headers: dict[str, str] = field(default_factory=dict)
    """A request's own header of that name goes before it."""
    credentials: Credentials | None = None
    """For the server that the app names and no other one; sent when it has asked for them once (CHC-010)."""
    proxy: Proxy | None = None
    client_certificate: Path | None = None
    max_redirects: int = 10
    """WinINet's own limit, at which a circle ends. 0: none is followed. On a channel none ever is."""
    max_response_bytes: int = BODY_BYTES
    asked_by: set[tuple[str, str, int]] = field(default_factory=set)
    """Origins that have asked for the credentials and taken them."""

    def outgoing(self, method: str, uri: HttpUri, headers: HeaderList, content: bytes) -> Outgoing:
        """Raises HostError INVALID_ARG."""
        own = {name.lower() for name, _ in headers}
        default = tuple((name, value) for name, value in self.default_request_headers.items() if name.lower() not in own)
        return Outgoing(method, uri, (*default, *headers), content)

    def credentials_for(self, uri: HttpUri) -> Credentials | None:
        return self.credentials if uri.origin in self.asked_by else None

    def prepare(self, connection: HttpConnection) -> None:
        connection.proxy, connection.client_certificate = self.proxy, self.client_certificate
