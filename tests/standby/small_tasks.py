"""Background tasks as a task host imports them: a class each, made for one run."""

from __future__ import annotations

import os
import signal
import sys

from rig.standby.api import BackgroundTaskInstance

RAN: list[int] = []


class Fine:
    def run(self, instance: BackgroundTaskInstance) -> None:
        RAN.append(instance.number)


class Crashes:
    def run(self, instance: BackgroundTaskInstance) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class NeverMade:
    def __init__(self) -> None:
        raise RuntimeError("no mailbox")


class Exits:
    def run(self, instance: BackgroundTaskInstance) -> None:
        sys.exit(3)
