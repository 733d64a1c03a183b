"""What a task and a new process learn of a brokered socket."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from rig.clock import WAIT_S
from rig.standby.api import session
from rig.standby.api.socket_activity import SocketActivityInformation
from rig.standby.wire.app_sockets import TakenSocket
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind

THREADS = 4


def test_threads_that_take_one_socket_at_once_have_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker serves each that asks: two objects over one connection would close it twice."""
    asked: list[Any] = []
    all_ask = threading.Event()
    ours, theirs = socket.socketpair()

    def fetch(call: Any) -> tuple[TakenSocket, Descriptors]:
        asked.append(call)
        all_ask.wait(0.05)  # the others have their chance to ask as well
        return TakenSocket(Kind.STREAM_SOCKET, "task", Action.WAKE, None, 0, 1), Descriptors([socket.dup(ours.fileno())])

    monkeypatch.setattr(session, "current", lambda: SimpleNamespace(fetch=fetch, notify=lambda notice: None))
    information = SocketActivityInformation("news", Kind.STREAM_SOCKET, "task", None)
    found: list[Any] = []
    takers = [threading.Thread(target=lambda: found.append(information.stream_socket)) for _ in range(THREADS)]
    with ours, theirs:
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join(WAIT_S)
    assert len(found) == THREADS
    assert len(asked) == 1
    assert len(set(map(id, found))) == 1
