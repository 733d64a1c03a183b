"""Enumerations of background transfers; values from the WinRT reference, by name."""

from __future__ import annotations

from enum import IntEnum


class BackgroundTransferStatus(IntEnum):
    """Of one operation."""

    IDLE = 0
    """Created, never started."""
    RUNNING = 1
    PAUSED_BY_APPLICATION = 2
    PAUSED_COSTED_NETWORK = 3
    """Its cost policy forbids the network that there is (BTR-008)."""
    PAUSED_NO_NETWORK = 4
    """BTR-007."""
    COMPLETED = 5
    CANCELED = 6
    ERROR = 7
    PAUSED_RECOVERABLE_WEB_ERROR_STATUS = 8
    PAUSED_SYSTEM_POLICY = 32
    """Power, the user's limits or the sleep of the host are against it, whatever its cost policy (BTR-014); or its app has ended,
    and no process of it has attached since (BTR-002): PAUSED_BY_APPLICATION would wait for a call that nobody makes."""

    @property
    def ended(self) -> bool:
        return self in (self.COMPLETED, self.CANCELED, self.ERROR)


class BackgroundTransferBehavior(IntEnum):
    """Of the operations of one group (BTR-023)."""

    PARALLEL = 0
    SERIALIZED = 1


class BackgroundTransferPriority(IntEnum):
    DEFAULT = 0
    HIGH = 1
    LOW = 2


class BackgroundTransferCostPolicy(IntEnum):
    DEFAULT = 0
    UNRESTRICTED_ONLY = 1
    ALWAYS = 2


class WebErrorStatus(IntEnum):
    """What became of an operation, on the network. The codes of HTTP that have a name there (300 to 305, 307, 400 to 417, 500 to
    505) are values too, as they are: `web_error_of` in the API makes both of a number."""

    UNKNOWN = 0
    CERTIFICATE_COMMON_NAME_IS_INCORRECT = 1
    CERTIFICATE_EXPIRED = 2
    CERTIFICATE_CONTAINS_ERRORS = 3
    CERTIFICATE_REVOKED = 4
    CERTIFICATE_IS_INVALID = 5
    SERVER_UNREACHABLE = 6
    TIMEOUT = 7
    ERROR_HTTP_INVALID_SERVER_RESPONSE = 8
    CONNECTION_ABORTED = 9
    CONNECTION_RESET = 10
    DISCONNECTED = 11
    HTTP_TO_HTTPS_ON_REDIRECTION = 12
    HTTPS_TO_HTTP_ON_REDIRECTION = 13
    CANNOT_CONNECT = 14
    HOST_NAME_NOT_RESOLVED = 15
    OPERATION_CANCELED = 16
    REDIRECT_FAILED = 17
    UNEXPECTED_STATUS_CODE = 18
    UNEXPECTED_REDIRECTION = 19
    UNEXPECTED_CLIENT_ERROR = 20
    UNEXPECTED_SERVER_ERROR = 21
    INSUFFICIENT_RANGE_SUPPORT = 22
    MISSING_CONTENT_LENGTH_SUPPORT = 23


HTTP_CODES = frozenset((*range(300, 306), 307, *range(400, 418), *range(500, 506)))
"""Codes of HTTP that are values of WebErrorStatus as they are: those that have a name in the WinRT reference (BTR-029)."""
_UNEXPECTED = {
    3: WebErrorStatus.UNEXPECTED_REDIRECTION,
    4: WebErrorStatus.UNEXPECTED_CLIENT_ERROR,
    5: WebErrorStatus.UNEXPECTED_SERVER_ERROR,
}
"""Of the others, by their first digit."""


def unexpected(code: int) -> WebErrorStatus:
    """What a code of HTTP is that has no value of its own."""
    return _UNEXPECTED.get(code // 100, WebErrorStatus.UNEXPECTED_STATUS_CODE)
