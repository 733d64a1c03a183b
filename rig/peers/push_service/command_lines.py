"""How a person posts with curl: what an app's server would do, line by line, for a shell on the bench's machine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rig.peers.push_service.credentials import SCOPE, Credentials
from rig.peers.push_service.posts import OCTETS, RAW


class CommandLines:
    """`prefix`: to get to where the service can be reached. `trusted`: who signed its certificate, where it has one."""

    def __init__(self, prefix: Sequence[str] = (), trusted: Path | None = None) -> None:
        self._curl = [*prefix, "curl", "-sS", *(["--cacert", str(trusted)] if trusted else [])]

    def token(self, url: str, credentials: Credentials) -> str:
        """Prints JSON with an access_token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": SCOPE,
        }
        return shlex.join([*self._curl, *(word for key, value in form.items() for word in ("-d", f"{key}={value}")), url])

    def notification(self, uri: str, token: str, content: str = "news") -> str:
        """Prints the status line and headers of the answer."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": OCTETS,
            "X-WNS-Type": RAW,
            "X-WNS-RequestForStatus": "true",
        }
        said = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        return shlex.join([*self._curl, "-i", *said, "--data-binary", content, uri])
