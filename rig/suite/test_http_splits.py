"""Responses over sleeps: cut at every byte, ended at every byte, given up at every byte, renewed while they arrive."""

from __future__ import annotations

import random
import time

import pytest

from rig.peers.http_handlers import hold
from rig.suite.http_scene import POLL, HttpScene

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nne\r\n2\r\nws\r\n0\r\n\r\n"
HEAD_BYTES = RESPONSE.index(b"news")
CYCLES = 100
MOMENTS = 50
SPREAD_S = 0.05
"""From the end of a task on: the linger time, the next entry, and a moment of sleep."""


def wait_asleep(http: HttpScene, after: int) -> None:
    http.timeline.wait("GATE_CLOSED", after=after)


@pytest.mark.requirement("CHC-006", "CHC-007")
@pytest.mark.parametrize("response", [RESPONSE, CHUNKED], ids=["length", "chunked"])
def test_each_byte_of_a_response_wakes_and_only_its_head_runs_the_task(http: HttpScene, response: bytes) -> None:
    """The host sleeps between any two bytes of the head; with the head the task runs, and keeps it awake for the rest."""
    http.client.call("set_renew", renew=False)
    request = http.polling()
    begun = http.sleep()
    head = response.index(b"\r\n\r\n") + 4
    for at in range(head - 1):
        after = http.timeline.mark()
        request.raw(response[at : at + 1])
        http.timeline.wait("NIC_WAKE", after=after)
        wait_asleep(http, after)
    assert not http.timeline.find("RUN_ENTER", after=begun)
    for at in range(head - 1, len(response)):
        request.raw(response[at : at + 1])
        http.timeline.wait("RUN_ENTER", kind="push", after=begun)
    http.message("news", begun)
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == 1
    assert len(http.timeline.find("NIC_WAKE", after=begun)) == head


@pytest.mark.requirement("CHC-006", "CHC-008")
@pytest.mark.parametrize("how", ["finish", "reset"])
def test_the_server_leaves_at_any_byte_and_the_app_asks_again(http: HttpScene, how: str) -> None:
    """Asleep. A task a response, whatever it is worth; the slot stays the channel's."""
    http.polling()
    http.sleep()
    cuts = range(0, len(RESPONSE), 3)
    for number, cut in enumerate(cuts):
        request, after = http.web.request(number, path=POLL), http.timeline.mark()
        if cut:
            request.raw(RESPONSE[:cut])
        getattr(request, how)()
        wait_asleep(http, http.message(None, after).seq)
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == len(cuts)
    assert not http.timeline.find("USAGE_FAULT")
    http.host.exit_standby()
    assert len(http.device.slots()) == 1


@pytest.mark.requirement("CHC-004")
@pytest.mark.host_alone
def test_a_request_is_given_up_at_any_byte_of_its_response(http: HttpScene) -> None:
    """Its future is done once, no task runs for it, the next one is of full use."""
    request = http.polling()
    for cut in range(0, HEAD_BYTES, 4):
        if cut:
            request.raw(RESPONSE[:cut])
        http.client.call("send", channel="inbox")
        request = http.web.request(cut // 4 + 1, path=POLL)
    assert not http.timeline.find("RUN_ENTER")
    http.answer(request, "of the last")
    done = [record.socket for record in http.timeline.find("FUTURE_DONE")]
    assert len(done) == len(set(done))


@pytest.mark.requirement("CHC-005")
@pytest.mark.parametrize("cut", [0, 9, HEAD_BYTES - 1, HEAD_BYTES, len(RESPONSE) - 1])
def test_a_keep_alive_task_that_runs_while_a_response_arrives_renews_it(http: HttpScene, cut: int) -> None:
    """Whatever is there of the response; the push task that waits for the rest gets nothing, and goes on."""
    request = http.polling(minutes=15)
    http.client.call("set_renew", renew=False)
    after = http.timeline.mark()
    if cut:
        request.raw(RESPONSE[:cut])
    http.timeline.wait("renewed", after=after)
    request.connection.wait_closed()
    assert http.web.request(1, path=POLL) is not request
    assert len(http.device.slots()) == 1
    assert not [record for record in http.timeline.find("RUN_EXIT", after=after) if record.fault]


@pytest.mark.requirement("CHC-002", "CHC-004")
def test_a_hundred_long_polls_hold_one_slot(http: HttpScene) -> None:
    http.polling()
    http.sleep()
    for number in range(CYCLES):
        after = http.timeline.mark()
        http.web.request(number, path=POLL).respond(200, f"news {number}".encode())
        http.message(f"news {number}", after)
    assert len(http.timeline.find("CTOR")) == 1
    assert len(http.timeline.find("USING_TRANSPORT")) == CYCLES + 1
    assert len(http.timeline.find("SLOT_REQUEST")) == 1
    assert not http.timeline.find("SLOT_FREE")
    http.web.request(CYCLES, path=POLL)
    http.host.exit_standby()
    assert len(http.device.slots()) == 1
    http.wait_for(lambda: len(http.web.open_connections), 1)
    assert http.client.call("messages") == [f"news {number}" for number in range(CYCLES)]


@pytest.mark.requirement("CHC-004", "CHC-006")
def test_two_channels_are_answered_at_any_moment_of_falling_asleep(http: HttpScene) -> None:
    """Together, or one while the task of the other runs: each response has its task, and each channel its slot."""
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    channels = {"inbox": "/inbox", "news": "/news"}
    for channel, path in channels.items():
        http.web.on(path, hold)
        http.polling(path, channel=channel)
    http.sleep()
    for number in range(MOMENTS):
        after = http.timeline.mark()
        for channel, path in channels.items():
            time.sleep(moments.uniform(0, SPREAD_S) * moments.randrange(2))
            http.web.request(number, path=path).respond(200, f"{channel} {number}".encode())
        for channel in channels:
            http.message(f"{channel} {number}", after, channel)
    for path in channels.values():
        http.web.request(MOMENTS, path=path)
    http.host.exit_standby()
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == 2 * MOMENTS, f"seed {seed}"
    assert len(http.device.slots()) == 2
    http.wait_for(lambda: len(http.web.open_connections), 2)
    assert not [record for record in http.timeline.find("RUN_EXIT") if record.fault]
