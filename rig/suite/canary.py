"""The canary of the platform's sample: a plain request that settles redirects, credentials and certificates before a channel."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from rig.standby.api.xhr import ResponseStream, XmlHttpRequest2, XmlHttpRequest2Callback

MOST_STATUS = 299
"""A challenge that was not answered, or an error, is no success."""


class CanaryState(Enum):
    NOT_STARTED = "not started"
    IN_PROCESS = "in process"
    SUCCEEDED = "succeeded"


class Canary(XmlHttpRequest2Callback):
    """One probe at a time. `url` is where the last one that succeeded has led to."""

    def __init__(self, ended: Callable[[Canary], None]) -> None:
        self.state = CanaryState.NOT_STARTED
        self.url = ""
        self._asked = ""
        self._status = 0
        self._ended = ended
        self._lock = threading.Lock()

    def start(self, url: str, make: Callable[[str, str, XmlHttpRequest2Callback], XmlHttpRequest2]) -> bool:
        """Send a HEAD request that `make` has opened. False: one is on its way."""
        with self._lock:
            if self.state is CanaryState.IN_PROCESS:
                return False
            self.state, self._asked, self._status = CanaryState.IN_PROCESS, url, 0
        make("HEAD", url, self).send()
        return True

    def on_redirect(self, xhr: XmlHttpRequest2, redirect_url: str) -> None:
        self._asked = redirect_url

    def on_headers_available(self, xhr: XmlHttpRequest2, status: int, status_text: str) -> None:
        self._status = status

    def on_response_received(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        if self._status > MOST_STATUS:
            self._end(CanaryState.NOT_STARTED)
        else:
            self.url = self._asked
            self._end(CanaryState.SUCCEEDED)

    def on_error(self, xhr: XmlHttpRequest2, error: int) -> None:
        self._end(CanaryState.NOT_STARTED)

    def _end(self, state: CanaryState) -> None:
        self.state = state
        self._ended(self)
