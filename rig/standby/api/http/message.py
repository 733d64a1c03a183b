"""A request and the head of a response, as they are on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

HeaderList: TypeAlias = tuple[tuple[str, str], ...]


class Headers:
    """In the order in which they came, each as often as it came; names in any case."""

    def __init__(self, items: HeaderList = ()) -> None:
        self._items = items

    def get(self, name: str) -> str | None:
        """All values of that name as one list, which means the same (RFC 9110 5.3)."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name: str) -> list[str]:
        """Each for itself, for what is no list: WWW-Authenticate, Set-Cookie."""
        return [value for key, value in self._items if key.lower() == name.lower()]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


@dataclass(frozen=True)
class Request:
    """`target` in the form that goes onto the request line; `headers` with Host and all that frames the body."""

    method: str
    target: str
    headers: HeaderList
    body: bytes = b""


@dataclass(frozen=True)
class ResponseHead:
    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    bodiless: bool = False
    """Its status, or the request's method, says that no content comes with it, whatever its headers say (RFC 9112 6.3)."""
