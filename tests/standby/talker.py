"""An app that uses the whole API again and again, and keeps what it did not expect."""

from __future__ import annotations

import threading

from rig.standby.api import App, ControlChannelTrigger
from rig.suite.chat_app import ChatApp


class Talker(ChatApp):
    """Channels of its own for each thread: whatever is done twice, or not at all, is an error of the next call."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._errors: list[str] = []
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._rounds = 0

    def begin(self, threads: int, host: str, port: int) -> None:
        self.request_access()
        self._over.clear()
        self._threads = [threading.Thread(target=self._talk, args=(f"quick {n}",), daemon=True) for n in range(threads)]
        self._threads.append(threading.Thread(target=self._connect_for_ever, args=(host, port), daemon=True))
        for thread in self._threads:
            thread.start()

    def rounds(self) -> int:
        """How many are over, of all threads."""
        return self._rounds

    def finish(self) -> list[str]:
        """What went wrong."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self._errors

    def _talk(self, name: str) -> None:
        while not self._over.is_set():
            try:
                self._one_channel(f"{name} {self._rounds}")
            except Exception as error:
                self._errors.append(f"{name}: {type(error).__name__}: {error}")
                return
            self._rounds += 1

    def _one_channel(self, name: str) -> None:
        channel = ControlChannelTrigger(name, 30)
        channel.server_keep_alive_interval_in_minutes = 15
        if channel.current_keep_alive_interval_in_minutes != 15:
            self._errors.append(f"{name}: {channel.current_keep_alive_interval_in_minutes} minutes")
        channel.close()

    def _connect_for_ever(self, host: str, port: int) -> None:
        while not self._over.is_set():
            try:
                status = self.open_channel("wire", host, port, minutes=1439)
                if status != 2:
                    self._errors.append(f"status {status}")
                self.close_channel("wire")
            except Exception as error:
                self._errors.append(f"wire: {type(error).__name__}: {error}")
                return
            self._rounds += 1
