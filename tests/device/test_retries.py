"""When the same bytes are a repetition and when they are a new request, for clients that count as they like, on real firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cbor2
import pytest

from rig.clock import Deadline
from rig.device import framing, mcumgr
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, Fault, OffloadRc, Power, SlotState
from rig.device.offload import OffloadClient
from rig.device.raw_line import ANSWER_S, RawLine
from rig.device.smp_header import HEADER, message
from rig.device.tcp_slot import SlotRef
from tests.engine.engine_lib import HOST_MAC
from tests.engine.packets import tcp
from tests.engine.test_group import SLOT

from .kinds import KINDS
from .wires import Wire, wired


class RawClient(RawLine):
    """One request at a time, under the number that the test says, sent once."""

    def send(self, seq: int, op: int, command: int, body: Mapping[str, Any], group: int = GROUP_OFFLOAD) -> None:
        self.put(message(op, group, seq, command, body))

    def answer(self, seq: int) -> dict[str, Any]:
        """The next reply; it has this number."""
        reply = self.get()
        assert HEADER.unpack_from(reply)[4] == seq
        return cbor2.loads(reply[HEADER.size :])  # type: ignore[no-any-return]

    def write(self, seq: int, command: Command, body: Mapping[str, Any]) -> dict[str, Any]:
        self.send(seq, WRITE, command, body)
        return self.answer(seq)

    def read(self, seq: int, command: Command = Command.STATUS) -> dict[str, Any]:
        self.send(seq, READ, command, {})
        return self.answer(seq)

    def pause(self, seq: int) -> dict[str, Any]:
        return self.write(seq, Command.PAUSE_TCP_SLOT, HANDLE)

    def resume(self, seq: int) -> dict[str, Any]:
        return self.write(seq, Command.RESUME_TCP_SLOT, HANDLE)

    def paused(self, seq: int) -> bool:
        return [row[2] for row in self.read(seq, Command.LIST_TCP_SLOTS)["slots"]] == [SlotState.PAUSED]

    def prepare(self, seq: int) -> int:
        """The epoch to commit with. Uses two numbers."""
        epoch = self.read(seq)["epoch"]
        body = {"arm": 7, "mac": HOST_MAC, "epoch": epoch, "target": 3, "wake_timer_ms": 0}
        return int(self.write(seq + 1, Command.PREPARE, body)["epoch"])


HANDLE: dict[str, int] = {}
"""Of the one slot."""


@pytest.fixture(params=KINDS)
def with_a_slot(request: pytest.FixtureRequest) -> Iterator[tuple[str, Wire]]:
    """A device's port, which is free, and its wire."""
    with wired(request.param) as (device, wire):
        with Link(device.port) as link:
            mcumgr.wait_ready(link)
            client = OffloadClient(link)
            client.attach(1)
            ref = client.add_tcp_slot(SLOT)
        HANDLE.update(gen=ref.gen, slot=ref.slot)
        yield device.port, wire


@pytest.fixture
def bench(with_a_slot: tuple[str, Wire]) -> Iterator[tuple[RawClient, Wire]]:
    port, wire = with_a_slot
    raw = RawClient(port)
    yield raw, wire
    raw.close()


@pytest.fixture
def raw(bench: tuple[RawClient, Wire]) -> RawClient:
    return bench[0]


def test_a_number_that_comes_round_again_is_a_new_request(raw: RawClient) -> None:
    """A client that just counts: pause, resume, 254 reads, and the very same pause."""
    assert raw.pause(7) == {}
    assert raw.resume(8) == {}
    for seq in range(9, 9 + 254):
        raw.read(seq & 0xFF)
    assert raw.pause(7) == {}
    assert raw.paused(8)


def test_a_release_256_requests_after_the_last_one_releases(raw: RawClient) -> None:
    for _ in range(2):
        epoch = raw.prepare(10)
        raw.write(12, Command.COMMIT, {"epoch": epoch})
        raw.write(13, Command.HOST_AWAKE, {"epoch": epoch + 1})
        assert raw.write(14, Command.RELEASE, {})["epoch"] == epoch + 3
        assert raw.read(15)["power"] == Power.D0
        for seq in range(16, 256 + 10):
            raw.read(seq & 0xFF)


def test_a_number_that_carries_another_request_is_in_new_use(raw: RawClient) -> None:
    """A client that does not count at all, or begins anew."""
    for _ in range(3):
        assert raw.pause(7) == {}
        assert raw.paused(7)
        assert raw.resume(7) == {}
        assert not raw.paused(7)


def test_what_another_client_sends_is_no_repetition(raw: RawClient) -> None:
    """Its numbers begin where they like: at the one, by chance, that the client before it used for the very same."""
    for client in (1, 2**32 - 1, 0):
        raw.send(6, READ, Command.HELLO, {"client": client})
        assert "boot_id" in raw.answer(6)
        assert raw.pause(7) == {}
        assert raw.resume(8) == {}


