"""Background transfers: they are the system's, outlive their apps, and leave nothing behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rig.peers import http_handlers as handlers
from rig.peers.authority import Flaw
from rig.standby.api import HResult
from rig.suite.programs import started
from rig.suite.refusal import assert_refused
from rig.suite.transfer_scene import HALF, SIZE, TransferScene, data_of

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]


@pytest.mark.requirement("BTR-001")
def test_bytes_flow_while_the_app_is_stopped(transfers: TransferScene) -> None:
    episode = transfers.serve("episode", stops_at=HALF)
    guid = transfers.fetch("episode")
    transfers.wait_part("episode", HALF)
    transfers.app.suspend()
    stopped = transfers.timeline.mark()
    episode.go_on()
    transfers.status(guid, "COMPLETED", after=stopped)
    transfers.whole("episode")
    assert not transfers.timeline.find("transfer-over"), "its process does nothing"
    transfers.app.resume()
    transfers.over("episode")
    assert transfers.app.call("state", name="episode")["received"] == SIZE


@pytest.mark.requirement("BTR-001")
def test_what_has_come_so_far_can_be_read(transfers: TransferScene) -> None:
    episode = transfers.halfway("episode")
    transfers.told("episode", "RUNNING")
    assert transfers.app.call("read", name="episode", position=100) == data_of()[100:HALF]
    assert not transfers.file("episode").exists(), "under its name it is whole or not there"
    episode.go_on()
    transfers.over("episode")
    assert transfers.app.call("read", name="episode", position=HALF) == data_of()[HALF:]


@pytest.mark.requirement("BTR-001")
def test_an_operation_that_nobody_has_started_asks_for_nothing(transfers: TransferScene) -> None:
    file = transfers.serve("episode", stops_at=HALF)
    guid = transfers.fetch("episode", start=False)
    assert transfers.app.call("listed")["episode"]["status"] == "IDLE"
    assert not transfers.web.requests()
    transfers.app.call("start", name="episode")
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "start", name="episode")
    file.go_on()
    transfers.status(guid, "COMPLETED")
    assert len(transfers.web.requests()) == 1
    assert [record.status for record in transfers.timeline.find("TRANSFER_STATUS")] == ["RUNNING", "COMPLETED"]


@pytest.mark.requirement("BTR-002")
def test_a_terminated_apps_transfer_waits_for_the_next_process(transfers: TransferScene) -> None:
    episode = transfers.halfway("episode")
    first = transfers.request("episode")
    transfers.app.terminate()
    first.connection.wait_closed()
    assert transfers.part("episode").stat().st_size == HALF, "its resources are kept"
    transfers.app = transfers.launch()
    state = transfers.app.call("listed")["episode"]
    assert (state["status"], state["received"]) == ("PAUSED_SYSTEM_POLICY", HALF)
    episode.go_on()
    assert len(transfers.web.requests()) == 1, "until somebody attaches nothing is asked for"
    assert transfers.app.call("attach") == ["episode"]
    transfers.over("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"
    transfers.whole("episode")


@pytest.mark.requirement("BTR-002")
def test_beside_an_app_that_ends_another_ones_goes_on(transfers: TransferScene) -> None:
    """The negative control: the end of its own app is what pauses a transfer."""
    episode = transfers.halfway("episode")
    other = transfers.host.start_app("other", "rig.suite.transfer_app:TransferApp")
    other.terminate()
    episode.go_on()
    transfers.over("episode")
    assert len(transfers.web.requests()) == 1


@pytest.mark.requirement("BTR-003")
def test_who_attaches_at_launch_empties_the_list(transfers: TransferScene) -> None:
    names = [f"episode-{number}" for number in range(3)]
    files = [transfers.halfway(name) for name in names]
    transfers.app.suspend()
    for file in files:
        file.go_on()
    for name in names:
        transfers.timeline.wait("TRANSFER_ENDED", id=guid_of(transfers, name))
    transfers.relaunch()
    listed = transfers.app.call("listed")
    assert {name: state["status"] for name, state in listed.items()} == dict.fromkeys(names, "COMPLETED")
    transfers.relaunch()
    assert sorted(transfers.app.call("listed")) == names, "who does not attach finds them again, launch by launch"
    assert transfers.app.call("attach") == names
    for name in names:
        transfers.over(name)
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=len(names))
    assert transfers.app.call("listed") == {}


@pytest.mark.requirement("BTR-003")
def test_a_process_that_hears_the_end_leaves_no_entry(transfers: TransferScene) -> None:
    for number in range(3):
        transfers.serve(f"episode-{number}")
        transfers.fetch(f"episode-{number}")
        transfers.over(f"episode-{number}")
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=3)
    assert transfers.app.call("listed") == {}


@pytest.mark.requirement("BTR-004")
def test_two_hundred_operations_and_not_one_more(transfers: TransferScene) -> None:
    transfers.serve("episode")
    for number in range(200):
        transfers.fetch(f"episode-{number}", uri=transfers.web.url("/episode"), start=False)
    where: dict[str, Any] = {"uri": transfers.web.url("/episode"), "path": str(transfers.file("episode-200")), "start": False}
    assert_refused(transfers.app, HResult.OUT_OF_MEMORY, "download", **where)
    assert len(transfers.app.call("listed")) == 200
    transfers.app.call("start", name="episode-199")
    transfers.over("episode-199")
    transfers.timeline.wait("TRANSFER_FORGOTTEN")
    transfers.app.call("download", **where)
    transfers.app.call("start", name="episode-200")
    transfers.over("episode-200")


@pytest.mark.requirement("BTR-005")
@pytest.mark.parametrize("flaw", [None, Flaw.NONE], ids=["http", "https"])
def test_a_file_of_nginx(transfers: TransferScene, flaw: Flaw | None) -> None:
    with started(lambda: transfers.bench.peers.nginx(flaw=flaw)) as nginx:
        nginx.publish("/episode", data_of())
        transfers.fetch("episode", uri=nginx.url("/episode"))
        transfers.over("episode")
        transfers.whole("episode")
        answer = transfers.app.call("response", name="episode")
        assert (answer["status"], answer["uri"], answer["is_resumable"]) == (200, nginx.url("/episode"), True)
        assert nginx.wait_request("/episode").bytes == SIZE


@pytest.mark.requirement("BTR-005")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_an_upload_arrives(transfers: TransferScene, secure: bool) -> None:
    bench = transfers.bench
    tls = bench.authority.server_context(bench.server.address) if secure else None
    with bench.peers.http_server(tls=tls) as web:
        web.on("/inbox", handlers.answer(b"thanks"))
        transfers.app.call("upload", uri=web.url("/inbox"), path=transfers.source("diary"))
        transfers.over("diary")
        assert (web.request().method, web.request().body) == ("POST", data_of())


@pytest.mark.requirement("BTR-005")
def test_a_file_over_ftp_with_the_credentials_of_its_address(transfers: TransferScene) -> None:
    with started(lambda: transfers.bench.peers.ftp_server(password="secret")) as ftp:
        ftp.publish("/episode", data_of())
        transfers.fetch("episode", uri=ftp.url("/episode"))
        transfers.over("episode")
        transfers.whole("episode")
        assert ftp.passwords() == ["secret"]
        assert transfers.app.call("response", name="episode") is None
        wrong = ftp.url("/episode").replace("secret", "guess")
        transfers.fetch("another", uri=wrong)
        over = transfers.timeline.wait("transfer-over", name="another")
        assert over.outcome != "COMPLETED", "the negative control"
        assert not transfers.file("another").exists()


@pytest.mark.requirement("BTR-005")
def test_nothing_goes_up_over_ftp(transfers: TransferScene) -> None:
    uri = f"ftp://me:secret@{transfers.bench.server.address}/diary"
    assert_refused(transfers.app, HResult.INVALID_ARG, "upload", uri=uri, path=transfers.source("diary"))
    assert transfers.app.call("listed") == {}


@pytest.mark.requirement("BTR-006")
def test_headers_and_cookies_are_on_the_wire(transfers: TransferScene) -> None:
    transfers.serve("episode")
    said = [("X-Trace", "a"), ("Cookie", "session=1"), ("x-trace", "b"), ("Cookie", "shop=2"), ("User-Agent", "podcatcher/1")]
    transfers.fetch("episode", headers=said)
    transfers.over("episode")
    request = transfers.request("episode")
    values = {name: [value for known, value in request.headers if known == name] for name, _ in request.headers}
    assert values["x-trace"] == ["a, b"]
    assert values["cookie"] == ["session=1; shop=2"]
    assert values["user-agent"] == ["podcatcher/1"]


@pytest.mark.requirement("BTR-006")
def test_headers_of_one_operation_are_not_anothers(transfers: TransferScene) -> None:
    """The negative control."""
    transfers.serve("episode")
    transfers.fetch("episode", headers=[("X-Trace", "a")])
    transfers.over("episode")
    transfers.fetch("plain", uri=transfers.web.url("/episode"))
    transfers.over("plain")
    assert transfers.request("episode", 1).header("X-Trace") is None


@pytest.mark.requirement("BTR-006")
@pytest.mark.parametrize(
    ("credential", "outcome"), [(("ann", "secret"), "COMPLETED"), (("ann", "wrong"), "UNAUTHORIZED"), (None, "UNAUTHORIZED")]
)
def test_the_servers_credential(transfers: TransferScene, credential: tuple[str, str] | None, outcome: str) -> None:
    transfers.web.on("/episode", handlers.basic("ann", "secret", handlers.answer(data_of())))
    how: dict[str, Any] = {"server": credential} if credential else {}
    transfers.fetch("episode", **how)
    transfers.over("episode", outcome)
    assert transfers.file("episode").exists() == (outcome == "COMPLETED")


@pytest.mark.requirement("BTR-006")
@pytest.mark.bench_config(standby={"transfer_proxy": "http://192.0.2.20:3128"})
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_the_proxys_credential_is_for_the_proxy_alone(transfers: TransferScene, secure: bool) -> None:
    peers = transfers.bench.peers
    tls = transfers.bench.authority.server_context(transfers.bench.server.address) if secure else None
    with peers.http_proxy(port=3128, credentials=("pat", "secret")) as proxy, peers.http_server(tls=tls) as web:
        web.on("/episode", handlers.answer(data_of()))
        transfers.fetch("episode", uri=web.url("/episode"), proxy=("pat", "secret"))
        transfers.over("episode")
        transfers.whole("episode")
        assert proxy.request().header("Proxy-Authorization") is not None
        assert web.request().header("Proxy-Authorization") is None
        for number, wrong in enumerate((("pat", "guess"), None)):
            how: dict[str, Any] = {"proxy": wrong} if wrong else {}
            transfers.fetch(f"refused-{number}", uri=web.url("/episode"), **how)
            transfers.over(f"refused-{number}", "PROXY_AUTHENTICATION_REQUIRED")
        assert len(web.requests()) == 1


@pytest.mark.requirement("BTR-006")
def test_a_cookie_that_the_server_sets_comes_back(transfers: TransferScene) -> None:
    """Within the operation: a redirect to the same server has it."""
    transfers.web.on("/login", lambda request: request.respond(302, b"", [("Location", "/episode"), ("Set-Cookie", "ticket=7")]))
    transfers.serve("episode")
    transfers.fetch("episode", uri=transfers.web.url("/login"))
    transfers.over("episode")
    assert transfers.request("episode").header("Cookie") == "ticket=7"


@pytest.mark.requirement("BTR-021")
@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_the_end_of_an_operation_gives_all_back(transfers: TransferScene, end: str) -> None:
    transfers.serve("first")
    transfers.fetch("first")
    transfers.over("first")
    before = transfers.timeline.wait("TRANSFER_FORGOTTEN")
    process = transfers.host.transfers_pid
    open_before = descriptors(process)
    for number in range(3):
        name = f"episode-{number}"
        episode = transfers.halfway(name)
        assert descriptors(process) > open_before, "while it runs it has a connection and a file"
        if end == "cancel":
            assert transfers.app.call("cancel", name=name)
            transfers.request(name).connection.wait_closed()
        else:
            episode.go_on()
        transfers.over(name, "CANCELED" if end == "cancel" else "COMPLETED")
    transfers.timeline.wait("TRANSFER_FORGOTTEN", count=3, after=before.seq + 1)
    transfers.wait_for(lambda: descriptors(process), open_before)
    whole = [] if end == "cancel" else [f"episode-{number}" for number in range(3)]
    assert sorted(path.name for path in transfers.folder.iterdir()) == [*whole, "first"]
    assert transfers.app.call("listed") == {}


@pytest.mark.requirement("BTR-021", "BTR-025")
def test_who_is_forgotten_late_takes_nothing_from_the_next(transfers: TransferScene) -> None:
    """The first waits for the end of its completion group; meanwhile another download writes the same file."""
    transfers.serve("first")
    transfers.app.call("register", completion_group="new")
    transfers.fetch("episode", uri=transfers.web.url("/first"), completion_group="new")
    transfers.over("episode")
    again = transfers.timeline.mark()
    episode = transfers.halfway("episode")
    transfers.app.call("enable", completion_group="new")
    transfers.timeline.wait("TRANSFER_FORGOTTEN", after=again)
    assert transfers.part("episode").stat().st_size == HALF
    episode.go_on()
    transfers.over("episode", after=again)
    transfers.whole("episode")


@pytest.mark.requirement("BTR-021")
def test_cancel_comes_too_late_for_what_is_whole(transfers: TransferScene) -> None:
    """The negative control: it leaves what is there alone."""
    transfers.serve("episode")
    transfers.fetch("episode")
    transfers.over("episode")
    assert not transfers.app.call("cancel", name="episode")
    transfers.whole("episode")


def guid_of(transfers: TransferScene, name: str) -> str:
    """Of the newest of that name."""
    return str(transfers.timeline.find("TRANSFER_CREATED", path=str(transfers.file(name)))[-1].id)


def descriptors(pid: int) -> int:
    """Of files and sockets; the loop's own are always there. One that is closed while we look is none."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            count += str(link.readlink()).startswith(("socket:", "/"))
    return count
