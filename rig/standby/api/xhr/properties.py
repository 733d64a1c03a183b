"""What an app may set on a request before it is sent: XHR_PROPERTY of msxml6, as far as it means something on this host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from rig.standby.api.http.route import Secrets
from rig.standby.wire.hresult import HostError, HResult

NO_LIMIT_MS = 0xFFFFFFFF
"""The greatest value of TIMEOUT; as 0, it waits for ever."""
THRESHOLD_MOST_BYTES = 1 << 20
"""Far below what is kept of a body that nobody reads."""


class XhrProperty(IntEnum):
    """Values of msxml6.h."""

    NO_CRED_PROMPT = 0
    """XhrCredPrompt. This host has nobody to ask: a challenge that the credentials of `open` do not answer is the response."""
    NO_AUTH = 1
    """XhrAuth: to whom the credentials of `open` may be said."""
    TIMEOUT = 2
    """Milliseconds that connecting, and each step of sending and receiving, may take; not the request as a whole."""
    NO_DEFAULT_HEADERS = 3
    """1: the app's own headers alone, and what HTTP needs."""
    REPORT_REDIRECT_STATUS = 4
    """1: on_headers_available is called for each redirect, too."""
    NO_CACHE = 5
    """This host caches nothing, whatever it says."""
    EXTENDED_ERROR = 6
    """1: on_error gets the cause as Win32 has it, not the general one."""
    QUERY_STRING_UTF8 = 7
    """What is no ASCII in a query goes out as UTF-8 on this host, whatever it says: that is its code page, too."""
    IGNORE_CERT_ERRORS = 8
    """1: any certificate of a server will do."""
    ONDATA_THRESHOLD = 9
    """Bytes that must have come anew before on_data_available is called."""
    SET_ENTERPRISEID = 10
    """Refused: this host has no enterprises."""
    MAX_CONNECTIONS = 11
    """Refused: each request has a connection of its own, and shares it with none."""


class XhrCredPrompt(IntEnum):
    ALL = 0
    NONE = 1
    PROXY = 2


class XhrAuth(IntEnum):
    ALL = 0
    NONE = 1
    PROXY = 2
    """To a proxy alone."""

    def allowed(self, secrets: Secrets) -> Secrets:
        """What of them may be said."""
        return Secrets(secrets.server if self is XhrAuth.ALL else None, secrets.proxy if self is not XhrAuth.NONE else None)


@dataclass
class XhrSettings:
    """Of one request."""

    auth: XhrAuth = XhrAuth.ALL
    timeout_s: float | None = None
    default_headers: bool = True
    report_redirects: bool = False
    extended_errors: bool = False
    ignore_certificate_errors: bool = False
    threshold_bytes: int = 1
    client_certificate: Path | None = None
    """A file with key and certificate."""

    def set(self, name: XhrProperty, value: int) -> None:
        """Raises HostError INVALID_ARG for a value that it cannot have, NOT_SUPPORTED for one that this host cannot keep."""
        match name:
            case XhrProperty.NO_CRED_PROMPT:
                XhrCredPrompt(_one_of(name, value, XhrCredPrompt))
            case XhrProperty.NO_AUTH:
                self.auth = XhrAuth(_one_of(name, value, XhrAuth))
            case XhrProperty.TIMEOUT:
                self.timeout_s = _timeout_s(value)
            case XhrProperty.NO_DEFAULT_HEADERS:
                self.default_headers = not _flag(name, value)
            case XhrProperty.REPORT_REDIRECT_STATUS:
                self.report_redirects = _flag(name, value)
            case XhrProperty.NO_CACHE | XhrProperty.QUERY_STRING_UTF8:
                _flag(name, value)
            case XhrProperty.EXTENDED_ERROR:
                self.extended_errors = _flag(name, value)
            case XhrProperty.IGNORE_CERT_ERRORS:
                self.ignore_certificate_errors = _flag(name, value)
            case XhrProperty.ONDATA_THRESHOLD:
                self.threshold_bytes = max(1, _in_range(name, value, THRESHOLD_MOST_BYTES))
            case XhrProperty.SET_ENTERPRISEID | XhrProperty.MAX_CONNECTIONS:
                raise HostError(HResult.NOT_SUPPORTED, f"this host has no {name.name}")


def _timeout_s(value_ms: int) -> float | None:
    _in_range(XhrProperty.TIMEOUT, value_ms, NO_LIMIT_MS)
    return None if value_ms in (0, NO_LIMIT_MS) else value_ms / 1000


def _flag(name: XhrProperty, value: int) -> bool:
    return bool(_in_range(name, value, 1))


def _one_of(name: XhrProperty, value: int, values: type[IntEnum]) -> int:
    return _in_range(name, value, max(values))


def _in_range(name: XhrProperty, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise HostError(HResult.INVALID_ARG, f"{name.name} of {value}, 0 to {most} allowed")
    return value
