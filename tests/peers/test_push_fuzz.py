"""Nonsense, and what is nearly sense, on both doors of a push service: it answers or hangs up, and goes on serving."""

from __future__ import annotations

import contextlib
import random
import socket
import threading

import pytest

from rig.peers.push_service import PushService
from rig.push_line import (
    Acknowledged,
    ChannelKind,
    CloseApp,
    CloseChannel,
    Goodbye,
    Hello,
    OpenChannel,
    Ping,
    Power,
    frame,
)
from tests.peers.push_bench import HOST, PushBench, raw_post

ROUNDS = 150


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed, taken out, put in or cut off; or not."""
    changed = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 5, 30])):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randrange(20)]
            case 2:
                changed[at:at] = chance.randbytes(chance.randrange(20))
            case 3:
                changed[at:] = b"" if chance.random() < 0.2 else changed[at:]
    return bytes(changed)


def poster_says(chance: random.Random, service: PushService, uri: str) -> bytes:
    headers = {
        "Host": "x",
        "Authorization": f"Bearer {service.token('mail')}",
        "Content-Type": "application/octet-stream",
        "X-WNS-Type": "wns/raw",
        "X-WNS-TTL": str(chance.randrange(100)),
        "X-WNS-PRIORITY": str(chance.randrange(6)),
        "X-WNS-RequestForStatus": chance.choice(["true", "false"]),
    }
    body = chance.randbytes(chance.randrange(200))
    requests = [
        raw_post("/c/" + uri.rpartition("/")[2], headers | {"Content-Length": str(len(body))}, body),
        raw_post("/accesstoken.srf", {"Host": "x", "Content-Length": "20"}, b"grant_type=%FF%C3&x=y"),
        raw_post("/c/x", {"Host": "x", "Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n0\r\n\r\n"),
    ]
    return mutated(chance, chance.choice(requests))


def host_says(chance: random.Random) -> bytes:
    kinds = [
        Power(screen_on=False, ac=False, exempt=("mail",)),
        OpenChannel(1, "mail", ChannelKind.ALTERNATE, "a"),
        CloseChannel(2, "mail"),
        CloseApp(3, "mail"),
        Acknowledged(chance.randrange(3)),
        Ping(4),
        Goodbye(),
        Hello(HOST + "-2", "x", chance.randrange(3)),
    ]
    said = [Hello(f"stranger-{chance.randrange(20):08}"), *chance.choices(kinds, k=6)]
    return mutated(chance, b"".join(map(frame, said)))


def say(sock: socket.socket, data: bytes, chance: random.Random) -> None:
    """In pieces; then hang up this way or that."""
    with sock, contextlib.suppress(OSError):
        at = 0
        while at < len(data):
            piece = chance.randrange(1, 200)
            sock.sendall(data[at : at + piece])
            at += piece
        if chance.random() < 0.5:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass


@pytest.mark.parametrize("seed", [1, 2])
def test_it_survives_anything_that_is_said_to_it(push: PushBench, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda what: raised.append(what.exc_value))
    chance = random.Random(seed)
    service = push.serve()
    good = push.host(service)
    uri = good.open()
    for _ in range(ROUNDS):
        say(push.socket(service.address, service.port), poster_says(chance, service, uri), chance)
        say(push.socket(service.address, service.line_port), host_says(chance), chance)
    reply = service.post(uri, b"still here")
    while good.take().content != b"still here":
        pass
    service.delivered(reply)
    assert raised == [], "no thread of the service has ended with an exception"
