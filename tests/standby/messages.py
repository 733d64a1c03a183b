"""What crosses an app's border, made from the types of the messages: right ones, and every way to be wrong."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Literal, get_args, get_origin

import msgspec

from rig.standby.wire import app_transfers
from rig.standby.wire.app_tasks import RequestApplicationTrigger, RequestDeviceTrigger
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.message import Call

KINDS: tuple[type[Any], ...] = get_args(FromApp)

STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    2**32,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "nobody's",
    "\0",
    "\ud800".encode("utf-8", "surrogatepass"),
    "x" * 65,
    "x" * 5000,
    b"",
    b"\xff" * 1000,
    [],
    [[[[]]]],
    {},
    {"type": "AppReady"},
    msgspec.msgpack.Ext(1, b"x"),
)
"""Of every type and at the edges of every range."""

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(FromApp)


GUID = "00000000-0000-4000-8000-000000000000"
URI = "http://127.0.0.1:9/file"
SPEC = {"id": GUID, "direction": "download", "uri": URI, "path": "/nowhere/file"}
OF_TRANSFERS: dict[str, Any] = {"id": GUID, "group": GUID, "uri": URI, "spec": SPEC}
TRANSFERS = frozenset(kind for kind in KINDS if kind.__module__ == app_transfers.__name__)
OWN_TRIGGERS = (RequestApplicationTrigger, RequestDeviceTrigger)


def is_call(kind: type[Any]) -> bool:
    return issubclass(kind, Call)


def fields(kind: type[Any]) -> dict[str, Any]:
    """Types by name."""
    hints = typing.get_type_hints(kind, include_extras=False)
    return {name: hint for name, hint in hints.items() if name in kind.__struct_fields__}


def right(kind: type[Any], channel: str) -> dict[str, Any]:
    """A message's map, as the app `channel` belongs to may send it."""
    values = {name: plain(hint) for name, hint in fields(kind).items()}
    trigger = {"type": "push", "channel": channel}
    known = {"channel": channel, "minutes": 30, "host": "127.0.0.1", "port": 9, "trigger": trigger}
    known.update({"trigger": GUID} if kind in OWN_TRIGGERS else {}, task_id=GUID)
    known.update(OF_TRANSFERS if kind in TRANSFERS else {})
    return {"type": kind.__name__, **{name: known.get(name, value) for name, value in values.items()}}


def plain(hint: Any) -> Any:
    """The simplest value of a type."""
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if get_origin(hint) in (types.UnionType, typing.Union):
        arguments = get_args(hint)
        return None if type(None) in arguments else plain(arguments[0])
    if get_origin(hint) in (tuple, dict):
        return get_origin(hint)()
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return int(next(iter(hint)))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint.__struct_config__.tag:
        values = {name: plain(kind) for name, kind in fields(hint).items()}
        return {"type": hint.__struct_config__.tag, **values}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {name: plain(kind) for name, kind in fields(hint).items()}
    return hint(1) if hint in (int, bool) else hint()


def wrong(kind: type[Any], channel: str) -> Iterator[tuple[str, bytes]]:
    """Bodies with one thing changed, and what was changed. Some are messages all the same."""
    message = right(kind, channel)
    for name in message:
        for value in STRANGE:
            yield f"{name}={value!r:.20}", _encode({**message, name: value})
        yield f"without {name}", _encode({n: v for n, v in message.items() if n != name})
    yield "one field more", _encode({**message, "more": 1})
    yield "a list", _encode(list(message.values()))
    yield "cut short", _encode(message)[:-1]
    yield "one byte more", _encode(message) + b"\xc0"


def is_message(body: bytes, *, call: bool) -> bool:
    """Whether the border lets it through; what its values mean is another matter."""
    try:
        return isinstance(_decoder.decode(body), Call) == call
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
