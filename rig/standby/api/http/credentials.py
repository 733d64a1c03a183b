"""Basic credentials (RFC 7617) for a server that answers 401, and a proxy that answers 407 (RFC 9110 11)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

from rig.standby.api.http.message import Headers
from rig.standby.wire.hresult import HostError, HResult

BASIC_CHALLENGE = re.compile(r"(?:^|,)\s*basic(?:\s|,|$)(?!\s*=)", re.IGNORECASE)
"""A scheme of that name, alone or in a list with others and their parameters (RFC 9110 11.6.1). One inside a quoted string
costs a request that is refused again, no more: what is sent is meant for this origin in any case."""


@dataclass(frozen=True)
class Credentials:
    """`password` is in no repr, and so in no timeline and no report."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raises HostError INVALID_ARG: the server would take the first colon for the end of the name."""
        if ":" in self.user:
            raise HostError(HResult.INVALID_ARG, f"a user name with a colon: {self.user!r} (RFC 7617 2)")

    @property
    def basic(self) -> str:
        """The value of Authorization or Proxy-Authorization."""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def asks_for_basic(headers: Headers, challenge: str) -> bool:
    """`challenge`: WWW-Authenticate or Proxy-Authenticate."""
    return any(BASIC_CHALLENGE.search(value) for value in headers.all(challenge))