def test_a_link_that_counts_as_the_one_before_it_repeats_nothing(
    with_a_slot: tuple[str, Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, _ = with_a_slot
    monkeypatch.setattr("rig.device.link.random.randrange", lambda stop: 6)
    for _ in range(2):
        with Link(port) as link:
            client = OffloadClient(link)
            client.hello()
            client.pause_tcp_slot(SlotRef(**HANDLE))
            assert [slot.state for slot in client.slots()] == [SlotState.PAUSED]
            client.resume_tcp_slot(SlotRef(**HANDLE))


def test_a_client_that_says_again_who_it_is_repeats(raw: RawClient) -> None:
    """With its number or without: a program asks hello whenever it wants to know whether the device restarted."""
    hellos: list[dict[str, int]] = [{"client": 5}, {"client": 5}, {}, {"client": 5}]
    for body in hellos:
        raw.send(6, READ, Command.HELLO, body)
        raw.answer(6)
        assert raw.pause(7) == {}
    assert raw.resume(8) == {}


def test_a_guest_on_the_line_lets_the_other_repeat(with_a_slot: tuple[str, Wire]) -> None:
    """A test asks who answers while the host's driver, on the same line, waits for a reply that was lost."""
    with Link(with_a_slot[0]) as link:
        client, guest = OffloadClient(link), OffloadClient(link, guest=True)
        client.hello()
        client.fault_inject(Fault.DROP_REPLY, 1)
        pause = link.submit(WRITE, GROUP_OFFLOAD, Command.PAUSE_TCP_SLOT, HANDLE)
        guest.hello()
        assert pause.result() == {}, "not BAD_STATE, as of a second pause"


@pytest.mark.parametrize("body", [{"client": -1}, {"client": 2**32}, {"client": "5"}, {"name": 5}])
def test_a_hello_that_is_none_is_refused(raw: RawClient, body: dict[str, Any]) -> None:
    assert raw.pause(7) == {}
    raw.send(6, READ, Command.HELLO, body)
    assert raw.answer(6)["err"]["rc"] == OffloadRc.BAD_ARG
    assert raw.pause(7) == {}, "and is nobody's first word"


@pytest.mark.parametrize("between", [0, 1, 100])
def test_a_repetition_gets_the_first_answer_whatever_came_between(raw: RawClient, between: int) -> None:
    assert raw.pause(7) == {}
    for seq in range(8, 8 + between):
        raw.read(seq)
    assert raw.pause(7) == {}
    assert raw.pause(200)["err"]["rc"] == OffloadRc.BAD_STATE, "what it would be, carried out"


def test_a_repetition_comes_when_other_writes_have_long_been_answered(raw: RawClient) -> None:
    """As with requests of many threads."""
    assert raw.pause(7) == {}
    for seq in range(8, 14, 2):
        assert raw.resume(seq) == {}
        assert raw.pause(seq + 1) == {}
    assert raw.pause(7) == {}


@pytest.mark.edge(99)
def test_a_release_of_all_slots_is_repeated_word_for_word(raw: RawClient) -> None:
    full = {"snd_una": 2**32 - 1, "snd_nxt": 2**32 - 1, "owner": 0xFFFF, "tsval": 2**32 - 1}
    for n in range(1, 16):
        raw.write(100 + n, Command.ADD_TCP_SLOT, {**SLOT.wire(), **full, "local_port": SLOT.local_port + n})
    epoch = raw.prepare(120)
    raw.write(122, Command.COMMIT, {"epoch": epoch})
    raw.write(123, Command.HOST_AWAKE, {"epoch": epoch + 1})
    first = raw.write(124, Command.RELEASE, {})
    assert len(first["slots"]) == 16
    raw.write(125, Command.CLEAR_COUNTERS, {})
    assert raw.write(124, Command.RELEASE, {}) == first


@pytest.mark.edge(99)
def test_a_commit_that_found_a_waking_frame_says_so_again(bench: tuple[RawClient, Wire]) -> None:
    """It is refused and has changed the state: BAD_STATE would tell the host something else."""
    raw, wire = bench
    epoch = raw.prepare(1)
    wire.send(tcp("PA", payload=b"wake up"))
    deadline = Deadline(ANSWER_S)
    while raw.read(3)["buffered"] == 0:
        assert not deadline.expired
    raw.write(4, Command.FAULT_INJECT, {"n": 1, "kind": Fault.DROP_REPLY, "delay_ms": 0})
    raw.send(5, WRITE, Command.COMMIT, {"epoch": epoch})  # its answer is lost
    answer = raw.write(5, Command.COMMIT, {"epoch": epoch})
    assert answer["err"]["rc"] == OffloadRc.WAKE_PENDING
    assert raw.read(6)["power"] == Power.AWAKE


def test_a_refusal_is_not_kept(raw: RawClient) -> None:
    """Nothing was changed, so what is asked again is looked at again."""
    assert raw.resume(7)["err"]["rc"] == OffloadRc.BAD_STATE
    assert raw.pause(8) == {}
    assert raw.resume(7) == {}
    assert not raw.paused(9)


def test_a_command_of_another_group_is_not_looked_up(raw: RawClient) -> None:
    assert raw.pause(7) == {}
    raw.send(7, WRITE, Command.PAUSE_TCP_SLOT, HANDLE, group=0)
    assert raw.answer(7)["rc"] != 0


DELAY_MS = 1000


def test_a_delayed_reply_lets_others_pass(raw: RawClient) -> None:
    before_us = raw.read(0, Command.HELLO)["now_us"]
    raw.write(1, Command.FAULT_INJECT, {"n": 1, "kind": Fault.DELAY_REPLY, "delay_ms": DELAY_MS})
    both = [message(READ, GROUP_OFFLOAD, seq, Command.STATUS, {}) for seq in (2, 3)]
    raw.put_bytes(b"".join(map(framing.encode, both)))  # at once: who sends the second late finds the first answered
    assert raw.answer(3)["power"] == Power.D0
    assert raw.answer(2)["power"] == Power.D0
    assert raw.read(4, Command.HELLO)["now_us"] - before_us > DELAY_MS * 1000


def test_a_reply_too_long_to_be_delayed_comes_when_it_is_asked_for_again(raw: RawClient) -> None:
    raw.write(1, Command.FAULT_INJECT, {"n": 1, "kind": Fault.DELAY_REPLY, "delay_ms": DELAY_MS})
    raw.send(2, READ, Command.COUNTERS, {})
    raw.read(3)
    assert "rx_total" in raw.read(2, Command.COUNTERS)
