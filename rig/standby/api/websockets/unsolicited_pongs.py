"""Pongs that nobody asked for, at the interval that a socket without a channel has set (RFC 6455 section 5.5.3)."""

from __future__ import annotations

import threading
from collections.abc import Callable


class UnsolicitedPongs:
    """A thread that sends one each `interval_s`, until `stop` or the end of the connection. A stopped app sends none."""

    def __init__(self, interval_s: float, send: Callable[[], None]) -> None:
        """`send` raises OSError when there is no connection any more."""
        self._interval_s = interval_s
        self._send = send
        self._over = threading.Event()
        threading.Thread(target=self._run, name="unsolicited pongs", daemon=True).start()

    def stop(self) -> None:
        """None begins after this."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._interval_s):
            try:
                self._send()
            except OSError:
                return
