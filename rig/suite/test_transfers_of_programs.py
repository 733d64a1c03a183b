"""Transfers of servers that are nobody's script: nginx and vsftpd, over a slow cable, cut off in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rig.suite.programs import started
from rig.suite.transfer_scene import TransferScene, data_of

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]

LARGE = 3_000_000
"""Bytes: half a minute of SLOW."""
SLOW_KBIT = 800
SOME = 30_000
"""Bytes that come before it is cut off."""
DATA = data_of(LARGE)


@contextmanager
def cut_off(transfers: TransferScene, uri: str) -> Iterator[Callable[[], int]]:
    """A download that was paused when SOME of it had come, over a slow cable; behind the block it goes on over a fast one."""
    with transfers.bench.wire.shaped(rate_kbit=SLOW_KBIT):
        guid = transfers.fetch("episode", uri=uri)
        transfers.wait_part("episode", SOME)
        transfers.app.call("pause", name="episode")
        transfers.told("episode", "PAUSED_BY_APPLICATION")
        transfers.status(guid, "PAUSED_BY_APPLICATION")
    yield lambda: transfers.part("episode").stat().st_size
    transfers.app.call("resume", name="episode")
    transfers.over("episode")
    transfers.whole("episode", DATA)


@pytest.mark.requirement("BTR-018", "BTR-019")
def test_nginx_goes_on_where_it_was_cut_off(transfers: TransferScene) -> None:
    with started(transfers.bench.peers.nginx) as nginx:
        nginx.publish("/episode", DATA)
        with cut_off(transfers, nginx.url("/episode")) as come:
            there = come()
            assert SOME <= there < LARGE
        again = nginx.wait_request("/episode", 2)
        assert (again.status, again.bytes) == (206, LARGE - there)


@pytest.mark.requirement("BTR-019")
def test_of_nginx_a_file_that_was_replaced_comes_whole(transfers: TransferScene) -> None:
    """The negative control: its validator is another one."""
    with started(transfers.bench.peers.nginx) as nginx:
        nginx.publish("/episode", bytes(LARGE + 1))
        with cut_off(transfers, nginx.url("/episode")):
            nginx.publish("/episode", DATA)
        again = nginx.wait_request("/episode", 2)
        assert (again.status, again.bytes) == (200, LARGE)


@pytest.mark.requirement("BTR-005", "BTR-019")
def test_vsftpd_goes_on_where_it_was_cut_off(transfers: TransferScene) -> None:
    with started(transfers.bench.peers.ftp_server) as ftp:
        ftp.publish("/episode", DATA)
        with cut_off(transfers, ftp.url("/episode")) as come:
            there = come()
            assert SOME <= there < LARGE
        assert ftp.commands("REST")[-1] == f"REST {there}"


@pytest.mark.requirement("BTR-020", "BTR-007")
def test_an_upload_waits_for_the_cable_and_begins_anew(transfers: TransferScene) -> None:
    """Bytes that were in the cable are not counted as come."""
    transfers.web.on("/inbox", lambda request: request.respond(200, b"thanks"))
    with transfers.bench.wire.shaped(rate_kbit=SLOW_KBIT):
        path = transfers.source("diary", DATA)
        transfers.app.call("upload", uri=transfers.web.url("/inbox"), path=path, verb="PUT")
        transfers.web.request(0)
        transfers.host.levers.link(False)
        transfers.told("diary", "PAUSED_NO_NETWORK")
    transfers.host.levers.link(True)
    transfers.over("diary")
    assert transfers.web.request(1).body == DATA


@pytest.mark.requirement("BTR-004")
def test_two_hundred_all_arrive(transfers: TransferScene) -> None:
    """As many as an app may have, and none waits for ever."""
    names = [f"episode-{number}" for number in range(200)]
    with started(transfers.bench.peers.nginx) as nginx:
        for number, name in enumerate(names):
            nginx.publish(f"/{name}", data_of(20_000, number))
            transfers.fetch(name, uri=nginx.url(f"/{name}"), start=False)
        transfers.app.call("start_all", names=names, timeout_s=60)
        for number, name in enumerate(names):
            transfers.over(name)
            transfers.whole(name, data_of(20_000, number))
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=200)
    assert transfers.app.call("listed") == {}
