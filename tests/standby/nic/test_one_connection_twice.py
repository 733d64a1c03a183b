"""Two owners with duplicates of one connection: the second is refused, and the host sleeps and wakes with the first."""

from __future__ import annotations

import pytest

from rig.errors import BenchError
from rig.standby.wire.nic import Reserve

from .conftest import Parts

MINUTES = 1439
OTHER = Reserve("two", {"app": "b", "channel": "c"}, MINUTES)


def test_a_connection_has_one_owner_until_that_gives_it_back(parts: Parts) -> None:
    with pytest.raises(BenchError) as refused:
        parts.driver.reserve(OTHER, parts.sock.dup())
    assert refused.value.code == "RIG-N24"
    parts.fall_asleep()
    parts.wake_by_data(b"hello")
    parts.assert_whole(0)
    parts.driver.give_back("one")
    parts.driver.reserve(OTHER, parts.sock.dup())
    assert [connection.key for connection in parts.driver.registry.all()] == ["two"]


def test_its_owner_may_reserve_it_again(parts: Parts) -> None:
    parts.driver.reserve(Reserve("one", {"app": "a", "channel": "c"}, MINUTES), parts.sock.dup())
    parts.fall_asleep()
    parts.wake_by_data(b"hello")
    parts.assert_whole(0)
