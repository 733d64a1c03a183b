"""An app's server, as a test has it: real POSTs from the service's own machine, the way that any client makes them."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from rig.clock import WAIT_S
from rig.net.namespace import Namespace
from rig.readable import readable


@dataclass(frozen=True)
class Reply:
    """`headers`: names in small letters."""

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> str | None:
        """received, dropped or channelthrottled, by either of its names (B-28); None: nobody asked."""
        return self.headers.get("x-wns-status") or self.headers.get("x-wns-notificationstatus")

    @property
    def connection(self) -> str | None:
        return self.headers.get("x-wns-deviceconnectionstatus")

    @property
    def notification(self) -> int | None:
        """Its `id` with the service; None: it took none."""
        text = self.headers.get("x-wns-msg-id")
        return None if text is None else int(text, 16)


class Sender:
    """One connection for all, made when it is needed. Any thread; one after the other."""

    def __init__(self, namespace: Namespace, trust: ssl.SSLContext | None = None) -> None:
        """`trust`: for https."""
        self._namespace = namespace
        self._trust = trust
        self._lock = threading.Lock()
        self._client: http.client.HTTPConnection | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Content-Length is said by itself. Raises OSError."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        with self._lock:
            if self._client is None or _is_over(self._client):
                self._close()
                self._client = self._connected(parts.hostname, parts.port or 0, parts.scheme)
            try:
                self._client.request("POST", parts.path, body, dict(headers))
                response = self._client.getresponse()
                reply = _reply(response)
            except (OSError, http.client.HTTPException):
                self._close()
                raise
            if response.will_close:
                self._close()
            return reply

    def post_raw(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """These headers, and no others but Host: on a connection of its own, that ends with the answer."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        client = self._connected(parts.hostname, parts.port or 0, parts.scheme)
        with closing(client):
            client.putrequest("POST", parts.path, skip_accept_encoding=True)
            for name, value in {**headers, "Connection": "close"}.items():
                client.putheader(name, value)
            client.endheaders(body)
            return _reply(client.getresponse())

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self, host: str, port: int, scheme: str) -> http.client.HTTPConnection:
        sock = self._namespace.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(WAIT_S)
            sock.connect((host, port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                assert self._trust is not None
                sock = self._trust.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        client = http.client.HTTPConnection(host, port)
        client.sock = sock
        return client


def _is_over(idle: http.client.HTTPConnection) -> bool:
    """The other side has closed it, or said what nobody asked: before a request is sent on it, not after."""
    return readable(idle.sock.fileno(), 0)


def _reply(response: http.client.HTTPResponse) -> Reply:
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
