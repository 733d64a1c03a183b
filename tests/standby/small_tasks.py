"""Background tasks as a task host imports them: a class each, made for one run."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ClassVar

from rig.standby.api import BackgroundTaskInstance

RAN: list[int] = []


class Fine:
    def run(self, instance: BackgroundTaskInstance) -> None:
        RAN.append(instance.number)


class OwnPid:
    def run(self, instance: BackgroundTaskInstance) -> None:
        raise RuntimeError(os.getpid())


class Crashes:
    def run(self, instance: BackgroundTaskInstance) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Waits:
    """For nothing."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        instance.progress = 1
        threading.Event().wait()


class NeverMade:
    def __init__(self) -> None:
        raise RuntimeError("no mailbox")


class Exits:
    def run(self, instance: BackgroundTaskInstance) -> None:
        sys.exit(3)


class Connects:
    """To a server of this machine; SERVER tells its port."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        socket.create_connection(("127.0.0.1", int(os.environ["SERVER"])), 10.0).close()


class ConnectsElsewhere:
    """In a thread of its own making."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(Connects().run, instance).result()


def raises(*_: object) -> None:
    raise RuntimeError("too late")


class Alarmed:
    """While it waits for a deferral that it never completes."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        signal.signal(signal.SIGALRM, raises)
        instance.get_deferral()
        signal.setitimer(signal.ITIMER_REAL, 0.05)


class ClosesAll:
    """Of its process, and a child of it has them still."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        if os.fork() == 0:
            signal.alarm(1)
            signal.pause()
        os.closerange(3, 1000)


MIB = 1 << 20


class Frugal:
    """Half of what it may have."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        RAN.append(len(bytearray(16 * MIB)))


class Handles:
    """More than it may have; it goes on with less."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        try:
            bytearray(64 * MIB)
        except MemoryError:
            instance.progress = 1
        instance.progress = len(bytearray(8 * MIB)) // MIB


class Hoards:
    """More and more of it, in small pieces that it keeps."""

    kept: ClassVar[list[bytearray]] = []

    def run(self, instance: BackgroundTaskInstance) -> None:
        while True:
            self.kept.append(bytearray(10_000))


class WantsTooMuch:
    def run(self, instance: BackgroundTaskInstance) -> None:
        bytearray(1 << 62)


class Brimful:
    """It has all that it may have, and waits to be cancelled."""

    kept: ClassVar[list[bytearray]] = []

    def run(self, instance: BackgroundTaskInstance) -> None:
        canceled = threading.Event()
        instance.add_canceled(lambda *_: canceled.set())
        try:
            for size in (MIB, 1000, 100, 10):
                with suppress(MemoryError):
                    while True:
                        self.kept.append(bytearray(size))
            instance.progress = 1
            canceled.wait()
        finally:
            self.kept.clear()
