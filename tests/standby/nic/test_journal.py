"""The journal survives a SIGKILL at any byte of a writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive
from rig.device.tcp_slot import SlotRef
from rig.standby.nic.journal import PLACE_BYTES, Journal, Note, NotedConnection, NotedPattern
from rig.standby.nic.next_hop import NextHop
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps
from rig.standby.wire.nic import Enter, Reserve

PING = PayloadKeepAlive.websocket_ping(bytes(400))
CONNECTION = NotedConnection(
    "one", {"app": "a", "channel": "c"}, 15, NextHop(bytes(6), "192.0.2.20", 3), SlotRef(0, 1), PayloadOverSleeps(PING).noted,
    (7, 8), None, 5, 6,
)  # fmt: skip
NOTE = Note(
    1, 2, 3, [CONNECTION], [NotedPattern("wake", {}, Pattern.magic(1), 5, (7,))], [(SlotRef(4, 2), {"app": "b"})],
    {6: {"app": "c"}}, {9: Enter(["one"], 0), 10: Reserve("two", {}, 15, PING)},
)  # fmt: skip


@pytest.fixture
def fd() -> Iterator[int]:
    fd = os.memfd_create("journal")
    yield fd
    os.close(fd)


def test_an_empty_one_has_no_note(fd: int) -> None:
    assert Journal(fd).last() is None


def test_the_last_note_comes_back_as_it_was(fd: int) -> None:
    journal = Journal(fd)
    for acked in range(5):
        journal.write(replace(NOTE, acked=acked))
    assert Journal(fd).last() == replace(NOTE, acked=4)


def test_a_note_that_was_cut_off_leaves_the_one_before(fd: int) -> None:
    Journal(fd).write(NOTE)
    whole = os.pread(fd, 2 * PLACE_BYTES, 0)
    after = Journal(fd)
    after.last()
    after.write(replace(NOTE, acked=4))
    second = os.pread(fd, PLACE_BYTES, 0).rstrip(b"\0")
    for length in range(0, len(second), 7):
        os.pwrite(fd, whole, 0)
        os.pwrite(fd, second[:length].ljust(len(second), b"\xff"), 0)
        assert Journal(fd).last() == NOTE, f"cut off after {length} bytes"


def test_what_has_no_room_is_refused_and_leaves_the_one_before(fd: int) -> None:
    journal = Journal(fd)
    journal.write(NOTE)
    with pytest.raises(ValueError, match="no room"):
        journal.write(replace(NOTE, connections=[replace(CONNECTION, names={"app": "x" * PLACE_BYTES})]))
    assert Journal(fd).last() == NOTE
