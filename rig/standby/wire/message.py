"""Kinds of messages: a call has one answer of a type that its class names, a notice has none.

    class Suspend(Call[None]):
        app: str

Messages are msgspec structs in msgpack. They are checked when they come in: an unknown tag, a wrong type, a field too many or
too few is a `Malformed`, and what the handlers see is what its class says.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, TypeVar, get_args

import msgspec

from rig.decoders import decoder_of

R = TypeVar("R")


class Call(msgspec.Struct, Generic[R], frozen=True, tag=True, forbid_unknown_fields=True):
    """A request with one answer of type R, or a fault."""


class Fetch(Call[R], Generic[R], frozen=True):
    """A call whose answer brings descriptors, which nobody can note for those who ask again: asked again it is served again. Who
    serves it gives the same answer until it is told, by another message, that one has come."""


class Watch(Call[R], Generic[R], frozen=True):
    """A call that waits for something to happen, which nobody is kept awake for."""


class Notice(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Something told, without an answer."""


class Prelude(Notice, frozen=True):
    """A notice of which nobody hears anything, as it only holds the host awake until its sender says more: it may be noted as
    done together with that."""


@cache
def answer_type(call: type[Call[Any]]) -> Any:
    """What R is for a class of calls."""
    return next(get_args(base)[0] for base in call.__orig_bases__)  # type: ignore[attr-defined]


def decoded_answer(call: Call[R], body: bytes) -> R:
    """The answer to a call. Raises msgspec.ValidationError or DecodeError when it is none."""
    answer: R = decoder_of(answer_type(type(call))).decode(body)
    return answer


def answer_types() -> list[Any]:
    """Of all classes of calls that are imported."""
    found, left = list[Any](), list[type[Call[Any]]](Call.__subclasses__())
    while left:
        call = left.pop()
        left += call.__subclasses__()
        if not getattr(call, "__parameters__", ()):
            found.append(answer_type(call))
    return found
