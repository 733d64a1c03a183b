"""What is told libcurl of every request (curl_easy_setopt(3))."""

from __future__ import annotations

import os
from typing import Any

import pycurl

from rig.standby.transfers.request import ENGINES_OWN, TransferRequest
from rig.standby.wire.transfer_types import Header

BUFFER_BYTES = 256 * 1024
"""A twentieth of libcurl's most: each buffer that is full is one call of the interpreter."""
MOST_REDIRECTS = 10
GO_ON_MS = 1000
"""How long a large body waits for a server's 100 Continue, of which many say none (RFC 9110 10.1.1)."""
HTTP = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
OBEY_CODE = 2
"""CURLFOLLOW_OBEYCODE: another method where the redirect's code says so; an older libcurl takes it for a plain yes."""
SUPPRESS_CONNECT_HEADERS = 265
"""CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl has no name for: what a proxy says of a tunnel is no answer."""
NO_AUTHORITIES = os.devnull
"""A file with none in it."""


def apply(curl: Any, request: TransferRequest) -> None:
    """Raises ValueError for what cannot be a header."""
    curl.setopt(pycurl.URL, request.uri.encode())
    curl.setopt(pycurl.PROTOCOLS, HTTP | pycurl.PROTO_FTP)
    secure = request.uri[:6].lower() == "https:"
    curl.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTPS if secure else HTTP)  # HttpReply lets none fall back later
    curl.setopt(pycurl.FOLLOWLOCATION, OBEY_CODE)
    curl.setopt(pycurl.MAXREDIRS, MOST_REDIRECTS)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.FORBID_REUSE, 1)
    curl.setopt(pycurl.OPT_FILETIME, 1)  # of FTP: MDTM
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.BUFFERSIZE, BUFFER_BYTES)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(request.connect_timeout_s * 1000)))
    curl.setopt(pycurl.EXPECT_100_TIMEOUT_MS, max(1, min(GO_ON_MS, int(request.response_timeout_s * 1000 / 8))))
    curl.setopt(pycurl.COOKIEFILE, "")  # an engine of its own, empty at first
    lines = [line_of(header) for header in _headers(request)]
    curl.setopt(pycurl.HTTPHEADER, [line.encode() for line in (lines if request.asks_first else [*lines, "Expect:"])])
    _secure(curl, request)
    _authenticate(curl, request)


def _headers(request: TransferRequest) -> list[Header]:
    own = [header for header in request.headers if header[0].lower() not in ENGINES_OWN]
    if all(name.lower() != "accept-encoding" for name, _value in own):
        own.append(("Accept-Encoding", "identity"))  # what becomes a file is the thing itself
    if request.condition:
        own.append(("If-Range", request.condition))
    return own


def line_of(header: Header) -> str:
    """Raises ValueError: a line break would begin another header."""
    name, value = header
    if not name or any(char in name + value for char in "\r\n\0") or any(char in name for char in ": \t;"):
        raise ValueError(f"no header of HTTP: {name[:64]!r}")
    return f"{name}: {value}" if value.strip() else f"{name};"


def _secure(curl: Any, request: TransferRequest) -> None:
    """The bench's authorities alone, never the machine's."""
    trusted = request.trusted
    curl.setopt(pycurl.CAINFO, NO_AUTHORITIES if trusted is None or not trusted.is_file() else str(trusted))
    curl.unsetopt(pycurl.CAPATH)
    curl.setopt(pycurl.SSL_VERIFYPEER, 1)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2)
    curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)


def _authenticate(curl: Any, request: TransferRequest) -> None:
    """Basic, at once: a body is sent once. libcurl gives no other host than the first one the server's."""
    curl.setopt(pycurl.PROXY, "" if request.uri[:4].lower() == "ftp:" else request.proxy)
    curl.setopt(pycurl.NOPROXY, "")
    curl.setopt(SUPPRESS_CONNECT_HEADERS, 1)
    if request.server_credential is not None:
        curl.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
        curl.setopt(pycurl.USERNAME, request.server_credential.user_name.encode())
        curl.setopt(pycurl.PASSWORD, request.server_credential.password.encode())
    if request.proxy and request.proxy_credential is not None:
        curl.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC)
        curl.setopt(pycurl.PROXYUSERNAME, request.proxy_credential.user_name.encode())
        curl.setopt(pycurl.PROXYPASSWORD, request.proxy_credential.password.encode())
