"""The app of `rig bench --sockets`: it gives very many sockets to the broker, and its task takes one, reads it, gives it back."""

from __future__ import annotations

import queue
from typing import Any

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    SocketActivityConnectedStandbyAction,
    SocketActivityTrigger,
    SocketActivityTriggerDetails,
    StreamSocket,
)

OUT_OF_PROCESS = "rig.benchmarks.socket_app.TakeAndGiveBack"
READ_S = 10.0
READ_BYTES = 64


class TakeAndGiveBack:
    """What a process of its own runs."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        details = instance.trigger_details
        assert isinstance(details, SocketActivityTriggerDetails)
        stream = details.socket_information.stream_socket
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        stream.read_async(READ_BYTES, done.put)
        done.get(timeout=READ_S)
        stream.transfer_ownership(details.socket_information.id)


class SocketApp:
    """Gives what the benchmark asks for."""

    def __init__(self, app: App) -> None:
        BackgroundExecutionManager.request_access()
        self._task_ids: dict[str, str] = {}

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        TakeAndGiveBack().run(instance)

    # -- called by the benchmark ---------------------------------------------------------------------------------------

    def register(self, name: str, out_of_process: bool) -> None:
        """A task for sockets."""
        builder = BackgroundTaskBuilder(name, OUT_OF_PROCESS if out_of_process else None, SocketActivityTrigger())
        self._task_ids[name] = builder.register().task_id

    def give(self, task: str, first: int, count: int, host: str, port: int) -> None:
        """Sockets that are named by their numbers, connected one after another."""
        for number in range(first, first + count):
            stream = StreamSocket()
            stream.enable_transfer_ownership(self._task_ids[task], SocketActivityConnectedStandbyAction.DO_NOT_WAKE)
            stream.connect(host, port)
            stream.transfer_ownership(str(number))
