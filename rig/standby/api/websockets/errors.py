"""How a WebSocket fails. All are OSErrors, as those of any transport are:

OSError
+-- ConnectionError
    +-- WebSocketError      the connection ended without the server's close frame, or was failed by us
    +-- HandshakeError      the server's answer to the opening handshake was another than 101 and the right key
"""

from __future__ import annotations

import errno

from websockets.exceptions import InvalidStatus

from rig.standby.api.socket_error import SocketErrorStatus, StatusError


class WebSocketError(ConnectionError):
    """`code`: as RFC 6455 section 7.4.1 has it; 1006 where no close frame came."""

    def __init__(self, code: int, reason: str, number: int = errno.ECONNABORTED) -> None:
        """`number`: the errno of the stream below, where that has failed."""
        super().__init__(number, f"the WebSocket ended with {code}: {reason}")
        self.code = code
        self.reason = reason


class HandshakeError(StatusError, ConnectionError):
    """`http_status`: of an answer that was no 101; None for one that was wrong in another way, or none at all."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(errno.EPROTO, f"no WebSocket: {_words(cause)}", SocketErrorStatus.HTTP_INVALID_SERVER_RESPONSE)
        self.http_status = cause.response.status_code if isinstance(cause, InvalidStatus) else None


def _words(error: BaseException) -> str:
    """With the cause that the library chains to it: "did not receive a valid HTTP response" alone helps nobody."""
    cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
    return f"{error}{cause}"
