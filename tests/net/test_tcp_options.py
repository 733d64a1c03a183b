"""Options of a TCP header, whatever a peer makes of their lengths."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.net.tcp_options import timestamps

TIMESTAMPS = struct.pack("!BBII", 8, 10, 7, 9)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (b"", None),
        (TIMESTAMPS, (7, 9)),
        (b"\1\1" + TIMESTAMPS, (7, 9)),
        (b"\2\4\5\xb4\4\2" + TIMESTAMPS + b"\1\3\3\7", (7, 9)),
        (b"\0\0" + TIMESTAMPS, None),
        (TIMESTAMPS[:-1], None),
        (b"\x1e\0" + TIMESTAMPS, (7, 9)),
        (b"\x1e\xff" + TIMESTAMPS, None),
        (b"\1\1\1\x08", None),
    ],
    ids=["none", "alone", "padded", "among others", "behind the end", "cut off", "a length of 0", "a length beyond", "no length"],
)
def test_timestamps_are_found_where_they_are(options: bytes, found: tuple[int, int] | None) -> None:
    assert timestamps(options) == found


@given(st.binary(max_size=40))
def test_no_options_are_too_odd(options: bytes) -> None:
    timestamps(options)
