"""Channels with an HTTP client of System.Net.Http: what may be bound, the order of a send, one request under way."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.peers.http_handlers import answer, hold
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.suite.http_scene import POLL, HttpScene
from rig.suite.scene import QUIET_S


@pytest.mark.requirement("CHC-001")
@pytest.mark.host_alone
def test_only_a_request_of_the_factory_can_be_bound(http: HttpScene) -> None:
    http.client.call("construct", channel="inbox")
    raised = http.client.call("bind_what_is_no_request", channel="inbox", uri=http.web.url(POLL))
    assert raised == ["INVALID_ARG", "INVALID_ARG", ""]
    assert len(http.timeline.find("USING_TRANSPORT")) == 1


@pytest.mark.requirement("CHC-001")
@pytest.mark.host_alone
def test_the_bound_request_is_read_back_and_is_bound_before_it_is_sent(http: HttpScene) -> None:
    http.polling()
    assert http.client.call("is_bound", channel="inbox")
    assert http.client.call("bind_sent", channel="inbox") == "ILLEGAL_METHOD_CALL"
    assert http.client.call("send_again", channel="inbox") == "ILLEGAL_METHOD_CALL"
    assert len(http.web.requests()) == 1


@pytest.mark.requirement("CHC-002")
def test_a_send_goes_in_the_order_of_the_samples(http: HttpScene) -> None:
    http.polling()
    after = http.timeline.mark()
    http.client.call("send", channel="inbox")
    order = ["REQUEST_DISPOSE", "REQUEST_CREATE", "USING_TRANSPORT", "SEND", "SLOT_GRANT", "FUTURE_QUEUED"]
    records = [http.timeline.wait(event, after=after) for event in order]
    assert [record.seq for record in records] == sorted(record.seq for record in records)
    assert len(http.device.slots()) == 1


@pytest.mark.requirement("CHC-002")
@pytest.mark.host_alone
def test_properties_and_headers_of_the_client_go_with_the_request(http: HttpScene) -> None:
    http.client.call("use_header", name="X-Session", value="7")
    assert http.polling().header("x-session") == "7"


@pytest.mark.requirement("CHC-003")
def test_push_is_enabled_while_the_server_holds_its_response(http: HttpScene) -> None:
    request = http.polling()
    assert http.timeline.find("SLOT_GRANT", kind="hardware", channel="inbox")
    assert not request.answered
    asleep = http.sleep()
    http.assert_no_wake(asleep)
    http.answer(request, "news")


@pytest.mark.requirement("CHC-003")
def test_push_is_not_enabled_without_a_connection(http: HttpScene) -> None:
    """Nobody listens there: no slot, no context, no task."""
    http.web.close()
    assert http.set_up() is Status.TRANSPORT_DISCONNECTED
    assert http.device.slots() == ()
    assert not http.timeline.find("SLOT_GRANT")
    assert "refused" in http.timeline.wait("FUTURE_DONE").error


@pytest.mark.requirement("CHC-004")
def test_a_new_send_aborts_the_one_that_is_outstanding(http: HttpScene) -> None:
    first = http.polling()
    http.client.call("send", channel="inbox", dispose=False)
    second = http.web.request(1, path=POLL)
    first.connection.wait_closed()
    assert http.timeline.wait("FUTURE_DONE", channel="inbox").error == "cancelled"
    assert http.web.open_connections == [second.connection]
    assert len(http.device.slots()) == 1
    http.answer(second, "of the second")


@pytest.mark.requirement("CHC-004")
@pytest.mark.host_alone
def test_a_request_of_another_channel_is_not_aborted(http: HttpScene) -> None:
    first = http.polling()
    http.web.on("/other", hold)
    second = http.polling("/other", channel="news")
    assert http.web.open_connections == [first.connection, second.connection]
    http.answer(first, "still there")


@pytest.mark.requirement("CHC-009")
@pytest.mark.host_alone
def test_https_is_not_supported_on_a_channel_of_this_flavour(http: HttpScene) -> None:
    assert http.client.call("create", uri="https://192.0.2.20/") == "NOT_SUPPORTED"
    assert http.client.call("create", uri="http://192.0.2.20/") == ""


@pytest.mark.requirement("CHC-006")
def test_a_response_that_is_faster_than_the_set_up_runs_the_task_all_the_same(http: HttpScene) -> None:
    http.client.call("set_renew", renew=False)
    http.web.on("/fast", answer(b"at once"))
    for _ in range(5):
        after = http.timeline.mark()
        http.client.call("construct", channel="inbox")
        assert http.client.call("send", channel="inbox", uri=http.web.url("/fast")) == Status.HARDWARE_SLOT_ALLOCATED
        http.message("at once", after)
        http.client.call("close", channel="inbox")
    assert not http.timeline.find("USAGE_FAULT")


@pytest.mark.requirement("CHC-006")
def test_the_task_runs_before_the_future_is_done(http: HttpScene) -> None:
    request = http.polling()
    asleep = http.sleep()
    request.start(200, length=4)
    entered = http.timeline.wait("RUN_ENTER", kind="push", after=asleep)
    http.timeline.assert_none("RUN_EXIT", after=entered.seq, timeout_s=QUIET_S)
    request.chunk(b"news")
    request.end()
    assert http.timeline.wait("FUTURE_DONE", after=asleep).seq > entered.seq
    http.message("news", asleep)
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == 1


@pytest.mark.requirement("CHC-003", "CCT-020")
@pytest.mark.parametrize(
    "fails_connect",
    [
        pytest.param(fails, marks=pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, no_slot_fails_connect=fails)))
        for fails in (True, False)
    ],
)
def test_without_a_free_slot_the_status_is_a_policy_error(http: HttpScene, fails_connect: bool) -> None:
    """However the host says so to who connects: a request does that by itself."""
    first = http.polling()
    assert http.set_up(channel="news") is Status.POLICY_ERROR
    assert not http.timeline.find("SLOT_GRANT", channel="news")
    if fails_connect:
        assert "no free hardware slot" in http.timeline.wait("FUTURE_DONE", channel="news").error
        assert len(http.web.connections) == 1
    http.answer(first, "the first goes on")
