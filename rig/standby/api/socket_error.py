"""What went wrong on a socket, in the words of the host API: SocketErrorStatus, for the kernel's errors and for those of TLS."""

from __future__ import annotations

import errno
import socket
from enum import IntEnum


class SocketErrorStatus(IntEnum):
    """Values from the WinRT reference."""

    UNKNOWN = 0
    OPERATION_ABORTED = 1
    HTTP_INVALID_SERVER_RESPONSE = 2
    CONNECTION_TIMED_OUT = 3
    ADDRESS_FAMILY_NOT_SUPPORTED = 4
    SOCKET_TYPE_NOT_SUPPORTED = 5
    HOST_NOT_FOUND = 6
    NO_DATA_RECORD_OF_REQUESTED_TYPE = 7
    NON_AUTHORITATIVE_HOST_NOT_FOUND = 8
    CLASS_TYPE_NOT_FOUND = 9
    ADDRESS_ALREADY_IN_USE = 10
    CANNOT_ASSIGN_REQUESTED_ADDRESS = 11
    CONNECTION_REFUSED = 12
    NETWORK_IS_UNREACHABLE = 13
    UNREACHABLE_HOST = 14
    NETWORK_IS_DOWN = 15
    NETWORK_DROPPED_CONNECTION_ON_RESET = 16
    SOFTWARE_CAUSED_CONNECTION_ABORT = 17
    CONNECTION_RESET_BY_PEER = 18
    HOST_IS_DOWN = 19
    NO_ADDRESSES_FOUND = 20
    TOO_MANY_OPEN_FILES = 21
    MESSAGE_TOO_LONG = 22
    CERTIFICATE_EXPIRED = 23
    CERTIFICATE_UNTRUSTED_ROOT = 24
    CERTIFICATE_COMMON_NAME_IS_INCORRECT = 25
    CERTIFICATE_WRONG_USAGE = 26
    CERTIFICATE_REVOKED = 27
    CERTIFICATE_NO_REVOCATION_CHECK = 28
    CERTIFICATE_REVOCATION_SERVER_OFFLINE = 29
    CERTIFICATE_IS_INVALID = 30


class StatusError(OSError):
    """One that says its status itself."""

    def __init__(self, number: int, words: str, status: SocketErrorStatus = SocketErrorStatus.UNKNOWN) -> None:
        super().__init__(number, words)
        self.status = status


class TlsError(StatusError):
    """TLS ended the connection, or found it ended where it must not be."""


class SocketError:
    @staticmethod
    def get_status(error: BaseException) -> SocketErrorStatus:
        """UNKNOWN for what is no error of a socket."""
        match error:
            case StatusError():
                return error.status
            case TimeoutError():
                return SocketErrorStatus.CONNECTION_TIMED_OUT
            case socket.gaierror():
                return _OF_RESOLVER.get(error.errno or 0, SocketErrorStatus.HOST_NOT_FOUND)
            case OSError():
                return _OF_ERRNO.get(error.errno or 0, SocketErrorStatus.UNKNOWN)
        return SocketErrorStatus.UNKNOWN


_OF_RESOLVER = {
    socket.EAI_AGAIN: SocketErrorStatus.NON_AUTHORITATIVE_HOST_NOT_FOUND,
    socket.EAI_NODATA: SocketErrorStatus.NO_DATA_RECORD_OF_REQUESTED_TYPE,
}
_OF_ERRNO = {
    errno.ECANCELED: SocketErrorStatus.OPERATION_ABORTED,
    errno.ETIMEDOUT: SocketErrorStatus.CONNECTION_TIMED_OUT,
    errno.EAFNOSUPPORT: SocketErrorStatus.ADDRESS_FAMILY_NOT_SUPPORTED,
    errno.ESOCKTNOSUPPORT: SocketErrorStatus.SOCKET_TYPE_NOT_SUPPORTED,
    errno.EADDRINUSE: SocketErrorStatus.ADDRESS_ALREADY_IN_USE,
    errno.EADDRNOTAVAIL: SocketErrorStatus.CANNOT_ASSIGN_REQUESTED_ADDRESS,
    errno.ECONNREFUSED: SocketErrorStatus.CONNECTION_REFUSED,
    errno.ENETUNREACH: SocketErrorStatus.NETWORK_IS_UNREACHABLE,
    errno.EHOSTUNREACH: SocketErrorStatus.UNREACHABLE_HOST,
    errno.ENETDOWN: SocketErrorStatus.NETWORK_IS_DOWN,
    errno.ENETRESET: SocketErrorStatus.NETWORK_DROPPED_CONNECTION_ON_RESET,
    errno.ECONNABORTED: SocketErrorStatus.SOFTWARE_CAUSED_CONNECTION_ABORT,
    errno.EPIPE: SocketErrorStatus.SOFTWARE_CAUSED_CONNECTION_ABORT,
    errno.ECONNRESET: SocketErrorStatus.CONNECTION_RESET_BY_PEER,
    errno.EHOSTDOWN: SocketErrorStatus.HOST_IS_DOWN,
    errno.EMFILE: SocketErrorStatus.TOO_MANY_OPEN_FILES,
    errno.EMSGSIZE: SocketErrorStatus.MESSAGE_TOO_LONG,
}
