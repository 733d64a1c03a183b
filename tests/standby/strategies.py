"""Hypothesis strategies of what an app may send, derived from the types of the messages."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import IntEnum
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from rig.standby.wire.line import HEADER, What
from tests.standby.bad_app import DESCRIPTORS
from tests.standby.messages import KINDS, STRANGE, fields, is_call

Word: TypeAlias = tuple[int, bytes, list[str]]
"""Kind (0: no header of ours), body, names of descriptors."""

CHANNELS = ("bad", "c", "d", "inbox", "")
_encode = msgspec.msgpack.Encoder().encode


def examples(usually: int) -> int:
    """How many a test draws; the profile "long" has its own number."""
    profile = settings.get_current_profile_name()
    return settings.get_profile(profile).max_examples if profile == "long" else usually


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, as what they are in msgpack; at the edges of its range, and beyond."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of(arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(of, arguments))
    if origin is tuple:
        return st.lists(of(arguments[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(*map(of, arguments), max_size=4)
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return st.one_of(st.sampled_from([int(value) for value in hint]), st.integers(-1, 40))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        tag = {"type": st.just(hint.__struct_config__.tag)} if hint.__struct_config__.tag else {}
        return st.fixed_dictionaries({**tag, **{name: of(kind) for name, kind in fields(hint).items()}})
    if dataclasses.is_dataclass(hint):
        return st.fixed_dictionaries({name: of(kind) for name, kind in typing.get_type_hints(hint).items()})
    return _PLAIN[hint]


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**64 - 1), st.sampled_from([15, 1439, 65_535, 2**31 - 1])),
    str: st.one_of(st.sampled_from(CHANNELS), st.text(max_size=80)),
    bytes: st.binary(max_size=40),
}


def bodies(kind: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    known = {
        "channel": st.sampled_from(CHANNELS),
        "minutes": st.sampled_from([15, 30, 1439, 14, -1]),
        "socket": st.integers(1, 3),
    }
    hints = fields(kind)
    values = {name: st.one_of(known.get(name, of(hint)), of(hint)) for name, hint in hints.items()}
    return st.fixed_dictionaries({"type": st.just(kind.__name__), **values})


@st.composite
def spoilt(draw: st.DrawFn, body: dict[str, Any]) -> bytes:
    """With one value of another type, a field more or less, or other bytes somewhere."""
    name = draw(st.sampled_from([*body, "more"]))
    match draw(st.sampled_from(["value", "without", "bytes"])):
        case "value":
            return _encode({**body, name: draw(st.sampled_from(STRANGE))})
        case "without":
            return _encode({n: v for n, v in body.items() if n != name})
    data = bytearray(_encode(body))
    at = draw(st.integers(0, len(data)))
    data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


descriptors = st.lists(st.sampled_from([*DESCRIPTORS, "a connection"]), max_size=5)


@st.composite
def words(draw: st.DrawFn) -> Word:
    """A message, right or spoilt, with or without descriptors; or a datagram that is none."""
    names = draw(st.one_of(st.just([]), descriptors))
    if draw(st.integers(0, 19)) == 0:
        number = draw(st.sampled_from([0, 2**40, 2**64 - 1]))
        return 0, draw(st.binary(max_size=8)) + HEADER.pack(draw(st.integers(7, 255)), number), names
    kind = draw(st.sampled_from(KINDS))
    body = draw(bodies(kind))
    data = draw(spoilt(body)) if draw(st.integers(0, 3)) == 0 else _encode(body)
    right_kind = draw(st.integers(0, 9)) > 0
    return What.CALL if is_call(kind) == right_kind else What.NOTICE, data, names


def _way(channel: str, socket: int, hardware: bool, transport: list[str]) -> list[Word]:
    """To a channel that has its slot, if the transport is a connection."""
    calls: list[tuple[str, dict[str, Any], list[str]]] = [
        ("RequestAccess", {}, []),
        ("ConstructChannel", {"channel": channel, "minutes": 30, "hardware": hardware}, []),
        ("RegisterTask", {"name": "push", "entry_point": "push", "trigger": {"type": "push", "channel": channel}}, []),
        ("UsingTransport", {"channel": channel, "socket": socket}, []),
        ("ConnectBegin", {"channel": channel, "socket": socket, "host": "server", "port": 9}, []),
        ("ConnectEnd", {"channel": channel, "socket": socket, "error": None}, transport),
        ("WaitForPushEnabled", {"channel": channel}, []),
        ("SetPayload", {"channel": channel, "payload": {"data": b"\xc0\0", "reply": b"\xd0\0"}}, []),
    ]
    return [(What.CALL, _encode({"type": name, **values}), names) for name, values, names in calls]


@st.composite
def speeches(draw: st.DrawFn) -> list[Word]:
    """A part of the way to a channel, and what comes to a bad app's mind on the way."""
    transport = draw(
        st.one_of(st.just(["a connection"]), st.sampled_from(sorted(DESCRIPTORS)).map(lambda name: [name]), descriptors)
    )
    way = _way(draw(st.sampled_from(["c", "d"])), draw(st.integers(1, 3)), draw(st.booleans()), transport)
    speech = way[: draw(st.integers(0, len(way)))]
    for word in draw(st.lists(words(), min_size=1, max_size=12)):
        speech.insert(draw(st.integers(0, len(speech))), word)
    return speech
