"""The frames between a push service and a host: whole messages out of any pieces, nothing else, and never much of it kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import push_line as line
from rig.push_line import FrameReader, FromHost, FromService, LineFault, frame

HELLO = line.Hello(host="0123456789abcdef", service="s", last=7, power=line.Power(screen_on=False, exempt=("mail",)))
SAID = [
    HELLO,
    line.OpenChannel(request=1, app="mail", kind=line.ChannelKind.ALTERNATE, id="news"),
    line.CloseChannel(request=2, app="mail"),
    line.CloseApp(request=3, app="mail"),
    line.Acknowledged(number=9),
    line.Ping(number=1),
    line.Goodbye(),
]
ANSWERED = [
    line.Welcome(service="s", last=7),
    line.ChannelOpened(request=1, uri="https://push/x", expires_ms=30 * 86_400_000),
    line.ChannelClosed(request=2),
    line.Refused(request=3, why=line.Refusal.TOO_MANY_CHANNELS),
    line.Notify(number=8, app="mail", content=b"\0" * line.CONTENT_BYTES, headers={"x-wns-priority": "1"}),
    line.Pong(number=1),
]


@given(cuts=st.lists(st.integers(1, 400), max_size=40))
def test_messages_come_whole_out_of_any_pieces(cuts: list[int]) -> None:
    reader: FrameReader[FromHost] = FrameReader(FromHost)
    stream = b"".join(map(frame, SAID))
    found: list[FromHost] = []
    for cut in cuts:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert [*found, *reader.feed(stream)] == SAID
    assert reader.rest == b""


def test_what_the_service_says_is_read_by_the_host() -> None:
    reader: FrameReader[FromService] = FrameReader(FromService)
    assert reader.feed(b"".join(map(frame, ANSWERED))) == ANSWERED


def test_another_reader_goes_on_within_a_frame() -> None:
    stream = frame(ANSWERED[-2]) + frame(ANSWERED[-1])
    first: FrameReader[FromService] = FrameReader(FromService)
    assert first.feed(stream[:1000]) == []
    second: FrameReader[FromService] = FrameReader(FromService, first.rest)
    assert second.feed(stream[1000:]) == ANSWERED[-2:]


@pytest.mark.parametrize(
    "data",
    [
        (line.FRAME_BYTES + 1).to_bytes(4, "big"),
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\0\0\0\1\xc1",
        b"\0\0\0\1\x80",
        frame(ANSWERED[0]),
        b"\0\0\xff\xff" + b"\x91" * 0xFFFF,
    ],
    ids=["a byte too long", "4 GiB", "empty", "no msgpack", "no type", "the other side's", "nested"],
)
def test_what_is_no_frame_of_the_other_side_ends_the_line(data: bytes) -> None:
    reader: FrameReader[FromHost] = FrameReader(FromHost)
    with pytest.raises(LineFault):
        reader.feed(data)


def test_fields_have_their_bounds() -> None:
    reader: FrameReader[FromHost] = FrameReader(FromHost)
    for message in (
        msgspec.structs.replace(HELLO, host="short"),
        line.Acknowledged(number=-1),
        line.OpenChannel(request=1, app=""),
        line.OpenChannel(request=1, app="a" * 257),
        line.Power(exempt=("mail",) * 201),
    ):
        with pytest.raises(LineFault, match="no message"):
            reader.feed(frame(message))
        reader = FrameReader(FromHost)


def test_a_message_beyond_the_bound_of_a_frame_is_not_sent() -> None:
    with pytest.raises(LineFault, match="65536 at most"):
        frame(line.Notify(number=1, app="mail", content=b"", id="x" * line.FRAME_BYTES))
