"""Records that are sealed ahead: whatever the device, the app and the server do, the server gets each once and in its order."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from rig.peers.authority import Authority
from tests.standby.fake_system_of_pongs import AHEAD, Pongs


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "trusted.pem")


@pytest.fixture
def pongs(authority: Authority) -> Iterator[Pongs]:
    pongs = Pongs(authority)
    yield pongs
    pongs.close()


def test_what_the_device_has_not_sent_goes_out_before_the_next_word(pongs: Pongs) -> None:
    pongs.suspend()
    pongs.system.device_sends(3)
    assert pongs.heard() == ([0, 1, 2], [])
    pongs.write(b"up")
    assert pongs.heard() == (list(range(AHEAD)), [b"up"])
    assert pongs.keep_alive.state.sent == AHEAD
    assert [(event, detail["records"]) for event, detail in pongs.system.told] == [("SEALED", AHEAD), ("SEALED_FLUSH", AHEAD - 3)]


def test_a_device_that_takes_none_costs_one_record_each_time_the_app_writes(pongs: Pongs) -> None:
    """Until there is one that takes them."""
    pongs.system.takes = False
    pongs.suspend()
    pongs.suspend()
    assert not pongs.keep_alive.state.taken
    for word in (b"a", b"b"):
        pongs.write(word)
        pongs.suspend()
        pongs.system.device_sends(3)
    assert pongs.heard() == (list(range(AHEAD + 1)), [b"a", b"b"])
    pongs.system.takes = True
    pongs.suspend()
    pongs.system.device_sends(3)
    assert pongs.heard() == (list(range(AHEAD + 4)), [b"a", b"b"])


def test_without_the_flush_the_server_ends_it(pongs: Pongs) -> None:
    """The negative control."""
    pongs.suspend()
    pongs.stream.before_write = bytes
    pongs.write(b"up")
    with pytest.raises(ssl.SSLError, match="mac"):
        pongs.heard()


def test_with_more_than_half_of_them_left_no_new_ones_are_sealed(pongs: Pongs) -> None:
    pongs.suspend()
    first = pongs.system.payload
    pongs.system.device_sends(AHEAD // 2 - 1)
    pongs.suspend()
    assert pongs.system.payload is first
    pongs.system.device_sends(1)
    pongs.suspend()
    assert pongs.system.payload is not first
    pongs.system.device_sends(AHEAD)
    assert pongs.heard() == (list(range(AHEAD // 2 + AHEAD)), [])


def test_who_asks_before_the_device_was_asked_asks_again(pongs: Pongs) -> None:
    pongs.suspend()
    pongs.system.device_sends(1)
    pongs.system.busy = 3
    pongs.write(b"up")
    assert pongs.heard() == (list(range(AHEAD)), [b"up"])


def test_when_nobody_knows_what_was_sent_nothing_is_written_any_more(pongs: Pongs) -> None:
    pongs.suspend()
    pongs.system.device_sends(1)
    pongs.system.knows = False
    for _ in range(2):
        with pytest.raises(ConnectionAbortedError, match="nobody knows"):
            pongs.write(b"up")
    pongs.suspend()
    pongs.stream.say_goodbye()
    assert pongs.heard() == ([0], [])
    assert pongs.wire.recv(10) == b""


def test_a_goodbye_comes_behind_them(pongs: Pongs) -> None:
    pongs.suspend()
    pongs.stream.say_goodbye()
    assert pongs.heard() == (list(range(AHEAD)), [])
    assert pongs.server.ended


def test_masks_that_are_used_up_are_no_more_sealed(authority: Authority) -> None:
    pongs = Pongs(authority, masks=2)
    try:
        for _ in range(3):
            pongs.suspend()
            pongs.system.device_sends(AHEAD)
        assert pongs.heard() == ([0, 1], [])
        assert pongs.keep_alive.state.tokens_left == 0
        pongs.write(b"up")
        assert pongs.heard() == ([0, 1], [b"up"])
    finally:
        pongs.close()


def test_in_any_order_of_sleeps_wakes_and_words_the_server_finds_nothing_wrong(authority: Authority) -> None:
    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.pongs, self.words = Pongs(authority), list[bytes]()

        @rule()
        def suspend(self) -> None:
            self.pongs.suspend()

        @rule(count=st.integers(1, AHEAD + 1))
        def sleep(self, count: int) -> None:
            self.pongs.system.device_sends(count)

        @rule(word=st.text("abc", max_size=8), busy=st.integers(0, 1))
        def write(self, word: str, busy: int) -> None:
            self.pongs.system.busy = busy
            self.pongs.write(word.encode())
            self.pongs.system.busy = 0
            self.words.append(word.encode())

        @rule(data=st.binary(min_size=1, max_size=50))
        def push(self, data: bytes) -> None:
            assert self.pongs.push(data) == data

        @invariant()
        def in_order(self) -> None:
            counters, words = self.pongs.heard()
            assert counters == list(range(len(counters)))
            assert words == self.words

        def teardown(self) -> None:
            self.pongs.close()

    run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
