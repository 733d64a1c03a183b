"""What is posted on a transport until something for it has come: a read, a message, a response."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from rig.standby.api.enums import AsyncStatus
from rig.standby.wire.hresult import HostError, HResult

READ_COMPLETIONS = "read completions"
"""The lane of handlers that are an app's."""
_here = threading.local()
Posted = TypeVar("Posted", bound="PostedRead")


class PostedRead:
    """One completes once, with `handler` called on a thread of the app's crew, one at a time. `release` is called just before.

    A kind of it says in `take` what it makes of the bytes, and in `size_bytes` how much that was.
    """

    def __init__(
        self,
        sock: socket.socket,
        handler: Callable[[Any], None],
        release: Callable[[Any], None],
        *,
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        self.sock = sock
        """What has to be readable for it."""
        self.socket_id = socket_id
        self.channel_id = channel_id
        self.status = AsyncStatus.STARTED
        self.error: OSError | None = None
        self.turn = threading.Lock()
        """Held by who reads, or withdraws it."""
        self.lane: Hashable = self if getattr(_here, "waits", False) else READ_COMPLETIONS
        """Where its handler is called: one after another with others of that lane."""
        self._handler = handler
        self._release = release

    # -- what a kind of it says ----------------------------------------------------------------------------------------

    def take(self) -> bool:
        """Take what has come, without waiting. True: that completes it; False: it stays posted. Raises OSError."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether `take` has something that the kernel does not have any more."""
        return False

    @property
    def size_bytes(self) -> int:
        """Of what has completed it."""
        return 0

    @property
    def over(self) -> bool:
        """Nothing more will come on this transport."""
        return self.error is not None

    @property
    def pushes_by_itself(self) -> bool:
        """Whether the push task does not wait for its completion: `dispatched` says when it is due (CHC-006)."""
        return False

    def dispatched(self) -> bool:
        """Whether the push task is due because of what `take` has just taken."""
        return False

    # -- for the app's process -----------------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        return self.status is AsyncStatus.CANCELED

    def receive(self) -> bool:
        """Whether it is complete now, with an error too."""
        try:
            complete = self.take()
        except OSError as error:
            self.fail(error)
            return True
        except Exception as error:  # ours, or the peer's who has said what a protocol did not foresee: it is not posted for ever
            self.fail(_io_error(error))
            return True
        if complete:
            self.status = AsyncStatus.COMPLETED
        return complete

    def fail(self, error: OSError) -> None:
        self.error = error
        self.status = AsyncStatus.ERROR

    def cancel_now(self) -> None:
        self.status = AsyncStatus.CANCELED

    def call_handler(self) -> None:
        """The operation is no longer the pending one when the handler runs: it may post the next."""
        self._release(self)
        self._handler(self)

    def check_completed(self) -> None:
        """Before its results are fetched. Raises OSError on ERROR, HostError when cancelled or pending (CWS-006)."""
        if self.error is not None:
            raise self.error
        if self.status is not AsyncStatus.COMPLETED:
            raise HostError(HResult.CANCELLED if self.cancelled else HResult.ILLEGAL_METHOD_CALL, f"read is {self.status.name}")


def waited_for(post: Callable[[Callable[[Any], None]], Posted]) -> Posted:
    """What `post` posts with the handler that it is given, when it is complete. This thread may be the one on which handlers are
    called: the handler is not called behind them."""
    done = threading.Event()
    _here.waits = True
    try:
        operation = post(lambda _: done.set())
    finally:
        _here.waits = False
    done.wait()
    return operation


def _io_error(error: Exception) -> OSError:
    failed = OSError(errno.EPROTO, f"{type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
