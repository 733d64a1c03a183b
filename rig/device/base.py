"""What every home of the firmware can do, so that no test asks where it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self

from rig.starved import OWN_PROCESSOR, Starved

OnDeath = Callable[[str, str], None]
"""How it ended (an exit status or a signal, in words), and the last of what it wrote to stderr."""


class Device(ABC):
    """A microcontroller with the offload firmware. A context manager: on, then off and gone.

    `port` is what a Link opens, also in another process that inherits `pass_fds`. It stays the same over resets and power
    cuts, and a Link that is open stays open.
    """

    kind: ClassVar[str]

    port: str
    pass_fds: tuple[int, ...] = ()
    baudrate: int = 115200
    flash_fd: int = -1
    """The flash as a file, -1 for a board."""

    @property
    def pid(self) -> int:
        """Of the process that runs the firmware; 0 when it is off, and for a board."""
        return 0

    @property
    def starved(self) -> Starved:
        """How long the firmware has gone without a processor of this machine, in all; a board has its own."""
        return OWN_PROCESSOR

    @abstractmethod
    def start(self) -> None:
        """Power on. Raises BenchError when it cannot run."""

    @abstractmethod
    def power_cut(self) -> None:
        """Power off, at once, in the middle of whatever it does. `start` powers on again. The flash keeps what it has."""

    @abstractmethod
    def stop(self) -> None:
        """Power off and give everything back. Safe to call twice."""

    def reset(self) -> None:
        """A hard reset; the reset cause is a power-on."""
        self.power_cut()
        self.start()

    def set_link(self, up: bool) -> None:  # noqa: B027
        """Ethernet cable in or out. Only for emulated hardware: elsewhere the other end of the cable does it."""

    def watch(self, on_death: OnDeath) -> None:  # noqa: B027  a board cannot be watched without its port
        """Call `on_death`, from a thread of its own, whenever the device dies by itself from now on."""

    def check(self) -> None:  # noqa: B027  a board cannot be asked without its port
        """Raises BenchError RIG-B04 when the device has died by itself."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
