"""What can go wrong with a transfer, and the number by which an app is told (WebErrorStatus, or a code of HTTP; BTR-029)."""

from __future__ import annotations

import errno

import pycurl

from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.http_reply import RedirectRefused
from rig.standby.wire.app_types import WORDS_LENGTH
from rig.standby.wire.transfer_enums import HTTP_CODES, WebErrorStatus, unexpected
from rig.standby.wire.transfer_types import TransferFault

UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404

OF_CURL: dict[int, int] = {
    pycurl.E_UNSUPPORTED_PROTOCOL: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,  # the answer's: HTTP/0.9, HTTP/4
    pycurl.E_COULDNT_RESOLVE_PROXY: WebErrorStatus.HOST_NAME_NOT_RESOLVED,
    pycurl.E_COULDNT_RESOLVE_HOST: WebErrorStatus.HOST_NAME_NOT_RESOLVED,
    pycurl.E_COULDNT_CONNECT: WebErrorStatus.CANNOT_CONNECT,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,
    pycurl.E_REMOTE_ACCESS_DENIED: FORBIDDEN,
    pycurl.E_FTP_WEIRD_PASS_REPLY: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,
    pycurl.E_FTP_WEIRD_PASV_REPLY: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,
    pycurl.E_FTP_WEIRD_227_FORMAT: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,
    pycurl.E_FTP_CANT_GET_HOST: WebErrorStatus.CANNOT_CONNECT,
    pycurl.E_FTP_COULDNT_SET_TYPE: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,
    pycurl.E_PARTIAL_FILE: WebErrorStatus.CONNECTION_ABORTED,
    pycurl.E_FTP_COULDNT_RETR_FILE: NOT_FOUND,
    pycurl.E_OPERATION_TIMEDOUT: WebErrorStatus.TIMEOUT,
    pycurl.E_FTP_COULDNT_USE_REST: WebErrorStatus.INSUFFICIENT_RANGE_SUPPORT,
    pycurl.E_RANGE_ERROR: WebErrorStatus.INSUFFICIENT_RANGE_SUPPORT,
    pycurl.E_SSL_CONNECT_ERROR: WebErrorStatus.CANNOT_CONNECT,
    pycurl.E_BAD_DOWNLOAD_RESUME: WebErrorStatus.INSUFFICIENT_RANGE_SUPPORT,
    pycurl.E_TOO_MANY_REDIRECTS: WebErrorStatus.REDIRECT_FAILED,
    pycurl.E_GOT_NOTHING: WebErrorStatus.CONNECTION_ABORTED,
    pycurl.E_SEND_ERROR: WebErrorStatus.DISCONNECTED,
    pycurl.E_RECV_ERROR: WebErrorStatus.DISCONNECTED,
    pycurl.E_SSL_CACERT_BADFILE: WebErrorStatus.CERTIFICATE_IS_INVALID,
    pycurl.E_SSL_CERTPROBLEM: WebErrorStatus.CERTIFICATE_CONTAINS_ERRORS,
    pycurl.E_SSL_INVALIDCERTSTATUS: WebErrorStatus.CERTIFICATE_REVOKED,
    pycurl.E_SEND_FAIL_REWIND: WebErrorStatus.REDIRECT_FAILED,
    pycurl.E_LOGIN_DENIED: UNAUTHORIZED,
    pycurl.E_REMOTE_FILE_NOT_FOUND: NOT_FOUND,
    97: WebErrorStatus.CANNOT_CONNECT,  # CURLE_PROXY, which pycurl has no name for
    100: WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE,  # CURLE_TOO_LARGE: more head than libcurl takes
}
OF_ERRNO: dict[int, int] = {
    errno.ECONNREFUSED: WebErrorStatus.CANNOT_CONNECT,
    errno.ECONNRESET: WebErrorStatus.CONNECTION_RESET,
    errno.EPIPE: WebErrorStatus.CONNECTION_RESET,
    errno.ECONNABORTED: WebErrorStatus.CONNECTION_ABORTED,
    errno.ETIMEDOUT: WebErrorStatus.TIMEOUT,
    errno.EHOSTUNREACH: WebErrorStatus.SERVER_UNREACHABLE,
    errno.ENETUNREACH: WebErrorStatus.SERVER_UNREACHABLE,
    errno.ENETDOWN: WebErrorStatus.SERVER_UNREACHABLE,
}
"""What it says is more than that of the codes below says."""
OF_A_CONNECTION = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR})
OF_X509: dict[int, int] = {
    0: WebErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,  # the chain is good: the name is not
    1: WebErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,  # unspecified: libcurl has looked at the name before the chain
    62: WebErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,
    64: WebErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,  # of an address
    10: WebErrorStatus.CERTIFICATE_EXPIRED,
    9: WebErrorStatus.CERTIFICATE_EXPIRED,  # not yet valid: there is no other name for what is out of its time
    23: WebErrorStatus.CERTIFICATE_REVOKED,
    18: WebErrorStatus.CERTIFICATE_IS_INVALID,  # self-signed
    19: WebErrorStatus.CERTIFICATE_IS_INVALID,
    20: WebErrorStatus.CERTIFICATE_IS_INVALID,  # by nobody who is trusted
    21: WebErrorStatus.CERTIFICATE_IS_INVALID,
}
"""X509_V_ERR_... (OpenSSL's x509_vfy.h); any other: CERTIFICATE_CONTAINS_ERRORS."""


class HttpFailed(Exception):
    """The server's answer is none of success."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status} {reason}".rstrip())
        self.status = status


class LyingServer(Exception):
    """What comes is not what its head says."""


def fault_of(error: Exception) -> TransferFault:
    """Of all that an attempt raises."""
    words = "".join(char if char.isprintable() else " " for char in str(error) or type(error).__name__)
    return TransferFault(web_error=web_error(error), words=words[:WORDS_LENGTH])


def web_error(error: Exception) -> int:
    match error:
        case HttpFailed():
            return of_http(error.status)
        case LyingServer():
            return WebErrorStatus.ERROR_HTTP_INVALID_SERVER_RESPONSE
        case RedirectRefused():
            secure = error.secure_before
            return WebErrorStatus.HTTPS_TO_HTTP_ON_REDIRECTION if secure else WebErrorStatus.UNEXPECTED_REDIRECTION
        case CurlError():
            return of_curl(error)
    return WebErrorStatus.UNKNOWN


def of_http(status: int) -> int:
    return status if status in HTTP_CODES else unexpected(status)


def of_curl(error: CurlError) -> int:
    if error.proxy_status >= 300:
        return of_http(error.proxy_status)
    if error.code == pycurl.E_PEER_FAILED_VERIFICATION:
        return OF_X509.get(error.verify_result, WebErrorStatus.CERTIFICATE_CONTAINS_ERRORS)
    if error.code in OF_A_CONNECTION and error.os_error in OF_ERRNO:
        return OF_ERRNO[error.os_error]
    return OF_CURL.get(error.code, WebErrorStatus.UNKNOWN)
