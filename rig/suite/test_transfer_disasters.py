"""What dies while bytes flow: the system, the process of transfers, the machine. What was told to be whole is whole, and the rest
goes on where it was."""

from __future__ import annotations

import os
import signal

import pytest

from rig.peers import http_handlers as handlers
from rig.suite.transfer_scene import HALF, TransferScene, data_of

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]


@pytest.mark.requirement("BTR-001")
def test_the_death_of_the_system_cuts_nothing_off(transfers: TransferScene) -> None:
    """The bytes are another process' business, and the app's futures hear of them from the next system."""
    episode = transfers.halfway("episode")
    transfers.told("episode", "RUNNING")
    before = transfers.timeline.mark()
    os.kill(transfers.host.pid, signal.SIGKILL)
    transfers.timeline.wait("SYSTEM_STARTED", after=before)
    episode.go_on()
    transfers.over("episode")
    transfers.whole("episode")
    assert len(transfers.web.requests()) == 1, "it is the same request"
    transfers.serve("next")
    transfers.fetch("next")
    transfers.over("next")
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=2)
    assert transfers.app.call("listed") == {}


@pytest.mark.requirement("BTR-019")
def test_the_death_of_the_process_of_transfers_costs_a_request(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    process = transfers.host.transfers_pid
    os.kill(process, signal.SIGKILL)
    transfers.over("episode")
    transfers.whole("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"
    assert transfers.host.transfers_pid not in (0, process)


@pytest.mark.requirement("BTR-020")
@pytest.mark.parametrize(("verb", "outcome"), [("PUT", "COMPLETED"), ("POST", "CONNECTION_ABORTED")])
def test_an_upload_that_dies_with_its_process(transfers: TransferScene, verb: str, outcome: str) -> None:
    """Begun again, or ended: whether the server has made something of it nobody knows."""
    transfers.web.on("/inbox", handlers.in_turn(handlers.hold, handlers.answer(b"thanks")))
    guid = transfers.app.call("upload", uri=transfers.web.url("/inbox"), path=transfers.source("diary"), verb=verb)
    transfers.status(guid, "RUNNING")
    transfers.wait_for(lambda: transfers.request("inbox").body, data_of())
    os.kill(transfers.host.transfers_pid, signal.SIGKILL)
    transfers.over("diary", outcome)
    assert len(transfers.web.requests()) == (2 if verb == "PUT" else 1)


@pytest.mark.requirement("BTR-002")
def test_after_a_restart_of_the_machine_it_goes_on(transfers: TransferScene) -> None:
    transfers.halfway("episode")
    transfers.host.restart()
    transfers.app = transfers.launch()
    assert transfers.app.call("listed")["episode"]["received"] == HALF, "bytes that had come before the restart"
    assert transfers.app.call("attach") == ["episode"]
    transfers.over("episode")
    transfers.whole("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"


@pytest.mark.requirement("BTR-019")
def test_what_was_told_to_be_whole_outlives_all_of_them(transfers: TransferScene) -> None:
    """The negative control: nothing of it is asked for again."""
    transfers.serve("episode")
    transfers.fetch("episode")
    transfers.over("episode")
    before = transfers.timeline.mark()
    for pid in (transfers.host.transfers_pid, transfers.host.pid):
        os.kill(pid, signal.SIGKILL)
    transfers.timeline.wait("SYSTEM_STARTED", after=before)
    transfers.whole("episode")
    assert transfers.app.call("listed") == {}
    assert len(transfers.web.requests()) == 1
