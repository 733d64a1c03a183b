"""Whatever a server says of itself: a head that can be read, or a redirect that is refused, and nothing else comes of it."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rig.standby.transfers.ftp_replies import FtpReplies
from rig.standby.transfers.http_reply import HttpReply, RedirectRefused
from rig.standby.wire.transfer_types import ResponseInformation

NAMES = (
    *("Location", "ETag", "Last-Modified", "Date", "Content-Length", "Content-Range", "Transfer-Encoding", "Accept-Ranges", "X"),
)
VALUES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"http://[::1",
            b"//[",
            b"https://a:b:c/",
            b"http://a:99999999/",
            b"\xff",
            b"bytes 0-1/2",
            b"bytes */9",
            b"9" * 5000,
            b"-1",
            b"",
        ]
    ),
    st.sampled_from(
        [
            b"Mon, 99 Abc 99999 99:99:99 +999999999999",
            b"Thu, 01 Jan 1970 00:00:00 GMT",
            b"Thu, 01 Jan 1970 00:00:00",
            b"Thu, 31 Dec 9999 23:59:59 -2359",
            b"0 0 0 0 0 0",
        ]
    ),
)
STATUSES = st.one_of(st.binary(max_size=8), st.integers(0, 1200).map(lambda status: b"%d x" % status))
LINES = st.one_of(
    st.builds(lambda name, value: b"%s: %s\r\n" % (name.encode(), value), st.sampled_from(NAMES), VALUES),
    st.builds(
        lambda status: b"HTTP/1.1 %s\r\n" % status,
        st.one_of(st.binary(max_size=8), st.integers(0, 1200).map(lambda n: b"%d x" % n)),
    ),
    st.binary(max_size=60),
    st.just(b"\r\n"),
)
REPLIES = st.one_of(st.binary(max_size=40), st.integers(0, 10**20).map(lambda said: b"213 %d\r\n" % said), st.just(b"150 x\r\n"))


def looked_at(head: HttpReply | FtpReplies) -> None:
    """All that the engine asks of one."""
    assert head.whole_bytes is None or 0 <= head.whole_bytes < 10**18
    assert head.ends_at is None or head.ends_at <= 10**18
    assert isinstance(head.validator, str)
    assert isinstance(head.makes_sense, bool)
    if isinstance(head, HttpReply):
        assert head.begins_at is None or head.begins_at >= 0
        head.still_is('"x"')
    information = head.information
    if information is not None:
        assert len(msgspec.msgpack.encode(information)) < 64 * 1024
        msgspec.convert(msgspec.to_builtins(information), ResponseInformation)


@example([b"HTTP/1.1 302 x\r\n", b"Location: http://[::1\r\n", b"\r\n"])
@example(
    [b"HTTP/1.1 200 x\r\n", b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", b"Last-Modified: Thu, 01 Jan 1970 00:00:00\r\n", b"\r\n"]
)
@given(st.lists(LINES, max_size=20))
def test_any_lines_of_http(lines: list[bytes]) -> None:
    head = HttpReply("https://server.example/a/b")
    for line in lines:
        with contextlib.suppress(RedirectRefused):
            head.line(line)
        looked_at(head)
        assert head.is_secure


@example([b"213 20260101000000\r\n", b"213 5\r\n"])
@example([b"213 99999999999999\r\n", b"213 5\r\n"])
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 10**20).map(lambda n: b"213 %d\r\n" % n), st.just(b"150 x\r\n")))
)
def test_any_lines_of_ftp(lines: list[bytes]) -> None:
    head = FtpReplies("ftp://server.example/a")
    for line in lines:
        head.line(line)
        looked_at(head)


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/x", "https://s/x"),
        ("x", "https://s/a/x"),
        ("?q", "https://s/a/b?q"),
        ("//other/x", "https://other/x"),
        ("HTTPS://other/x", "https://other/x"),
    ],
)
def test_where_a_redirect_leads(location: str, to: str) -> None:
    head = HttpReply("https://s/a/b")
    for line in (b"HTTP/1.1 301 Moved\r\n", f"Location: {location}\r\n".encode(), b"\r\n"):
        head.line(line)
    assert (head.uri, head.answered) == (to, False)


@pytest.mark.parametrize("location", ["http:/x", "http:x", "HTTP://other/", "  http://other/", "h\tttp://other/"])
def test_no_spelling_of_http_is_a_way_out_of_tls(location: str) -> None:
    head = HttpReply("https://s/a/b")
    head.line(b"HTTP/1.1 301 Moved\r\n")
    head.line(f"Location: {location}\r\n".encode())
    with pytest.raises(RedirectRefused):
        head.line(b"\r\n")
