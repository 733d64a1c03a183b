"""The task of the mail app that has a process of its own. It shares nothing with the app but the folder of both."""

from __future__ import annotations

import json
import socket
import threading

from rig.standby.api import ApplicationData, BackgroundTaskCancellationReason, BackgroundTaskInstance

TIMEOUT_S = 10.0


class Fetch:
    """The system makes one for a run, and calls `run`."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        """What it raises is what `check_result` raises in the app."""
        stop = threading.Event()

        def canceled(_: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason) -> None:
            """On a thread of its own: tell the run, which has some seconds to end."""
            stop.set()

        instance.add_canceled(canceled)  # first of all
        instance.progress = fetch(stop)


def fetch(stop: threading.Event | None = None) -> int:
    """Ask the server for letters, a line each; a line of its own, ".", ends them. Returns how many there were."""
    settings = json.loads((ApplicationData.local_folder() / "settings.json").read_text())
    with socket.create_connection((settings["host"], settings["port"]), TIMEOUT_S) as server:
        server.settimeout(0.1)
        server.sendall(b"FETCH\n")
        new = _lines(server, stop or threading.Event())
    with (ApplicationData.local_folder() / "letters.txt").open("a") as kept:
        kept.writelines(f"{letter}\n" for letter in new)
    return len(new)


def letters() -> list[str]:
    """All that were fetched, by whichever process."""
    try:
        return (ApplicationData.local_folder() / "letters.txt").read_text().splitlines()
    except FileNotFoundError:
        return []


def _lines(server: socket.socket, stop: threading.Event) -> list[str]:
    """Raises InterruptedError when the task is cancelled, ConnectionError when the server goes before it has ended."""
    data = b""
    while not data.endswith(b".\n"):
        if stop.is_set():
            raise InterruptedError("cancelled")
        try:
            more = server.recv(4096)
        except TimeoutError:
            continue
        if not more:
            raise ConnectionError("the server went away")
        data += more
    return data.decode(errors="replace").splitlines()[:-1]
