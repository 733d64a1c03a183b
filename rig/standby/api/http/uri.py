"""The http and https URIs that a request may have (RFC 9110 4.2), taken apart once, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from rig.host_port import bracketed
from rig.standby.wire.hresult import HostError, HResult

DEFAULT_PORTS = {"http": 80, "https": 443}
URI_LENGTH = 8000
"""RFC 9110 4.1 asks for 8000 octets at least; a longer target would not fit where servers keep their heads."""
NOT_QUOTED = "%/:=&?~+!$,;'@()*[]"
"""What a path or a query may have as it stands: pchar of RFC 3986, "/", "?", and "%" of what is quoted already."""


@dataclass(frozen=True)
class HttpUri:
    """`host` without brackets; `target` is path and query, never empty."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> HttpUri:
        """Raises HostError INVALID_ARG: not absolute, of another scheme, with user name or password, with control characters."""
        if len(text) > URI_LENGTH:
            raise _invalid(text, f"{len(text)} characters, at most {URI_LENGTH}")
        if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in text):  # urlsplit would drop some of them
            raise _invalid(text, "a space or a control character in it")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise _invalid(text, str(error)) from error
        if parts.scheme not in DEFAULT_PORTS or not host:
            raise _invalid(text, "an absolute http or https URI with a host is wanted")
        if "@" in parts.netloc:
            raise _invalid(text, "credentials in it: they go into the client's")
        query = f"?{quote(parts.query, safe=NOT_QUOTED)}" if parts.query else ""
        target = quote(parts.path or "/", safe=NOT_QUOTED) + query
        host = host.replace("%25", "%", 1) if ":" in host else host  # the sign before a link's name (RFC 6874 2)
        return cls(parts.scheme, _ascii(host, text), DEFAULT_PORTS[parts.scheme] if port is None else port, target)

    def join(self, reference: str) -> HttpUri:
        """What a Location says, seen from here (RFC 9110 10.2.2). Raises HostError INVALID_ARG."""
        try:
            absolute = reference if urlsplit(reference).scheme else urljoin(str(self), reference)
        except ValueError as error:
            raise _invalid(reference, str(error)) from error
        return self.parse(absolute)

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What Host says: the port only where it is another one than the scheme's."""
        return self._host if self.port == DEFAULT_PORTS[self.scheme] else self.host_and_port

    @property
    def host_and_port(self) -> str:
        """What CONNECT says (RFC 9110 9.3.6)."""
        return f"{self._host}:{self.port}"

    @property
    def _host(self) -> str:
        """An address of one link is without the link's name: that is ours, and nobody else's (RFC 6874 4)."""
        return bracketed(self.host.partition("%")[0])

    def __str__(self) -> str:
        """Its absolute form, as a proxy wants it (RFC 9112 3.2.2)."""
        return f"{self.scheme}://{self.authority}{self.target}"


def _ascii(host: str, text: str) -> str:
    """A name in other letters as DNS has it. Raises HostError INVALID_ARG for what is none."""
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _invalid(text, f"its host: {error}") from error


def _invalid(text: str, why: str) -> HostError:
    return HostError(HResult.INVALID_ARG, f"no URI for a request: {text[:100]!r}: {why}")
