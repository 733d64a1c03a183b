"""One posted read of a StreamSocket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from rig.standby.api.enums import AsyncStatus
from rig.standby.wire.hresult import HostError, HResult

HAND_BACK_PAUSE_S = 0.002
HAND_BACK_PAUSES = 10_000
"""An app may be continued before its socket leaves TCP_REPAIR, by whoever can signal it; beside a driver that died on it, and a
device that restarts, that takes some seconds. Counted, as a clock would go on while the app is stopped. Until then the kernel
refuses reads with EPERM, writes with EINVAL."""


class ReadOperation:
    """`get_results` after completion, in both COMPLETED and ERROR (CWS-006). `release` is called just before the handler."""

    def __init__(
        self,
        sock: socket.socket,
        count: int,
        handler: Callable[[ReadOperation], None],
        release: Callable[[ReadOperation], None],
        *,
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        self.sock = sock
        self.count = count
        self.socket_id = socket_id
        self.channel_id = channel_id
        self.status = AsyncStatus.STARTED
        self.data = b""
        self.error: OSError | None = None
        self.turn = threading.Lock()
        """Held by who reads, or withdraws it."""
        self._handler = handler
        self._release = release

    @property
    def cancelled(self) -> bool:
        return self.status is AsyncStatus.CANCELED

    @property
    def over(self) -> bool:
        """Nothing more will come on this transport."""
        return self.error is not None or not self.data

    def get_results(self) -> bytes:
        """The bytes read; b"" is the server's close. Raises OSError on ERROR, HostError when cancelled or pending."""
        if self.error is not None:
            raise self.error
        if self.status is not AsyncStatus.COMPLETED:
            raise HostError(HResult.CANCELLED if self.cancelled else HResult.ILLEGAL_METHOD_CALL, f"read is {self.status.name}")
        return self.data

    def receive(self) -> None:
        """Take what the kernel has. A transport that is given up may end before it is the host's again: that is waited for."""
        for pauses_left in reversed(range(HAND_BACK_PAUSES)):
            try:
                self.data = self.sock.recv(self.count)
                self.status = AsyncStatus.COMPLETED
                return
            except PermissionError as error:  # in TCP_REPAIR
                if not pauses_left:
                    self.fail(error)
                time.sleep(HAND_BACK_PAUSE_S)
            except OSError as error:
                self.fail(error)
                return

    def fail(self, error: OSError) -> None:
        self.error = error
        self.status = AsyncStatus.ERROR

    def cancel_now(self) -> None:
        self.status = AsyncStatus.CANCELED

    def call_handler(self) -> None:
        """The operation is no longer the pending one when the handler runs: it may post the next."""
        self._release(self)
        self._handler(self)
