"""The line between a push service and a host: one TCP connection, or TLS, that the host opens and keeps.

A frame is four bytes, the length of what follows (big-endian, at most FRAME_BYTES), and a msgpack map: a message below, its kind
under "type", its fields by name. Each side closes the line at the first frame that is none: there is no way to find the next.

    host                                  service
    Hello(host, service, last, power) ->
                                       <- Welcome(service, last)
                                       <- Notify(8), Notify(9)      those after `last` again, in order
    Acknowledged(9) ->
    OpenChannel(request, app, ...) ->
                                       <- ChannelOpened(request, uri, expires_ms)
    Power(...) ->                                                    at each change
    Ping(1) ->                                                       when and if the host likes
                                       <- Pong(1)
    Goodbye() ->                                                     it goes on purpose, then FIN

Hello is the first, and comes once. The newest line of a host is the one: the service closes the one before.
Numbers of notifications rise, not always by one. The service keeps a notification until a number as high as its own is
acknowledged, and sends it again on the next line; so the host does each once by ignoring what is not above the last that it has
acknowledged. They belong to one run of the service: to another `service` than the one that the numbers are of, `last` means
nothing, and the host counts from 0 again.
Requests have numbers of the host's choice, and one answer each, ChannelOpened, ChannelClosed or Refused; an open request that a
lost line has swallowed may be made again, and gets the same URI.

Nothing here does I/O.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from rig.decoders import decoder_of

FRAME_BYTES = 64 * 1024
"""Most that follows a length. The largest message is a list of exempt apps; a notification's content has 5000 bytes at most."""
CONTENT_BYTES = 5000
"""Of a raw notification (RAW-010, B-26)."""
LENGTH = struct.Struct(">I")

HostId: TypeAlias = Annotated[str, Meta(min_length=16, max_length=64)]
"""The host makes it by chance, once, and keeps it: who knows it is the host."""
ServiceId: TypeAlias = Annotated[str, Meta(max_length=64)]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
AppName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Uri: TypeAlias = Annotated[str, Meta(max_length=1024)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Numbers of notifications begin at 1: 0 is before the first."""
ExemptApps: TypeAlias = Annotated[tuple[Name, ...], Meta(max_length=200)]
Content: TypeAlias = Annotated[bytes, Meta(max_length=CONTENT_BYTES)]
Headers: TypeAlias = Annotated[dict[Name, Name], Meta(max_length=16)]


class ChannelKind(StrEnum):
    PRIMARY = "primary"
    ALTERNATE = "alternate"
    TILE = "tile"
    """Of a secondary tile: raw notifications are refused there (RAW-016)."""


class Refusal(StrEnum):
    """Why a request has no other answer."""

    TOO_MANY_CHANNELS = "too many channels"
    """RAW-016."""
    NO_SUCH_CHANNEL = "no such channel"


class Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """What a frame holds."""


# -- host to service ---------------------------------------------------------------------------------------------------


class Power(Message, frozen=True):
    """What priorities are weighed against (RAW-014)."""

    screen_on: bool = True
    ac: bool = True
    """On external power."""
    saver: bool = False
    exempt: ExemptApps = ()
    """Apps that the user has exempted from restrictions in the background."""


class Hello(Message, frozen=True):
    host: HostId
    service: ServiceId = ""
    """Whose number `last` is; "" when it has spoken to none."""
    last: Count = 0
    """The newest notification that it has acknowledged, or wanted to."""
    power: Power = Power()


class OpenChannel(Message, frozen=True):
    """A URI for the channel: the one that it has, or a new one."""

    request: Count
    app: AppName
    kind: ChannelKind = ChannelKind.PRIMARY
    id: Name = ""
    """Of an alternate channel, or a tile's."""


class CloseChannel(Message, frozen=True):
    """All its URIs are of no use any more (RAW-015). Answered with ChannelClosed, or Refused."""

    request: Count
    app: AppName
    kind: ChannelKind = ChannelKind.PRIMARY
    id: Name = ""


class CloseApp(Message, frozen=True):
    """All channels of an app that is uninstalled. Answered with ChannelClosed, also where there was none."""

    request: Count
    app: AppName


class Acknowledged(Message, frozen=True):
    """All up to that number are done, or dropped by a rule of the host's."""

    number: Count


class Ping(Message, frozen=True):
    number: Count


class Goodbye(Message, frozen=True):
    """The line ends on purpose: the host is disconnected, not for a while only (RAW-012)."""


FromHost: TypeAlias = Hello | Power | OpenChannel | CloseChannel | CloseApp | Acknowledged | Ping | Goodbye


# -- service to host ---------------------------------------------------------------------------------------------------


class Welcome(Message, frozen=True):
    service: ServiceId
    """Of this run of it."""
    last: Count
    """Notifications from here on have higher numbers."""


class ChannelOpened(Message, frozen=True):
    request: Count
    uri: Uri
    expires_ms: Count
    """From now, in specification milliseconds (RAW-015: 30 days for a new one)."""


class ChannelClosed(Message, frozen=True):
    request: Count


class Refused(Message, frozen=True):
    request: Count
    why: Refusal


class Notify(Message, frozen=True):
    number: Count
    app: AppName
    content: Content
    kind: ChannelKind = ChannelKind.PRIMARY
    id: Name = ""
    headers: Headers = {}
    """The X-WNS headers of its POST, names in small letters."""


class Pong(Message, frozen=True):
    number: Count


FromService: TypeAlias = Welcome | ChannelOpened | ChannelClosed | Refused | Notify | Pong


# -- frames ------------------------------------------------------------------------------------------------------------

M = TypeVar("M")

_encoder = msgspec.msgpack.Encoder()


class LineFault(Exception):
    """What came is no frame of this line, or what should go is none."""


def frame(message: Message) -> bytes:
    """Raises LineFault for one that is too long."""
    body = _encoder.encode(message)
    if len(body) > FRAME_BYTES:
        raise LineFault(f"{type(message).__name__} of {len(body)} bytes, a frame has {FRAME_BYTES} at most")
    return LENGTH.pack(len(body)) + body


class FrameReader(Generic[M]):
    """Bytes as they come, in whatever pieces, become messages. It keeps less than one frame."""

    def __init__(self, incoming: Any, rest: bytes = b"") -> None:
        """`incoming`: FromHost or FromService. `rest`: of a reader before this one."""
        self._decoder: msgspec.msgpack.Decoder[M] = decoder_of(incoming)
        self._rest = bytearray(rest)

    @property
    def rest(self) -> bytes:
        """The frame that is not whole yet: for who reads on in another process."""
        return bytes(self._rest)

    def feed(self, data: bytes) -> list[M]:
        """Raises LineFault; the messages before the fault are lost with the line, and nobody has acknowledged them."""
        self._rest += data
        found: list[M] = []
        while (length := self._length()) is not None and len(self._rest) >= LENGTH.size + length:
            found.append(self._decoded(bytes(self._rest[LENGTH.size : LENGTH.size + length])))
            del self._rest[: LENGTH.size + length]
        return found

    def _length(self) -> int | None:
        """Of the next frame, as soon as that is known: a length beyond the bound is refused before its bytes are kept."""
        if len(self._rest) < LENGTH.size:
            return None
        length: int = LENGTH.unpack_from(self._rest)[0]
        if length > FRAME_BYTES:
            raise LineFault(f"a frame of {length} bytes, at most {FRAME_BYTES} are allowed")
        return length

    def _decoded(self, body: bytes) -> M:
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise LineFault(f"no message: {error}") from None
