"""What is cut off goes on: paused by the app, by the network, by what it costs; and never a file of two halves."""

from __future__ import annotations

import hashlib

import pytest

from rig.standby.api import HResult
from rig.suite.refusal import assert_refused
from rig.suite.transfer_scene import HALF, SIZE, TransferScene, data_of

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]


# -- by the network ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BTR-007")
def test_without_a_network_it_waits_and_then_goes_on(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    down = transfers.timeline.mark()
    transfers.host.levers.link(False)
    transfers.told("episode", "PAUSED_NO_NETWORK", after=down)
    up = transfers.timeline.mark()
    transfers.host.levers.link(True)
    transfers.told("episode", "RUNNING", after=up)
    transfers.over("episode")
    assert hashlib.sha256(transfers.file("episode").read_bytes()).digest() == hashlib.sha256(data_of()).digest()
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"


@pytest.mark.requirement("BTR-007")
def test_the_internet_is_lost_behind_the_link(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    first = transfers.request("episode")
    transfers.host.levers.set(internet=False)
    transfers.told("episode", "PAUSED_NO_NETWORK")
    first.connection.wait_closed()
    transfers.host.levers.set(internet=True)
    transfers.over("episode")
    transfers.whole("episode")


@pytest.mark.requirement("BTR-007", "BTR-008")
def test_another_lever_changes_nothing(transfers: TransferScene) -> None:
    """The negative control: neither the network nor its price."""
    episode = transfers.halfway("episode")
    transfers.told("episode", "RUNNING")
    before = transfers.timeline.mark()
    transfers.host.levers.set(battery_percent=40)
    transfers.host.levers.set(cost="fixed")
    episode.go_on()
    over = transfers.over("episode")
    told = [record.status for record in transfers.timeline.find("transfer-told") if before <= record.seq <= over.seq]
    assert set(told) <= {"COMPLETED"}, "a price minds those alone whose policy says so"
    assert len(transfers.web.requests()) == 1


# -- by what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BTR-008")
def test_a_network_that_costs_too_much_is_waited_out(transfers: TransferScene) -> None:
    transfers.halfway("episode", cost_policy="UNRESTRICTED_ONLY")
    first = transfers.request("episode")
    transfers.told("episode", "RUNNING")
    dear = transfers.timeline.mark()
    transfers.host.levers.set(cost="fixed")
    transfers.told("episode", "PAUSED_COSTED_NETWORK", after=dear)
    first.connection.wait_closed()
    cheap = transfers.timeline.mark()
    transfers.host.levers.set(cost="unrestricted")
    transfers.told("episode", "RUNNING", after=cheap)
    transfers.over("episode")
    transfers.whole("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"


@pytest.mark.requirement("BTR-008")
@pytest.mark.levers(cost="fixed")
def test_one_that_may_pay_is_let_go_on(transfers: TransferScene) -> None:
    transfers.serve("episode")
    transfers.fetch("episode", cost_policy="UNRESTRICTED_ONLY")
    transfers.told("episode", "PAUSED_COSTED_NETWORK")
    assert not transfers.web.requests()
    transfers.app.call("set", name="episode", cost_policy="ALWAYS")
    transfers.over("episode")


# -- by the app --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BTR-018")
def test_pause_drops_the_request_and_keeps_what_has_come(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    first = transfers.request("episode")
    transfers.app.call("pause", name="episode")
    transfers.told("episode", "PAUSED_BY_APPLICATION")
    first.connection.wait_closed()
    assert transfers.part("episode").stat().st_size == HALF
    assert len(transfers.web.requests()) == 1
    transfers.app.call("resume", name="episode")
    transfers.over("episode")
    transfers.whole("episode")


@pytest.mark.requirement("BTR-018")
@pytest.mark.parametrize("when", ["not started", "paused", "over", "a POST"])
def test_what_does_not_run_is_not_paused(transfers: TransferScene, when: str) -> None:
    transfers.serve("episode")
    if when == "not started":
        transfers.fetch("episode", start=False)
    elif when == "a POST":
        transfers.halfway("episode", verb="POST")
    else:
        episode = transfers.halfway("episode")
        if when == "paused":
            transfers.app.call("pause", name="episode")
            transfers.told("episode", "PAUSED_BY_APPLICATION")
        else:
            episode.go_on()
            transfers.over("episode")
            transfers.timeline.wait("TRANSFER_FORGOTTEN")
    wanted = HResult.ELEMENT_NOT_FOUND if when == "over" else HResult.ILLEGAL_METHOD_CALL
    assert_refused(transfers.app, wanted, "pause", name="episode")


@pytest.mark.requirement("BTR-018")
def test_only_what_the_app_has_paused_is_resumed(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    transfers.told("episode", "RUNNING")
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "resume", name="episode")
    transfers.host.levers.set(internet=False)
    transfers.told("episode", "PAUSED_NO_NETWORK")
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "resume", name="episode")


# -- how it goes on ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BTR-019")
def test_a_range_is_asked_for_on_condition_that_it_is_the_same_file(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    pause_and_resume(transfers)
    transfers.over("episode")
    transfers.whole("episode")
    second = transfers.request("episode", 1)
    assert (second.header("Range"), second.header("If-Range"), second.status) == (f"bytes={HALF}-", '"1"', 206)
    assert not transfers.timeline.find("transfer-told", restarted=True)


@pytest.mark.requirement("BTR-019")
def test_a_server_without_ranges_begins_anew(transfers: TransferScene) -> None:
    """So does the count of bytes; the flag says why, and of one restart there is one attempt that has it."""
    episode = transfers.serve("episode", stops_at=HALF, ranges=False)
    transfers.fetch("episode")
    transfers.wait_part("episode", HALF)
    episode.stops_at = 1000
    pause_and_resume(transfers)
    transfers.timeline.wait("transfer-told", name="episode", restarted=True)
    transfers.wait_for(lambda: transfers.app.call("state", name="episode")["received"], 1000)
    episode.go_on()
    transfers.over("episode")
    assert transfers.app.call("state", name="episode")["received"] == SIZE
    transfers.whole("episode")


@pytest.mark.requirement("BTR-019")
@pytest.mark.parametrize("changed", ["etag", "etag and length", "no etag"])
def test_a_file_that_has_changed_meanwhile_is_never_mixed(transfers: TransferScene, changed: str) -> None:
    transfers.halfway("episode")
    other = data_of(SIZE + 7 if "length" in changed else SIZE, seed=2)
    transfers.app.call("pause", name="episode")
    transfers.told("episode", "PAUSED_BY_APPLICATION")
    transfers.serve("episode", other, etag="" if changed == "no etag" else '"2"')
    transfers.app.call("resume", name="episode")
    transfers.over("episode")
    transfers.whole("episode", other)


@pytest.mark.requirement("BTR-019")
def test_another_address_while_it_is_paused(transfers: TransferScene) -> None:
    """The same file elsewhere: its range, if its validator is the same."""
    transfers.halfway("episode")
    transfers.told("episode", "RUNNING")
    moved = transfers.web.url("/moved")
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "set", name="episode", requested_uri=moved)
    transfers.app.call("pause", name="episode")
    transfers.told("episode", "PAUSED_BY_APPLICATION")
    transfers.serve("moved")
    transfers.app.call("set", name="episode", requested_uri=moved)
    transfers.app.call("resume", name="episode")
    transfers.over("episode")
    transfers.whole("episode")
    assert len(transfers.web.requests("/moved")) == 1


def pause_and_resume(transfers: TransferScene) -> None:
    transfers.app.call("pause", name="episode")
    transfers.told("episode", "PAUSED_BY_APPLICATION")
    transfers.app.call("resume", name="episode")
