"""Who may post: an app's server has an id and a secret, and gets a bearer token for them (RFC 6749 section 4.4, RFC 6750)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

SCHEME = "ms-app://"
SCOPE = "notify.windows.com"
TOKEN_LIFE_S = 86_400
"""In specification seconds."""
TOKENS = 10_000
"""Kept at a time; the oldest goes for a new one."""
CLIENT_ID_LENGTH = len(SCHEME) + 256


@dataclass(frozen=True)
class Credentials:
    """Of an app's server, as a store's page for developers would show them."""

    client_id: str
    client_secret: str


class CredentialsRefused(Exception):
    """`error`: a code of RFC 6749 section 5.2."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Tokens:
    """The secret of an app is made from its name and a key of this service's: nothing to keep, and nobody else can make it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._issued: dict[str, tuple[str, int]] = {}
        """By token: app, and when it expires."""

    def credentials(self, app: str) -> Credentials:
        client_id = SCHEME + app
        return Credentials(client_id, hmac.new(self._key, client_id.encode(), "sha256").hexdigest())

    def granted(self, form: Mapping[str, str], now_ms: int) -> str:
        """A token for what a form of POST /accesstoken.srf says. Raises CredentialsRefused."""
        if form.get("grant_type") != "client_credentials":
            raise CredentialsRefused("unsupported_grant_type")
        if form.get("scope") != SCOPE:
            raise CredentialsRefused("invalid_scope")
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        app = client_id.removeprefix(SCHEME)
        known = self.credentials(app)
        right = hmac.compare_digest(known.client_secret.encode(), secret.encode())
        if len(client_id) > CLIENT_ID_LENGTH or not app or client_id != known.client_id or not right:
            raise CredentialsRefused("invalid_client")
        return self.issue(app, now_ms)

    def issue(self, app: str, now_ms: int) -> str:
        if len(self._issued) >= TOKENS:
            del self._issued[next(iter(self._issued))]
        token = secrets.token_urlsafe(32)
        self._issued[token] = (app, now_ms + TOKEN_LIFE_S * 1000)
        return token

    def app_of(self, authorization: str, now_ms: int) -> str | None:
        """Of an Authorization header; None: no token of this service, or one that has expired."""
        scheme, _, token = authorization.partition(" ")
        app, expires_ms = self._issued.get(token.strip(), ("", 0))
        return app if scheme.lower() == "bearer" and now_ms < expires_ms else None

    def revoke(self) -> None:
        """All of them, as if their time were over."""
        self._issued.clear()
