"""Decoders of what processes tell one another and keep on disk, each made once in a process. To make one takes up to 5 ms: a warm
process makes those of every bench before it forks."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


@cache
def decoder_of(kind: Any) -> Any:
    """Of msgpack; `kind`: a struct, a dataclass, or a union of structs."""
    return msgspec.msgpack.Decoder(kind)


def decoded(kind: type[T], body: bytes) -> T:
    """Raises msgspec.ValidationError or DecodeError when it is none."""
    found: T = decoder_of(cast(Hashable, kind)).decode(body)
    return found
