"""Lines that break at any byte, again and again, while notifications come: the host has each once, in order."""

from __future__ import annotations

import random
import socket
import threading

import pytest

from rig.peers.push_service import PushService
from rig.push_line import Acknowledged, FrameReader, FromService, Hello, Notify, Welcome, frame
from tests.peers.push_bench import HOST, PushBench

COUNT = 1500


class FlakyHost:
    """Reads pieces of any size, acknowledges now and then, and hangs up when chance has it. It keeps what a host keeps."""

    def __init__(self, push: PushBench, service: PushService, seed: int) -> None:
        self._push = push
        self._service = service
        self._chance = random.Random(seed)
        self._run, self._last = "", 0
        self.contents: list[bytes] = []
        self.lines = 0

    def live_until(self, last: bytes) -> None:
        while not self.contents or self.contents[-1] != last:
            sock = self._push.socket(self._service.address, self._service.line_port)
            self.lines += 1
            with sock:
                try:
                    self._live(sock, last)
                except (ConnectionError, BrokenPipeError):
                    pass  # the service has dropped it

    def _live(self, sock: socket.socket, last: bytes) -> None:
        reader: FrameReader[FromService] = FrameReader(FromService)
        sock.sendall(frame(Hello(HOST, self._run, self._last)))
        bytes_left = self._chance.randrange(1, 20_000)
        while bytes_left > 0:
            data = sock.recv(min(bytes_left, self._chance.randrange(1, 4000)))
            if not data:
                return
            bytes_left -= len(data)
            for message in reader.feed(data):
                self._take(message)
            if self._chance.random() < 0.5:
                sock.sendall(frame(Acknowledged(self._last)))
            if self.contents and self.contents[-1] == last:
                sock.sendall(frame(Acknowledged(self._last)))
                return

    def _take(self, message: FromService) -> None:
        match message:
            case Welcome(run):
                self._run = run
            case Notify(number, _app, content) if number > self._last:
                self._last = number
                self.contents.append(content)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_notification_comes_once_and_in_order(push: PushBench, seed: int) -> None:
    service = push.serve()
    first = push.host(service)
    uri = first.open()
    last = str(COUNT).encode()
    host = FlakyHost(push, service, seed)
    living = threading.Thread(target=host.live_until, args=(last,), daemon=True)
    living.start()
    service.throttle(10**9)
    taken = []
    for n in range(1, COUNT + 1):
        content = str(n).encode()
        while (reply := service.post(uri, content, status=True, cache=n == COUNT)).status != "received":
            assert (reply.code, reply.status) == (200, "dropped")  # told, as there was no line or its window was full
        taken.append(content)
        if n % 100 == 0:
            service.drop_lines()
    living.join(60)
    assert not living.is_alive()
    assert host.contents == taken
    assert host.lines > 20
