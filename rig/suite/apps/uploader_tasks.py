"""The task of the uploader app."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from rig.standby.api import (
    ApplicationData,
    BackgroundTaskCancellationReason,
    BackgroundTaskInstance,
)

PART_BYTES = 1024
TIMEOUT_S = 10.0


class Upload:
    """One file, part by part. The server says "OK" after each, so a part that was not taken is sent again the next time."""

    def __init__(self) -> None:
        self._canceled = threading.Event()

    def run(self, instance: BackgroundTaskInstance) -> None:
        instance.add_canceled(self._on_canceled)
        arguments = instance.trigger_details.arguments
        data = Path(arguments["path"]).read_bytes()
        with socket.create_connection((arguments["host"], int(arguments["port"])), TIMEOUT_S) as server:
            self._send(server, data, instance)
        _sent().unlink()

    def _send(self, server: socket.socket, data: bytes, instance: BackgroundTaskInstance) -> None:
        for begin in range(_so_far(), len(data), PART_BYTES):
            server.sendall(data[begin : begin + PART_BYTES])
            if server.recv(16) != b"OK\n":
                raise ConnectionError("the server went away")
            sent = min(begin + PART_BYTES, len(data))
            _sent().write_text(str(sent))
            instance.progress = 100 * sent // len(data)
            if self._canceled.is_set() and sent < len(data):
                raise InterruptedError(f"cancelled after {sent} of {len(data)} bytes")

    def _on_canceled(self, instance: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason) -> None:
        self._canceled.set()


def _sent() -> Path:
    return ApplicationData.local_folder() / "sent"


def _so_far() -> int:
    """Bytes that the server has taken before."""
    try:
        return int(_sent().read_text())
    except FileNotFoundError:
        return 0
