"""What several of the messages of apps are made of."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

WORDS_LENGTH = 2000
"""Most characters of an error or a fault in words: what is longer is cut by who says it, or it would not be heard at all."""

SocketId: TypeAlias = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Instance: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
Words: TypeAlias = Annotated[str, Meta(max_length=WORDS_LENGTH)]
TaskId: TypeAlias = Annotated[str, Meta(min_length=36, max_length=36)]
"""A GUID, fresh for each registration (BGT-022)."""
