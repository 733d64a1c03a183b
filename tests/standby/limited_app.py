"""An app whose tasks meet the limits of memory and network, in its process and in one of their own."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import ClassVar

from rig.standby.api import (
    App,
    ApplicationData,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    SystemTrigger,
    SystemTriggerType,
)

MIB = 1 << 20


class Limited:
    def __init__(self, app: App) -> None:
        BackgroundExecutionManager.request_access()

    def register(self, task: str, own_process: bool, network: bool = False) -> None:
        """For the user who leaves."""
        entry_point = f"tests.standby.limited_app.{task}" if own_process else None
        builder = BackgroundTaskBuilder(task, entry_point, SystemTrigger(SystemTriggerType.USER_AWAY, one_shot=True))
        builder.is_network_requested = network
        builder.register()

    def set_server(self, address: str, port: int) -> None:
        (ApplicationData.local_folder() / "server").write_text(json.dumps([address, port]))

    def noted(self) -> list[int]:
        found: list[int] = json.loads((ApplicationData.local_folder() / "noted").read_text())
        return found

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        Connects().run(instance)


class Connects:
    def run(self, instance: BackgroundTaskInstance) -> None:
        address, port = json.loads((ApplicationData.local_folder() / "server").read_text())
        socket.create_connection((address, port), 10.0).close()


class Measures:
    """What it has allocated, and may, before, with 16 MiB more, and when it was refused 64."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        before = instance.usage
        kept = bytearray(16 * MIB)
        after = instance.usage
        try:
            kept += bytearray(64 * MIB)
        except MemoryError:
            noted = [before.memory_bytes, after.memory_bytes, after.memory_limit_bytes]
            (ApplicationData.local_folder() / "noted").write_text(json.dumps(noted))


class Hoards:
    kept: ClassVar[list[bytearray]] = []

    def run(self, instance: BackgroundTaskInstance) -> None:
        while True:
            self.kept.append(bytearray(MIB))
            time.sleep(0)


class Executes:
    """A program, which is to have no descriptors but those of every program; as a fault those that it has beside them."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        ours, theirs = os.pipe()
        found = os.posix_spawn("/bin/ls", ["ls", "/proc/self/fd"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)])
        os.waitpid(found, 0)
        beside = set(os.read(ours, 4096).decode().split()) - {"0", "1", "2", "3"}  # 3: the folder that it lists
        if beside:
            raise LookupError(sorted(beside))


class Idle:
    def run(self, instance: BackgroundTaskInstance) -> None:
        pass
