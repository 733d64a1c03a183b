"""Why a transfer failed: a number as HRESULTs are, of which `BackgroundTransferError.get_status` makes a WebErrorStatus
(BTR-029).

The numbers are those of Windows: an answer of HTTP is 0x80190000 and its code (FACILITY_HTTP), what goes wrong on the way to one
is an error of WinINet (0x8007 and its number), ranges and lengths that a server lacks are BITS' own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeAlias

from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import HTTP_CODES, unexpected
from rig.standby.wire.transfer_enums import WebErrorStatus as Web

AnyWebError: TypeAlias = Web | HTTPStatus
"""The codes of HTTP are values of Windows' enumeration as they are; HTTPStatus compares equal to the number."""

FACILITY_HTTP = 0x80190000

_CODES = {
    Web.UNKNOWN: int(HResult.FAIL),
    Web.CERTIFICATE_COMMON_NAME_IS_INCORRECT: 0x80072F06,
    Web.CERTIFICATE_EXPIRED: 0x80072F05,
    Web.CERTIFICATE_CONTAINS_ERRORS: 0x80072F17,
    Web.CERTIFICATE_REVOKED: 0x80072F8A,
    Web.CERTIFICATE_IS_INVALID: 0x80072F0D,
    Web.SERVER_UNREACHABLE: 0x80072F84,
    Web.TIMEOUT: 0x80072EE2,
    Web.ERROR_HTTP_INVALID_SERVER_RESPONSE: 0x80072F78,
    Web.CONNECTION_ABORTED: 0x80072EFE,
    Web.CONNECTION_RESET: 0x80072EFF,
    Web.DISCONNECTED: 0x80072F83,
    Web.HTTP_TO_HTTPS_ON_REDIRECTION: 0x80072F07,
    Web.HTTPS_TO_HTTP_ON_REDIRECTION: 0x80072F08,
    Web.CANNOT_CONNECT: 0x80072EFD,
    Web.HOST_NAME_NOT_RESOLVED: 0x80072EE7,
    Web.OPERATION_CANCELED: 0x80072EF1,
    Web.REDIRECT_FAILED: 0x80072F7C,
    Web.UNEXPECTED_STATUS_CODE: 0x80190001,
    Web.UNEXPECTED_REDIRECTION: 0x80190003,
    Web.UNEXPECTED_CLIENT_ERROR: 0x80190004,
    Web.UNEXPECTED_SERVER_ERROR: 0x80190005,
    Web.INSUFFICIENT_RANGE_SUPPORT: 0x80200013,
    Web.MISSING_CONTENT_LENGTH_SUPPORT: 0x80200011,
}
_STATUSES = {code: status for status, code in _CODES.items()}


class TransferError(HostError):
    """A transfer ended as ERROR. `code`: its HRESULT."""

    def __init__(self, web_error: int, words: str) -> None:
        """`web_error`: a value of WebErrorStatus, or a code of HTTP."""
        status = web_error_of(web_error)
        super().__init__(HResult.FAIL, f"{status.name} (0x{code_of(status):08X}): {words}")
        self.args = (self.text,)
        self.code = code_of(status)


class BackgroundTransferError:
    @staticmethod
    def get_status(error: BaseException | int) -> AnyWebError:
        """Of what a future has raised, or of its HRESULT; UNKNOWN for what is no error of the network."""
        if isinstance(error, TransferError):
            error = error.code
        if not isinstance(error, int):
            return Web.UNKNOWN
        number = error & 0xFFFFFFFF  # an HRESULT is signed elsewhere
        return _STATUSES[number] if number in _STATUSES else _of_http(number - FACILITY_HTTP)


def web_error_of(number: int) -> AnyWebError:
    """As the process of transfers says it."""
    try:
        return Web(number)
    except ValueError:
        return _of_http(number)


def code_of(status: AnyWebError) -> int:
    return _CODES[status] if isinstance(status, Web) else FACILITY_HTTP + status


def _of_http(code: int) -> AnyWebError:
    if code in HTTP_CODES:
        return HTTPStatus(code)
    if not 100 <= code <= 599:
        return Web.UNKNOWN
    return unexpected(code)
