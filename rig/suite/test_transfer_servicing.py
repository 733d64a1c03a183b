"""What becomes of an app's transfers when it is uninstalled, deployed anew, or updated."""

from __future__ import annotations

import pytest

from rig.manifest.manifest import Manifest
from rig.suite.scene import QUIET_S
from rig.suite.transfer_scene import APP, HALF, TRANSFER_APP, TransferScene

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]


def manifest(version: str = "1.0.0.0") -> Manifest:
    return Manifest(name=APP, version=version, entry=TRANSFER_APP)


def assert_no_request(transfers: TransferScene, after: int) -> None:
    """None has come, and none does in a while."""
    transfers.timeline.assert_none("HTTP_REQUEST", after=after, timeout_s=QUIET_S)


@pytest.mark.requirement("BTR-030")
def test_with_the_app_its_transfers_go_and_no_byte_of_them_flows(transfers: TransferScene) -> None:
    transfers.host.install(manifest())
    transfers.app = transfers.host.launch(APP)
    running, waiting = transfers.halfway("running"), transfers.serve("waiting")
    transfers.fetch("waiting", start=False)
    other = transfers.host.start_app("other", TRANSFER_APP)
    theirs = transfers.serve("theirs", stops_at=HALF)
    other.call("download", uri=transfers.web.url("/theirs"), path=str(transfers.file("theirs")))
    transfers.wait_part("theirs", HALF)
    transfers.host.uninstall(APP)
    transfers.request("running").connection.wait_closed()
    after = transfers.timeline.mark()
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=2)
    for file in (running, waiting, theirs):
        file.go_on()
    transfers.host.install(manifest())
    transfers.app = transfers.host.launch(APP)
    assert transfers.app.call("listed") == {}
    assert transfers.app.call("attach") == []
    assert_no_request(transfers, after)
    assert not transfers.part("running").exists()
    assert not transfers.part("waiting").exists()
    transfers.over("theirs")
    transfers.whole("theirs")


@pytest.mark.requirement("BTR-030")
def test_an_update_keeps_them(transfers: TransferScene) -> None:
    """The negative control: it is the same deployment, and a process of it attaches."""
    transfers.host.install(manifest())
    transfers.app = transfers.host.launch(APP)
    episode = transfers.halfway("episode")
    transfers.host.update(APP, manifest("2.0.0.0"))
    transfers.request("episode").connection.wait_closed()
    episode.go_on()
    transfers.app = transfers.host.launch(APP)
    assert transfers.app.call("attach") == ["episode"]
    transfers.over("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"
    transfers.whole("episode")
