"""An app that calls everything that its sockets have with everything that is no argument of it."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    CoreApplication,
    DatagramSocket,
    HostError,
    SocketActivityContext,
    StreamSocket,
    StreamSocketListener,
)
from tests.standby.messages import STRANGE
from tests.standby.socket_app import TASK

Kind: TypeAlias = type[StreamSocket] | type[DatagramSocket] | type[StreamSocketListener]
REFUSALS = (HostError, TypeError, ValueError, AttributeError, OverflowError, OSError)
"""What an app may get to hear. Anything else is ours."""
ALLOWED: dict[Kind, tuple[str, ...]] = {
    StreamSocket: ("connect", "write", "read", "enable_transfer_ownership", "transfer_ownership", "set_option"),
    DatagramSocket: (
        "bind",
        "connect",
        "send",
        "send_to",
        "enable_transfer_ownership",
        "transfer_ownership",
        "set_option",
        "remove_message_received",
    ),
    StreamSocketListener: (
        "bind",
        "enable_transfer_ownership",
        "transfer_ownership",
        "set_option",
        "remove_connection_received",
    ),
}
NO_TIME = {"timeout_s": 0.01}


class StrangeApp:
    def __init__(self, app: App) -> None:
        self.app = app

    def calls(self, kind: str, opened: bool) -> list[str]:
        """What is wrong: an exception that is no refusal, descriptors that are left. `opened`: of sockets that are enabled, and
        connected to a peer that has gone, or bound."""
        cls = next(cls for cls in ALLOWED if cls.__name__ == kind)
        wrong: list[str] = []
        for method in ALLOWED[cls]:
            before = descriptors()
            for arguments in argument_lists():
                wrong += self._call(cls, method, arguments, opened=opened)
            gc.collect()
            if descriptors() > before:
                wrong.append(f"{method} has left {descriptors() - before} descriptors")
        return wrong

    def say_something(self) -> None:
        BackgroundExecutionManager.get_access_status()

    def follow(self) -> list[str]:
        """Handlers of its own life that are none."""
        wrong: list[str] = []
        for value in STRANGE:
            for method in (CoreApplication.remove_suspending, CoreApplication.remove_resuming):
                wrong += refused(lambda method=method, value=value: method(value), method.__name__)  # type: ignore[misc]
        return wrong

    def _call(self, cls: Kind, method: str, arguments: tuple[Any, ...], *, opened: bool) -> list[str]:
        made = cls()
        if opened:
            made.enable_transfer_ownership(TASK)
            opens(made)
        named = NO_TIME if method == "connect" else {}
        try:
            return refused(lambda: getattr(made, method)(*arguments, **named), f"{method}{arguments!r:.60}")
        finally:
            with contextlib.suppress(*REFUSALS):
                made.close()


def opens(made: StreamSocket | DatagramSocket | StreamSocketListener) -> None:
    if not isinstance(made, StreamSocket):
        made.bind(0, "127.0.0.1")
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        made.connect(*server.getsockname())
        server.accept()[0].close()


def argument_lists() -> Iterator[tuple[Any, ...]]:
    """None, one, two and three; of two and three not all combinations, but each value at each place."""
    yield ()
    for value in STRANGE:
        yield (value,)
        yield from itertools.product((value,), ("127.0.0.1", 9, None))
        yield from itertools.product(("127.0.0.1", 9, b"x"), (value,))
        yield from ((b"x", "127.0.0.1", value), (b"x", value, 9), ("id", SocketActivityContext(value), value))


def refused(call: Callable[[], Any], what: str) -> list[str]:
    """Done, or refused: both are well."""
    try:
        call()
    except REFUSALS:
        return []
    except BaseException as error:
        return [f"{what}: {type(error).__name__} {error}"]
    return []


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
