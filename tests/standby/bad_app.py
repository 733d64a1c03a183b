"""An app that behaves as badly as a process can; each method is one misdeed. It chats, too, so that it has something to lose."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import msgspec

from rig.standby.api import App, BackgroundTaskInstance, HostError
from rig.standby.app.runtime import Runtime
from rig.standby.wire.app_channels import ConnectBegin, ConnectEnd, UsingTransport, WaitForPushEnabled
from rig.standby.wire.app_tasks import RequestAccess
from rig.standby.wire.descriptors import duplicates
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.line import HEADER, Received, What, send_datagram
from rig.standby.wire.message import Call
from rig.standby.wire.outbox import _Kept
from rig.suite.chat_app import PUSH_ENTRY, ChatApp

PATIENCE_S = 10.0


class Anything(Call[Any], frozen=True):
    """Whatever is answered."""


def _udp() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()


def _listening() -> int:
    return socket.create_server(("127.0.0.1", 0)).detach()


def _connection_to_itself() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return socket.create_connection(server.getsockname()), server.accept()[0]


def _path() -> int:
    return os.open("/", os.O_PATH)


def _connection(server: tuple[str, int]) -> int:
    return socket.create_connection(server).detach()


DESCRIPTORS: dict[str, Callable[[], int]] = {
    "the end of a pipe": lambda: os.pipe()[0],
    "a file": lambda: os.memfd_create("bad"),
    "a folder": _path,
    "an eventfd": lambda: os.eventfd(0),
    "a UDP socket": _udp,
    "a listening socket": _listening,
    "a TCP socket that is not connected": lambda: socket.socket().detach(),
    "an IPv6 socket": lambda: socket.socket(socket.AF_INET6).detach(),
    "a Unix socket": lambda: socket.socketpair()[0].detach(),
    "a packet socket's end": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0].detach(),
}


class BadApp(ChatApp):
    """`app` is a Runtime, as it is for every app; only this one looks inside."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        assert isinstance(app, Runtime)
        self.runtime = app
        self._flooding = threading.Event()
        self._answers = Counter[int]()
        """How many came, by the number of the call."""
        take = self.runtime.service.take

        def counted(received: Received[Any]) -> bool:
            self._answers[received.number] += received.what in (What.RESULT, What.FAULT)
            return take(received)

        self.runtime.service.take = counted  # type: ignore[method-assign]

    # -- words ---------------------------------------------------------------------------------------------------------

    def say(self, bodies: list[bytes], call: bool) -> list[str]:
        """Each as a call or a notice; what the system answers: "ok", or the name of the HRESULT."""
        answers = [self._say(What.CALL if call else What.NOTICE, body) for body in bodies]
        return [_heard(answer) for answer in answers] if call else []

    def say_with(self, body: bytes, descriptors: list[str]) -> str:
        """A call with descriptors; closed here as soon as it has gone."""
        fds = [DESCRIPTORS[name]() for name in descriptors]
        try:
            return _heard(self._say(What.CALL, body, fds))
        finally:
            for fd in fds:
                os.close(fd)

    def say_all(self, words: list[tuple[int, bytes, list[str]]], server: tuple[str, int], once: bool) -> list[str]:
        """(kind, body, descriptors) of each; kind 0 goes as it is, with neither number nor header. Returns what is wrong with the
        answers."""
        answers = {number: answer for what, number, answer in self._said(words, server) if what is What.CALL}
        heard = {number: _heard(answer) for number, answer in answers.items()}
        assert self.still_served()
        wrong = [f"{number}: {name}" for number, name in heard.items() if name == "UNEXPECTED"]
        return wrong + [f"{n}: {self._answers[n]} answers" for n in heard if self._answers[n] != 1 and once]

    def _said(
        self, words: list[tuple[int, bytes, list[str]]], server: tuple[str, int]
    ) -> Iterator[tuple[What, int, Future[Any]]]:
        for kind, body, names in words:
            fds = [_connection(server) if name == "a connection" else DESCRIPTORS[name]() for name in names]
            try:
                if kind:
                    answer = self._say(What(kind), body, fds)
                    yield What(kind), self.runtime.service._outbox._last, answer
                elif body:  # an empty one cannot be told from the end
                    send_datagram(self.runtime.service.line.sock, body, fds)
            finally:
                for fd in fds:
                    os.close(fd)

    def send(self, datagrams: list[bytes]) -> None:  # type: ignore[override]
        """As they are, outside of all numbers."""
        for data in datagrams:
            self.runtime.service.line.sock.send(data)

    def send_long(self, bytes_each: list[int]) -> None:
        """Messages of every kind, of that many bytes behind their headers."""
        for count in bytes_each:
            for what in What:
                self.runtime.service.line.sock.send(HEADER.pack(what, 5) + b"x" * count)

    def send_descriptors(self, count: int) -> int:
        """As many in one message as the kernel takes, with no message at all; returns how many."""
        read_end, write_end = os.pipe()
        while count:
            try:
                send_datagram(self.runtime.service.line.sock, b"x", [read_end] * count)
                break
            except OSError:
                count //= 2
        os.close(read_end)
        os.close(write_end)
        return count

    def _say(self, what: What, body: bytes, fds: list[int] | None = None) -> Future[Any]:
        """With the next number, and kept, as a right message would be."""
        caller, answer = self.runtime.service, Future[Any]()
        outbox = caller._outbox
        with outbox._lock:
            outbox._last = number = outbox._last + 1
            kept = _Kept(what, HEADER.pack(what, number) + body, duplicates(fds or []))
            outbox._kept[number] = kept
            with caller._lock:
                caller._waiting[number] = Anything(), answer
            send_datagram(caller.line.sock, kept.data, kept.descriptors.fds)
        return answer

    def still_served(self) -> bool:
        return isinstance(self.runtime.call(RequestAccess()), int)

    def connect_to_itself(self) -> list[str]:
        """As the hardware channel's new transport, twice; a connection that leaves this machine nowhere."""
        channel = "bad"
        words = [UsingTransport(channel, 77), ConnectBegin(channel, 77, "192.0.2.9", 9)]
        answers = self.say([msgspec.msgpack.encode(word) for word in words], True)
        ours, theirs = _connection_to_itself()
        with ours, theirs:
            for _ in range(2):
                end = self._say(What.CALL, msgspec.msgpack.encode(ConnectEnd(channel, 77)), [ours.fileno()])
                answers.append(_heard(end))
            return [*answers, *self.say([msgspec.msgpack.encode(WaitForPushEnabled(channel))], True)]

    def never_finish_a_task(self) -> None:
        def never(instance: BackgroundTaskInstance) -> None:
            threading.Event().wait()

        self.app.entry_points[PUSH_ENTRY] = never

    # -- floods --------------------------------------------------------------------------------------------------------

    def flood_notices(self) -> None:
        """Completions that it never began, and some that it did, without pause, until `stop_flood`."""
        threading.Thread(target=self._flood, daemon=True).start()

    def _flood(self) -> None:
        while not self._flooding.is_set():
            self.runtime.service.notify(ReadBegin("bad"))
            self.runtime.service.notify(ReadCompleted("bad", 1, False))

    def stop_flood(self) -> None:
        self._flooding.set()

    def ask_and_read_nothing(self) -> None:
        """Calls whose answers pile up, until the system hangs up; then it ends. Returns at once."""
        self.runtime._crew.unwatch(self.runtime.service.line.fileno())
        threading.Thread(target=self._ask_for_ever, daemon=True).start()

    def _ask_for_ever(self) -> None:
        try:
            while True:
                self.runtime.service.submit(RequestAccess())
        except OSError:
            os._exit(0)

    # -- the process ---------------------------------------------------------------------------------------------------

    def end_by(self, how: str) -> None:
        """Returns at once, so that the test has its answer."""
        threading.Timer(0.01, _ENDS[how]).start()


def _heard(answer: Future[Any]) -> str:
    try:
        answer.result(PATIENCE_S)
    except HostError as error:
        return error.hresult.name
    except TypeError:
        pass  # what came back is none of Anything's affair
    return "ok"


def _die_with_a_child_that_holds_the_line() -> None:
    """A child of its own session, twice removed, keeps every descriptor."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os._exit(0)


def _close_everything() -> None:
    os.closerange(0, 1 << 16)
    time.sleep(600)


_ENDS: dict[str, Callable[[], object]] = {
    "os._exit": lambda: os._exit(3),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "a segmentation fault": lambda: ctypes.string_at(0),
    "every descriptor closed": _close_everything,
    "a child that holds the line": _die_with_a_child_that_holds_the_line,
}
ENDS = tuple(_ENDS)
