"""The addresses that a transfer may have: a bad one is refused before anything is created (BTR-029)."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from rig.standby.api.http.uri import HttpUri
from rig.standby.wire.hresult import HostError, HResult


def checked_uri(text: str, direction: Literal["download", "upload"]) -> str:
    """As it is asked for. http, https, and for downloads ftp, with the credentials inside (BTR-005). Raises HostError
    INVALID_ARG."""
    if not _is_ftp(text):
        return str(HttpUri.parse(text))
    if direction == "upload":
        raise _invalid(text, "nothing is uploaded over FTP")
    _check_ftp(text)
    return text


def _is_ftp(text: str) -> bool:
    return text[:4].lower() == "ftp:"


def _check_ftp(text: str) -> None:
    """Any control character would end a command on the way to the server (RFC 959 4)."""
    if any(not 0x20 < ord(character) < 0x7F for character in text):
        raise _invalid(text, "letters of ASCII are wanted, others as %XX")
    if any(code in text.upper() for code in ("%00", "%0A", "%0D")):
        raise _invalid(text, "a quoted character that ends a command of FTP")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(text, str(error)) from error
    if not host or port == 0 or parts.path in ("", "/") or parts.path.endswith("/"):
        raise _invalid(text, "a host and a file are wanted: ftp://user:password@host/file")


def _invalid(text: str, why: str) -> HostError:
    _, at, rest = text[:100].rpartition("@")
    shown = f"ftp://...@{rest}" if at else text[:100]
    return HostError(HResult.INVALID_ARG, f"no URI for a transfer: {shown!r}: {why}")
