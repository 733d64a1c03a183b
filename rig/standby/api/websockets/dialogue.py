"""A conversation over a stream of bytes: who reads and who writes, each in its thread.

Who reads answers the server's pings, but never waits for a server that does not read: what cannot be sent now goes out with what
is sent next. So a posted read can always be withdrawn.
"""

from __future__ import annotations

import errno
import select
import threading
from collections.abc import Callable

from rig.clock import Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.websockets.conversation import Conversation

MAX_UNSENT_BYTES = 1 << 16
"""Of pongs for a server that pings and does not read: some hundred of the longest ones."""


class Dialogue:
    """One thread may fetch, and any say."""

    def __init__(self, stream: ByteStream, conversation: Conversation) -> None:
        self.stream = stream
        self.conversation = conversation
        self._turn = threading.Condition()
        """Of the conversation; notified of what came. Nothing else is waited for under it."""
        self._sending = threading.Lock()
        """What the conversation gave first goes out first. A server that does not read holds it."""

    # -- what comes ----------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether `fetch` need not ask the kernel."""
        return self.conversation.waiting or self.stream.buffered

    def fetch(self) -> bool:
        """Take what the stream has until there is something for the app; whether there is."""
        while not self.conversation.waiting:
            try:
                data = self.stream.receive()
            except OSError as error:
                self._lose(error)
                break
            if data is None:
                return False
            self.feed(data)
            self._answer()
        return True

    def feed(self, data: bytes) -> None:
        with self._turn:
            self.conversation.feed(data)
            self._turn.notify_all()

    def wait_pong(self, data: bytes, limit_s: float) -> bool:
        """Whether the server has repeated `data`. Somebody else fetches."""
        with self._turn:
            conversation = self.conversation
            self._turn.wait_for(lambda: data in conversation.pongs or conversation.end is not None, limit_s)
            return data in conversation.pongs

    def _lose(self, error: OSError) -> None:
        with self._turn:
            self.conversation.lose(error)
            self._turn.notify_all()

    # -- what goes -----------------------------------------------------------------------------------------------------

    def say(self, what: Callable[[Conversation], None]) -> None:
        """All of it is the kernel's when this returns, or somebody's who sends already. Raises WebSocketError on a conversation
        that is over, OSError of the kernel."""
        with self._turn:
            what(self.conversation)
        while self.conversation.unsent_bytes:
            with self._sending:
                self._send()

    def _answer(self) -> None:
        """Without waiting: who is sending looks again for more, and who has a message to send does so itself."""
        while self.conversation.unsent_bytes and self._sending.acquire(blocking=False):
            try:
                if not self._send_control():
                    break
            except OSError:
                break  # the server has gone: its end is read next
            finally:
                self._sending.release()
        if self.conversation.unsent_bytes > MAX_UNSENT_BYTES:
            self._lose(OSError(errno.ENOBUFS, "the server pings, and does not read the answers"))

    def say_goodbye(self, code: int, reason: str, deadline: Deadline) -> None:
        """The closing handshake: our close frame behind what is left to send, then read until the server has closed the
        connection (RFC 6455 section 7.1.1). What is unread the kernel would answer with a reset, and our close frame might never
        be seen. Nobody fetches any more. A server that does not go along until the deadline is left alone."""
        with self._turn:
            self.conversation.close(code, reason)
        try:
            if self._send_until(deadline):
                self._read_to_the_end(deadline)
        except OSError:
            pass  # it has gone already, or does not answer

    def _send_until(self, deadline: Deadline) -> bool:
        """Whether all has gone. A message is left to who is about to send it."""
        while self.conversation.unsent_bytes:
            if deadline.expired or not self._sending.acquire(timeout=deadline.remaining_s):
                return False
            try:
                sent = self._send_control()
            finally:
                self._sending.release()
            if not sent:
                deadline.pause()
        return True

    def _read_to_the_end(self, deadline: Deadline) -> None:
        while not deadline.expired and (data := self.stream.receive()) != b"":
            if data is None:
                self.stream.wait_readable(deadline)
            else:
                self.feed(data)

    def _send_control(self) -> bool:
        """For who sends: the next frame, if it is a small one and the kernel has room for it."""
        if not self._writable():
            return False
        with self._turn:
            data = self.conversation.outgoing_control()
        if data:
            self.stream.write(data)
        return bool(data)

    def _send(self) -> None:
        """For who sends: all of it."""
        with self._turn:
            data = self.conversation.outgoing()
        if data:
            self.stream.write(data)

    def _writable(self) -> bool:
        """Room for more than any control frame: the kernel says so when a third of its buffer is free."""
        poll = select.poll()
        poll.register(self.stream.sock, select.POLLOUT)
        return bool(poll.poll(0))
