"""What a peer's HTTP can do to an exchange."""

from __future__ import annotations

import errno


class HttpError(OSError):
    """The peer's bytes are no response to the request, or more of one than is taken: the exchange is over and so is its
    connection. An OSError, as a posted read ends with nothing else."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EPROTO, text)
