"""What a poster is told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def refusal(status: int, text: str, **headers: str) -> Answer:
    """With the reason in words: X-WNS-Error-Description."""
    return Answer(status, {"X-WNS-Error-Description": text, **headers})


def unauthorized() -> Answer:
    """RFC 6750 section 3."""
    return refusal(401, "no valid token", **{"WWW-Authenticate": 'Bearer error="invalid_token"'})


def with_status(answer: Answer, status: str, connection: str) -> Answer:
    """For who asked with X-WNS-RequestForStatus (RAW-012). The first has two names in the
    documents, and comes under both (B-28)."""
    said = {"X-WNS-Status": status, "X-WNS-NotificationStatus": status, "X-WNS-DeviceConnectionStatus": connection}
    return Answer(answer.status, {**answer.headers, **said}, answer.body)
