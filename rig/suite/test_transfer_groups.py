"""Groups of transfers: side by side, or one after another, and who is first."""

from __future__ import annotations

from typing import Any

import pytest

from rig.peers import http_handlers as handlers
from rig.standby.api import HResult
from rig.suite.refusal import assert_refused
from rig.suite.transfer_scene import TRANSFER_APP, TransferScene

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]

NAMES = ["one", "two", "three", "four"]


def held(transfers: TransferScene, names: list[str], **how: Any) -> None:
    """Downloads whose server answers when the test says so."""
    for name in names:
        transfers.web.on(f"/{name}", handlers.hold)
        transfers.fetch(name, **how)


def order(transfers: TransferScene) -> list[str]:
    """In which the server is asked, one answer after another."""
    asked = []
    for number in range(len(transfers.timeline.find("TRANSFER_CREATED"))):
        request = transfers.web.request(number)
        assert len(transfers.web.requests()) == number + 1, "one at a time"
        asked.append(request.path[1:])
        request.respond(200, b"x")
        transfers.over(asked[-1])
    return asked


@pytest.mark.requirement("BTR-023")
def test_a_serial_group_runs_one_at_a_time(transfers: TransferScene) -> None:
    held(transfers, NAMES, group="news", serial=True)
    assert order(transfers) == NAMES


@pytest.mark.requirement("BTR-023")
def test_a_parallel_group_runs_all_together(transfers: TransferScene) -> None:
    held(transfers, NAMES, group="news")
    transfers.web.request(len(NAMES) - 1)
    assert not any(request.answered for request in transfers.web.requests()), "all at once"
    for request in transfers.web.requests():
        request.respond(200, b"x")
    for name in NAMES:
        transfers.over(name)


@pytest.mark.requirement("BTR-023")
def test_serial_groups_do_not_wait_for_each_other(transfers: TransferScene) -> None:
    held(transfers, ["one", "two"], group="news", serial=True)
    held(transfers, ["three", "four"], group="music", serial=True)
    held(transfers, ["five"])
    asked = {transfers.web.request(number).path for number in range(3)}
    assert asked == {"/one", "/three", "/five"}
    assert len(transfers.web.requests()) == 3


@pytest.mark.requirement("BTR-023")
def test_high_before_default_before_low(transfers: TransferScene) -> None:
    how: dict[str, Any] = {"group": "news", "serial": True, "start": False}
    for name, priority in [("first", ""), ("low", "LOW"), ("default", ""), ("high", "HIGH")]:
        held(transfers, [name], priority=priority, **how)
    transfers.app.call("start_all", names=["first", "low", "default", "high"])
    assert order(transfers) == ["first", "high", "default", "low"]


@pytest.mark.requirement("BTR-023")
def test_a_priority_that_changes_while_it_waits(transfers: TransferScene) -> None:
    """The negative control of the order: without it the older one is first."""
    held(transfers, ["first", "older", "newer"], group="news", serial=True)
    transfers.web.request(0)
    transfers.app.call("set", name="newer", priority="HIGH")
    assert order(transfers) == ["first", "newer", "older"]


@pytest.mark.requirement("BTR-023")
def test_the_next_process_goes_on_with_the_same_group(transfers: TransferScene) -> None:
    assert transfers.app.call("one_group", name="news")
    held(transfers, ["one", "two"], group="news", serial=True)
    transfers.fetch("alone", start=False)
    transfers.web.request(0)
    transfers.relaunch()
    assert transfers.app.call("of_group", name="news") == ["one", "two"]
    transfers.web.on("/one", handlers.answer(b"x"))
    transfers.web.on("/two", handlers.answer(b"x"))
    transfers.app.call("attach")
    for name in ("one", "two"):
        transfers.over(name)
    answered = transfers.timeline.find("HTTP_RESPONSE")
    assert [transfers.web.requests()[record.request].path for record in answered] == ["/one", "/two"]


@pytest.mark.requirement("BTR-023")
def test_fifty_groups_and_not_one_more(transfers: TransferScene) -> None:
    for number in range(50):
        transfers.fetch(f"episode-{number}", group=f"group-{number}", start=False)
    where: dict[str, Any] = {"uri": transfers.web.url("/x"), "path": str(transfers.file("x")), "start": False}
    assert_refused(transfers.app, HResult.OUT_OF_MEMORY, "download", group="group-50", **where)
    transfers.app.call("download", group="group-49", **where)
    assert len(transfers.app.call("listed")) == 51, "one more of a group that is there"


@pytest.mark.requirement("BTR-023")
def test_a_serial_group_of_that_name_is_each_apps_own(transfers: TransferScene) -> None:
    """One of another app's does not wait for it: only its own do."""
    held(transfers, ["one", "two"], group="news", serial=True)
    transfers.web.request(0)
    other = transfers.host.start_app("other", TRANSFER_APP)
    transfers.web.on("/theirs", handlers.hold)
    path = str(transfers.file("theirs"))
    other.call("download", uri=transfers.web.url("/theirs"), path=path, group="news", serial=True)
    transfers.request("theirs").respond(200, b"x")
    transfers.over("theirs")
    assert [request.path for request in transfers.web.requests()] == ["/one", "/theirs"]
