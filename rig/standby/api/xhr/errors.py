"""What on_error gets: the general HRESULT of urlmon.h, or with EXTENDED_ERROR the one that Win32 made of WinINet's error."""

from __future__ import annotations

import errno
import socket
from enum import IntEnum

from rig.standby.api.http.errors import HttpError
from rig.standby.api.socket_error import SocketErrorStatus, TlsError
from rig.standby.wire.hresult import HostError, HResult


class XhrError(IntEnum):
    ABORT = 0x80004004
    """E_ABORT: the app has ended the request, or its channel."""
    CANNOT_CONNECT = 0x800C0004
    """INET_E_CANNOT_CONNECT"""
    RESOURCE_NOT_FOUND = 0x800C0005
    """INET_E_RESOURCE_NOT_FOUND: its host has no address."""
    DOWNLOAD_FAILURE = 0x800C0008
    """INET_E_DOWNLOAD_FAILURE: a connection, but no response, or a part of one."""
    CONNECTION_TIMEOUT = 0x800C000B
    """INET_E_CONNECTION_TIMEOUT"""
    REDIRECT_FAILED = 0x800C0014
    """INET_E_REDIRECT_FAILED"""
    INVALID_CERTIFICATE = 0x800C0019
    """INET_E_INVALID_CERTIFICATE"""
    CALLBACK_FAILED = 0x80004005
    """E_FAIL: a callback of the app has raised."""
    NO_SLOT = 0x800705AA
    """ERROR_NO_SYSTEM_RESOURCES: no slot for the channel that it is bound to (CCT-020)."""
    OUT_OF_MEMORY = 0x8007000E
    """More of the body has come than is kept for who does not read."""

    EXTENDED_TIMEOUT = 0x80072EE2
    """ERROR_INTERNET_TIMEOUT"""
    EXTENDED_NAME_NOT_RESOLVED = 0x80072EE7
    """ERROR_INTERNET_NAME_NOT_RESOLVED"""
    EXTENDED_CANNOT_CONNECT = 0x80072EFD
    """ERROR_INTERNET_CANNOT_CONNECT"""
    EXTENDED_CONNECTION_ABORTED = 0x80072EFE
    """ERROR_INTERNET_CONNECTION_ABORTED"""
    EXTENDED_CONNECTION_RESET = 0x80072EFF
    """ERROR_INTERNET_CONNECTION_RESET"""
    EXTENDED_INVALID_RESPONSE = 0x80072F78
    """ERROR_HTTP_INVALID_SERVER_RESPONSE"""
    EXTENDED_REDIRECT_FAILED = 0x80072F7C
    """ERROR_HTTP_REDIRECT_FAILED"""
    EXTENDED_INVALID_CERTIFICATE = 0x80072F0D
    """ERROR_INTERNET_INVALID_CA"""


class RedirectFailed(HttpError):
    """To where no request can go, or too often."""


class CallbackRaised(Exception):
    """Whatever it was."""


class TooMuchUnread(OSError):
    """The app does not read what comes."""


OF_CERTIFICATES = range(SocketErrorStatus.CERTIFICATE_EXPIRED, SocketErrorStatus.CERTIFICATE_IS_INVALID + 1)
EXTENDED = {
    XhrError.CANNOT_CONNECT: XhrError.EXTENDED_CANNOT_CONNECT,
    XhrError.RESOURCE_NOT_FOUND: XhrError.EXTENDED_NAME_NOT_RESOLVED,
    XhrError.CONNECTION_TIMEOUT: XhrError.EXTENDED_TIMEOUT,
    XhrError.REDIRECT_FAILED: XhrError.EXTENDED_REDIRECT_FAILED,
    XhrError.INVALID_CERTIFICATE: XhrError.EXTENDED_INVALID_CERTIFICATE,
}


def told(error: BaseException, *, connected: bool, extended: bool) -> XhrError:
    """`connected`: the request had a connection when that happened."""
    general = _general(error, connected)
    if not extended:
        return general
    if general is XhrError.DOWNLOAD_FAILURE:
        return _of_download(error)
    return EXTENDED.get(general, general)


def _general(error: BaseException, connected: bool) -> XhrError:
    match error:
        case HostError(hresult=HResult.CANCELLED):
            return XhrError.ABORT
        case HostError(hresult=HResult.NO_SLOT):
            return XhrError.NO_SLOT
        case TimeoutError():
            return XhrError.CONNECTION_TIMEOUT
        case socket.gaierror():
            return XhrError.RESOURCE_NOT_FOUND
        case RedirectFailed():
            return XhrError.REDIRECT_FAILED
        case TlsError() if error.status in OF_CERTIFICATES:
            return XhrError.INVALID_CERTIFICATE
        case TooMuchUnread():
            return XhrError.OUT_OF_MEMORY
        case OSError() if connected:
            return XhrError.DOWNLOAD_FAILURE
        case OSError() | HostError():
            return XhrError.CANNOT_CONNECT
        case _:  # CallbackRaised
            return XhrError.CALLBACK_FAILED


def _of_download(error: BaseException) -> XhrError:
    if isinstance(error, HttpError):
        return XhrError.EXTENDED_INVALID_RESPONSE
    reset = isinstance(error, OSError) and error.errno == errno.ECONNRESET
    return XhrError.EXTENDED_CONNECTION_RESET if reset else XhrError.EXTENDED_CONNECTION_ABORTED
