"""Where apps' servers knock: HTTP requests for tokens and to channels become answers with the service's headers.

POST /accesstoken.srf     client credentials in a form; 200 with a token in JSON, or 400 (RFC 6749 section 4.4)
POST /c/SECRET            a raw notification: 200, or 400, 401, 403, 404, 405, 406, 410, 413 with X-WNS-Error-Description
"""

from __future__ import annotations

import json
import ssl
from typing import Protocol
from urllib.parse import parse_qsl

from rig.net.namespace import Namespace
from rig.peers.connection import quietly
from rig.peers.http import HttpServer
from rig.peers.http_connection import HttpConnection
from rig.peers.http_request import HttpHandler, HttpRequest
from rig.peers.push_service.answers import Answer, refusal, unauthorized
from rig.peers.push_service.credentials import TOKEN_LIFE_S, CredentialsRefused
from rig.peers.push_service.posts import BadPost, check_framing
from rig.push_line import CONTENT_BYTES
from rig.timeline import TimelineWriter

TOKEN_PATH = "/accesstoken.srf"
CHANNEL_PATH = "/c/"
CONNECTIONS = 128
"""Of posters, at a time; one more is reset."""
FIELDS = 16
"""Of a form."""


class Decides(Protocol):
    """What is behind the door. Any thread."""

    def token(self, form: dict[str, str]) -> str:
        """Raises CredentialsRefused."""

    def is_authorized(self, authorization: str) -> bool: ...

    def posted(self, secret: str, headers: list[tuple[str, str]], body: bytes) -> Answer: ...


class Door(HttpServer):
    """A poster is bounded in what it makes the service keep: a request's head by h11, its body by CONTENT_BYTES,
    all posters together by CONNECTIONS."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        decides: Decides,
    ) -> None:
        self._decides = decides
        super().__init__(namespace, address, timeline, port, tls=tls, keep=1)
        self.on_head = self._look_at_head

    def channel_uri(self, secret: str) -> str:
        return self.url(CHANNEL_PATH + secret)

    def _welcome(self, connection: HttpConnection) -> None:
        """One too many: the oldest that is there is reset, so that nobody who is slow keeps others out."""
        connection.most_body_bytes = CONTENT_BYTES
        with self._changed:
            self.connections = [one for one in self.connections if not one.closed_by_peer and one.sock.fileno() >= 0]
            surplus = self.connections[: max(0, len(self.connections) - CONNECTIONS)]
        for one in surplus:
            quietly(one.reset)

    def _look_at_head(self, request: HttpRequest) -> None:
        """What its method or its framing alone refuses is answered before the body, and nothing more is kept of it."""
        if request.method != "POST":
            self._answer(request, Answer(405, {"Allow": "POST"}), close=True)
            return
        try:
            check_framing(request.headers)
        except BadPost as bad:
            known = request.path == TOKEN_PATH or self._decides.is_authorized(request.header("Authorization") or "")
            self._answer(request, refusal(bad.status, str(bad)) if known else unauthorized(), close=True)

    def handler_of(self, request: HttpRequest) -> HttpHandler:
        return self._look_at_whole

    def _look_at_whole(self, request: HttpRequest) -> None:
        if request.answered:
            return
        if request.path == TOKEN_PATH:
            self._answer(request, self._token(request))
        elif request.path.startswith(CHANNEL_PATH):
            self._answer(request, self._decides.posted(request.path[len(CHANNEL_PATH) :], request.headers, request.body))
        else:
            self._answer(request, refusal(404, "there is no such path"))

    def _token(self, request: HttpRequest) -> Answer:
        no_store = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        try:
            form = dict(parse_qsl(request.body.decode("ascii"), max_num_fields=FIELDS))
            token = self._decides.token(form)
        except CredentialsRefused as refused:
            return Answer(400, no_store, json.dumps({"error": refused.error}).encode())
        except ValueError:  # no ASCII, too many fields
            return Answer(400, no_store, json.dumps({"error": "invalid_request"}).encode())
        said = {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_LIFE_S}
        return Answer(200, no_store, json.dumps(said).encode())

    def _answer(self, request: HttpRequest, answer: Answer, *, close: bool = False) -> None:
        """What was pipelined behind it is never looked at (RAW-011)."""
        close = close or request.connection.is_pipelined
        request.respond(answer.status, answer.body, list(answer.headers.items()), close=close)
