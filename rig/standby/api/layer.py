"""What the bytes of a connection may pass through between the kernel's socket and who reads and writes them: TLS, or nothing.

A layer owns no socket and waits for nothing, as the kernel's socket is the system's and the device's as well: it carries bytes
and nothing else.
"""

from __future__ import annotations

from typing import Protocol


class Layer(Protocol):
    """For one thread at a time; `ByteStream` sees to that."""

    def receive(self, data: bytes) -> None:
        """What the peer has sent; b"" is the end of its stream. Raises OSError when nothing more can come of it."""

    def take(self, count: int) -> bytes | None:
        """Up to `count` bytes for who reads; b"" is the end; None: more has to be received first. Raises OSError."""

    @property
    def buffered(self) -> bool:
        """Whether `take` has something, the end or an error too."""

    def send(self, data: bytes) -> None:
        """What who writes wants to be sent. Raises OSError."""

    def can_seal(self) -> bool:
        """Whether what is sent now is what `outgoing` gives next, and nothing of it comes later."""

    def outgoing(self) -> bytes:
        """What has to be written now, the layer's own too; each byte once."""

    @property
    def owes(self) -> bool:
        """Whether `outgoing` has something."""

    def close(self) -> None:
        """Its last words, if any, are what `outgoing` gives next; nothing is sent after them."""
