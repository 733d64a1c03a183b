"""What a scripted HTTP server may do with a request. Each is a handler, or makes one: web.on("/old", redirect("/new"))."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from rig.peers.http_request import Headers, HttpHandler, HttpRequest


def hold(request: HttpRequest) -> None:
    """Nothing: the test answers later, or never. A long-poll, or a silent server."""


def answer(body: bytes = b"", status: int = 200, headers: Headers = ()) -> HttpHandler:
    """At once, with its length."""
    return lambda request: request.respond(status, body, headers)


def echo(request: HttpRequest) -> None:
    """The request's own body."""
    request.respond(200, request.body)


def redirect(to: str, status: int = 302) -> HttpHandler:
    """`to`: a URL, or a path of the same server."""
    return lambda request: request.respond(status, b"", [("Location", to)])


def stream(parts: Sequence[bytes], every_s: float, headers: Headers = ()) -> HttpHandler:
    """A chunked body, a part each `every_s`, the first at once."""

    def handler(request: HttpRequest) -> None:
        request.start(200, headers)
        for number, part in enumerate(parts):
            if number and not request.connection.pause(every_s):
                return
            request.chunk(part)
        request.end()

    return handler


def trickle(body: bytes, every_s: float) -> HttpHandler:
    """The body a byte at a time; its length is told first."""

    def handler(request: HttpRequest) -> None:
        request.start(200, length=len(body))
        for byte in body:
            if not request.connection.pause(every_s):
                return
            request.chunk(bytes([byte]))
        request.end()

    return handler


def raw(data: bytes, then: str = "finish") -> HttpHandler:
    """`data` as it is, then "finish" (FIN), "reset" (RST) or "hold"."""

    def handler(request: HttpRequest) -> None:
        if data:
            request.raw(data)
        if then == "finish":
            request.finish()
        elif then == "reset":
            request.reset()

    return handler


def reset(request: HttpRequest) -> None:
    """RST in place of an answer."""
    request.reset()


def cut_short(body: bytes, promised: int, then: str = "reset") -> HttpHandler:
    """A head that promises more than comes, then "finish" or "reset"."""

    def handler(request: HttpRequest) -> None:
        request.start(200, length=promised)
        request.chunk(body)
        if then == "reset":
            request.reset()
        else:
            request.finish()

    return handler


def basic(user: str, password: str, then: HttpHandler, realm: str = "bench") -> HttpHandler:
    """401 with a Basic challenge (RFC 7617) until the request has the credentials; `then` answers."""
    wanted = _basic(user, password)

    def handler(request: HttpRequest) -> None:
        if request.header("Authorization") == wanted:
            then(request)
        else:
            request.respond(401, b"who are you?\n", [("WWW-Authenticate", f'Basic realm="{realm}", charset="UTF-8"')])

    return handler


def proxy_refusal(user: str, password: str, request: HttpRequest, realm: str = "proxy") -> bool:
    """Whether the request lacks these credentials for a proxy: it has been answered with 407 then."""
    if request.header("Proxy-Authorization") == _basic(user, password):
        return False
    request.respond(407, b"", [("Proxy-Authenticate", f'Basic realm="{realm}"')])
    return True


def in_turn(*handlers: HttpHandler) -> HttpHandler:
    """The first for the first request, and so on; the last for all that follow."""
    left = list(handlers)

    def handler(request: HttpRequest) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return handler


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
