"""Where a request goes next, as a redirect or a challenge wants it: what is sent, to whom, through whom, with what secrets. The
rules are the same for all clients of the host API; what each of them may say, and how often it follows, is its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rig.standby.api.http.credentials import Credentials, asks_for_basic
from rig.standby.api.http.errors import HttpError
from rig.standby.api.http.message import ResponseHead
from rig.standby.api.http.outgoing import Outgoing, Proxy
from rig.standby.api.http.redirects import redirected

UNAUTHORIZED, PROXY_AUTHENTICATION_REQUIRED = 401, 407


@dataclass(frozen=True)
class Secrets:
    """Said to nobody before he asks, and to nobody else. `server`: of the one that the app has named."""

    server: Credentials | None = None
    proxy: Credentials | None = None


@dataclass(frozen=True)
class Leg:
    """What is sent on a hop, and what with."""

    outgoing: Outgoing
    proxy: Proxy | None
    credentials: Credentials | None = None

    def same_way(self, other: Leg) -> bool:
        """The connection of one will do for the other: same server, same proxy before it."""
        ways = [(leg.outgoing.uri.origin, leg.proxy and (leg.proxy.host, leg.proxy.port)) for leg in (self, other)]
        return ways[0] == ways[1]


class Route:
    """The legs of one request, one after another. Sends nothing itself."""

    def __init__(self, first: Leg, secrets: Secrets, most_redirects: int) -> None:
        self.leg = first
        """That is under way."""
        self._origin = first.outgoing.uri.origin
        self._secrets = secrets
        self._most_redirects = most_redirects
        self._redirects = 0

    def redirected(self, head: ResponseHead) -> Leg | None:
        """None: it is no redirect. Raises HttpError for one too many, to nowhere, or from https to http."""
        outgoing = redirected(self.leg.outgoing, head)
        if outgoing is None:
            return None
        self._redirects += 1
        if self._redirects > self._most_redirects:
            raise HttpError(f"more than {self._most_redirects} redirects, the last one to {outgoing.uri}")
        same_server = outgoing.uri.origin == self.leg.outgoing.uri.origin
        return replace(self.leg, outgoing=outgoing, credentials=self.leg.credentials if same_server else None)

    def answer_to(self, head: ResponseHead) -> Leg | None:
        """The same with credentials, when they are asked for, are there, may be said, and have not been."""
        if head.status == UNAUTHORIZED:
            return self._with_credentials(head)
        return self._with_proxy_credentials(head) if head.status == PROXY_AUTHENTICATION_REQUIRED else None

    def _with_credentials(self, head: ResponseHead) -> Leg | None:
        """They are for the server that the app named, not for who it was redirected to."""
        may = self.leg.credentials is None and self.leg.outgoing.uri.origin == self._origin
        server = self._secrets.server if may and asks_for_basic(head.headers, "www-authenticate") else None
        return replace(self.leg, credentials=server) if server is not None else None

    def _with_proxy_credentials(self, head: ResponseHead) -> Leg | None:
        proxy = self.leg.proxy
        may = proxy is not None and proxy.credentials is None
        credentials = self._secrets.proxy if may and asks_for_basic(head.headers, "proxy-authenticate") else None
        if proxy is None or credentials is None:
            return None
        return replace(self.leg, proxy=replace(proxy, credentials=credentials))
