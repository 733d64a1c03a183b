"""What a POST to a channel must say, and what it may say (RAW-010, RAW-011, RAW-013, RAW-014)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rig.peers.push_service.priorities import Priority
from rig.push_line import CONTENT_BYTES

RAW = "wns/raw"
OCTETS = "application/octet-stream"
HEADERS = 16
"""Most that begin with X-WNS- and go to the app."""
VALUE_LENGTH = 256
WHOLE = re.compile(r"[0-9]{1,10}")
ONCE = ("content-type", "content-length", "authorization")


@dataclass(frozen=True)
class Post:
    """What the headers say."""

    priority: Priority
    cacheable: bool
    """While the host is offline the newest is kept (RAW-013)."""
    ttl_ms: int | None
    """In specification milliseconds."""
    wants_status: bool
    headers: dict[str, str]
    """All X-WNS ones, names in small letters."""


class BadPost(Exception):
    """`status`: of the answer; the text says which header, and what it must be."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def check_framing(headers: Sequence[tuple[str, str]]) -> None:
    """What is known before the body. Raises BadPost."""
    known = dict(headers)
    if "transfer-encoding" in known:
        raise BadPost(400, "Transfer-Encoding: chunked bodies are not supported")
    if "content-length" not in known:
        raise BadPost(400, "Content-Length is missing")
    if int(known["content-length"]) > CONTENT_BYTES:
        raise BadPost(413, f"Content-Length: {CONTENT_BYTES} bytes at most")


def parsed(headers: Sequence[tuple[str, str]]) -> Post:
    """Names in small letters. Raises BadPost 400, also for a header that comes twice: one may contradict the other."""
    mine = [(name, value) for name, value in headers if name.startswith("x-wns-") or name in ONCE]
    if twice := [name for name, count in Counter(name for name, _value in mine).items() if count > 1]:
        raise BadPost(400, f"{twice[0]} comes more than once")
    known = {name: value.strip() for name, value in mine}
    _must_be(known, "x-wns-type", RAW)
    _must_be(known, "content-type", OCTETS)
    if known.get("content-length") == "0":
        raise BadPost(400, "Content-Length: a raw notification is not empty")
    ttl = _whole(known, "x-wns-ttl")
    return Post(
        priority=_priority(known),
        cacheable=_one_of(known, "x-wns-cache-policy", ("no-cache", "cache")) == "cache",
        ttl_ms=None if ttl is None else ttl * 1000,
        wants_status=_one_of(known, "x-wns-requestforstatus", ("false", "true")) == "true",
        headers=_for_the_app(known),
    )


def _must_be(headers: dict[str, str], name: str, wanted: str) -> None:
    if name not in headers:
        raise BadPost(400, f"{name} is missing, {wanted} is expected")
    if headers[name].lower() != wanted:
        raise BadPost(400, f"{name}: {wanted} is expected")


def _one_of(headers: dict[str, str], name: str, values: tuple[str, ...]) -> str:
    """The first is what a header that is missing means."""
    value = headers.get(name, values[0]).lower()
    if value not in values:
        raise BadPost(400, f"{name}: {' or '.join(values)} is expected")
    return value


def _whole(headers: dict[str, str], name: str) -> int | None:
    if name not in headers:
        return None
    if not WHOLE.fullmatch(headers[name]):
        raise BadPost(400, f"{name}: a whole number of at most ten digits is expected")
    return int(headers[name])


def _priority(headers: dict[str, str]) -> Priority:
    value = _whole(headers, "x-wns-priority")
    if value is None:
        return Priority.LOW
    if value not in list(Priority):
        raise BadPost(400, "x-wns-priority: 1 (high) to 4 (very low) is expected")
    return Priority(value)


def _for_the_app(headers: dict[str, str]) -> dict[str, str]:
    wns = {name: value for name, value in headers.items() if name.startswith("x-wns-")}
    if len(wns) > HEADERS or any(len(text) > VALUE_LENGTH for pair in wns.items() for text in pair):
        raise BadPost(400, f"at most {HEADERS} X-WNS headers of at most {VALUE_LENGTH} characters each")
    return wns
