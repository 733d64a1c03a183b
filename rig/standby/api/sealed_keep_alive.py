"""Payload keep-alives over TLS: records that the app's process seals ahead, and a device without keys sends one after another.

Records have numbers that nobody writes into them: the peer counts (RFC 8446 section 5.3). So whatever was sealed goes out
before anything that is sealed later, sent by the device or, what is left of it, by this process, before its next bytes of any
kind: data, close_notify, the answer to a KeyUpdate. How many the device has sent the system says for good, once it sends no more.
Where nobody knows that, as after a restart of the device, the connection is given up.

They are sealed when the process is about to be stopped. What has been sent since is what it is told then, and so much is sealed
anew; a process that writes nothing never fetches the rest back. When the device has used them all, the host wakes, the process is
continued, and stopped again with new ones.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator

from rig.device.payload import PAYLOAD_BYTES, TOKENS_BYTES, PayloadKeepAlive, PayloadState
from rig.standby.api import session
from rig.standby.api.byte_stream import HAND_BACK_PAUSE_S, HAND_BACK_PAUSES, ByteStream
from rig.standby.api.core_application import before_suspension, not_before_suspension
from rig.standby.api.tls import TlsLayer
from rig.standby.wire.app_channels import GetPayloadState, SetPayload, StopPayload
from rig.standby.wire.hresult import HostError, HResult

UNKNOWN = "nobody knows which of the records that were sealed ahead have been sent"
WRITER_LIMIT_S = 0.5
"""How long a process that is about to be stopped waits for a writer whose peer does not read; then nothing is sealed."""


class SealedKeepAlive:
    """Of a channel's transport. Any thread may call."""

    def __init__(self, channel_id: str, stream: ByteStream, keep_alive: PayloadKeepAlive) -> None:
        """Raises HostError INVALID_ARG for what cannot be sealed ahead."""
        layer = stream.layer
        overhead_bytes = layer.sealed_overhead_bytes if isinstance(layer, TlsLayer) else None
        if overhead_bytes is None:
            text = "records of this connection are longer than what the device takes: TLS 1.3 has short ones, and ChaCha20 in 1.2"
            raise HostError(HResult.INVALID_ARG, text)
        if keep_alive.reply:
            raise HostError(HResult.INVALID_ARG, "over TLS no answer can be expected: the device cannot read it")
        self._record_bytes = len(keep_alive.data) + overhead_bytes
        if self._record_bytes > PAYLOAD_BYTES:
            most = PAYLOAD_BYTES - overhead_bytes
            text = f"a keep-alive of {len(keep_alive.data)} bytes, {most} at most are a record that the device takes"
            raise HostError(HResult.INVALID_ARG, text)
        self._channel_id = channel_id
        self._stream = stream
        self._keep_alive = keep_alive
        """As it goes on behind what has been sealed."""
        self._records: list[bytes] = []
        """Sealed, and not known to have been sent."""
        self._given = False
        """The system may have them."""
        self._taken = True
        """The device takes such, as far as is known."""
        self._sent = 0
        """Of those that are in `_records` no more."""

        self._first = keep_alive
        self._failed = False
        """Nobody knows what was sent."""

    def begin(self) -> None:
        self._stream.before_write = self._take_back
        before_suspension(self._seal)

    def end(self) -> None:
        """The device sends none any more; what is left goes out now, unless the connection is over."""
        self.forget()
        with contextlib.suppress(OSError):
            self._stream.write_first()

    def forget(self) -> None:
        """The transport is of no more use."""
        not_before_suspension(self._seal)

    @property
    def state(self) -> PayloadState:
        """What is sealed and not sent is left out."""
        given = session.current().call(GetPayloadState(self._channel_id)) if self._given else PayloadState(taken=self._taken)
        sent = self._sent + given.sent
        after = self._first.after(sent)
        return PayloadState(sent, 0, after.counter.start if after.counter else None, after.tokens_left, given.taken)

    # -- sealing -------------------------------------------------------------------------------------------------------

    def _seal(self) -> None:
        """As many as the device takes for a sleep, when it has less than half of them left."""
        with self._stream.sealing(WRITER_LIMIT_S) as seal:
            if seal is None or self._failed or self._has_enough():
                return
            self._records = self._stopped()
            new = [seal(payload) for payload in self._next(self._most - len(self._records))]
            self._keep_alive = self._keep_alive.after(len(new))
            self._records += new
            if self._records:
                self._give()
                self._record("SEALED", new=len(new), records=len(self._records))

    @property
    def _most(self) -> int:
        """One, for a device that took none: each goes out by hand when the app writes, and another device may take it."""
        return TOKENS_BYTES // self._record_bytes if self._taken else 1

    def _has_enough(self) -> bool:
        if not self._given:
            return False
        state = session.current().call(GetPayloadState(self._channel_id))
        self._taken = state.taken
        return 2 * (len(self._records) - state.sent) > self._most

    def _next(self, count: int) -> Iterator[bytes]:
        """Fewer when the app has to make more of what they are made of."""
        for number in range(count):
            try:
                yield self._keep_alive.payload(number)
            except IndexError:
                return

    def _give(self) -> None:
        self._given = True  # before the system may have taken them
        try:
            session.current().call(SetPayload(self._channel_id, PayloadKeepAlive.sealed_records(self._records)))
        except BaseException as error:
            raise self._given_up(error) from error

    # -- what the device has not sent ----------------------------------------------------------------------------------

    def _take_back(self) -> bytes:
        """What has to go out before anything else; nobody else writes. Raises ConnectionAbortedError."""
        if self._failed:
            raise ConnectionAbortedError(errno.ECONNABORTED, UNKNOWN)
        if not self._records:
            return b""
        left, self._records = self._stopped(), []
        self._sent += len(left)
        self._record("SEALED_FLUSH", records=len(left), sent=self._sent)
        return b"".join(left)

    def _stopped(self) -> list[bytes]:
        """Those that the device has not sent, and will not send. Raises ConnectionAbortedError."""
        if not self._given:
            return self._records
        try:
            sent = self._sent_for_good()
        except (HostError, TimeoutError) as error:
            raise self._given_up(error) from error
        self._given = False
        self._sent += sent
        return self._records[sent:]

    def _sent_for_good(self) -> int:
        """A process that a wake continues may ask before the device has been asked."""
        for pauses_left in reversed(range(HAND_BACK_PAUSES)):
            try:
                return session.current().call(StopPayload(self._channel_id)).sent
            except HostError as error:
                if error.hresult is not HResult.INVALID_STATE or not pauses_left:
                    raise
                time.sleep(HAND_BACK_PAUSE_S)
        raise AssertionError("the last pause has returned or raised")

    def _given_up(self, why: BaseException) -> ConnectionAbortedError:
        """No record of another number may follow: nothing is written on this connection any more."""
        self._failed = True
        with contextlib.suppress(OSError):
            self._stream.sock.shutdown(socket.SHUT_RDWR)
        return ConnectionAbortedError(errno.ECONNABORTED, f"{UNKNOWN}: {why}")

    def _record(self, event: str, **detail: int) -> None:
        app = session.current()
        app.timeline.add(event, app=app.name, instance=app.instance, channel=self._channel_id, **detail)
