"""A device that is a process of this machine, and how it comes and goes."""

from __future__ import annotations

import contextlib
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING

from rig.children import exit_words
from rig.device.base import Device, OnDeath
from rig.errors import BenchError
from rig.starved import Starved, stolen_ms, waited_ms

if TYPE_CHECKING:
    from rig.children import Child


def died(kind: str, how: str, last_words: str) -> BenchError:
    """RIG-B04 for a device whose process ended by itself."""
    cause = f"the {kind} device died, {how}: {last_words or 'it wrote nothing'}"
    return BenchError(
        "RIG-B04", cause, "a fault of the firmware, or of what was sent to it; a bench's timeline ends with what led to it"
    )


class ProcessDevice(Device):
    """The process dies when the rig does."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._on_death: OnDeath | None = None
        self._waited_before_ms = 0.0
        self._stolen_before = Starved(0.0, stolen_ms())

    @property
    def starved(self) -> Starved:
        return Starved(self._waited_ms, stolen_ms()).since(self._stolen_before)

    @property
    def _waited_ms(self) -> float:
        return self._waited_before_ms + waited_ms(self.pid)

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        if self._child is None:
            self._child = self._launch()
            self._watch_child()

    def power_cut(self) -> None:
        self._waited_before_ms = self._waited_ms
        child, self._child = self._child, None
        if child is not None:
            child.close()
            self._drop_input()

    def watch(self, on_death: OnDeath) -> None:
        self._on_death = on_death
        self._watch_child()

    def _watch_child(self) -> None:
        if self._child is not None and self._on_death is not None:
            threading.Thread(target=self._wait_for_death, args=(self._child, self._on_death), daemon=True, name="death").start()

    def _wait_for_death(self, child: Child, on_death: OnDeath) -> None:
        """A child that is not ours any more was ended by us."""
        code = child.wait_unreaped()
        if self._child is child:
            with contextlib.suppress(OSError):  # the bench is being closed at the same moment
                on_death(exit_words(code), child.stderr())

    def check(self) -> None:
        child = self._child
        if child is None or child.running:
            return
        raise died(self.kind, exit_words(child.process.returncode), child.stderr())

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process."""

    @abstractmethod
    def _drop_input(self) -> None:
        """Throw away what was sent to the device and not read: a device without power hears nothing."""
