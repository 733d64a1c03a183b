"""What goes wrong: time limits, how often it is tried again, and what the app is told of it."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise
from typing import Any

import pytest

from rig.peers import http_handlers as handlers
from rig.peers.authority import Flaw
from rig.standby.api import HResult
from rig.standby.api.transfers import WebErrorStatus
from rig.suite.refusal import assert_refused
from rig.suite.transfer_scene import TransferScene, data_of

pytestmark = pytest.mark.host_alone
MINUTE_S = 0.5
"""The shortest that limits of transfers go by."""
QUICK = pytest.mark.bench_config(minute_us=int(MINUTE_S * 1e6))
"""For what waits for the end of a time limit."""
SLOW = pytest.mark.bench_config(minute_us=2_000_000)
"""For what is not to meet one, however loaded the machine is."""


def attempts(transfers: TransferScene, guid: str) -> list[float]:
    """When they began, in seconds from the first one."""
    begun = transfers.timeline.find("TRANSFER_ATTEMPT", id=guid)
    return [(record.t_ns - begun[0].t_ns) / 1e9 for record in begun]


@QUICK
@pytest.mark.requirement("BTR-015", "BTR-017")
def test_no_connection_in_five_minutes(transfers: TransferScene) -> None:
    """It is given up, not before, and tried again."""
    with transfers.bench.peers.black_hole() as nobody:
        guid = transfers.fetch("episode", uri=f"http://{nobody.address}:{nobody.port}/episode")
        transfers.timeline.wait("TRANSFER_ATTEMPT", id=guid, attempt=2)
    assert attempts(transfers, guid)[1] >= 5 * MINUTE_S
    assert not transfers.timeline.find("transfer-over")


@QUICK
@pytest.mark.requirement("BTR-016", "BTR-017")
def test_no_response_in_two_minutes(transfers: TransferScene) -> None:
    """Four times: the first, and three more; then it is an error."""
    transfers.web.on("/episode", handlers.hold)
    guid = transfers.fetch("episode")
    over = transfers.over("episode", "TIMEOUT")
    assert over.web_error == WebErrorStatus.TIMEOUT
    assert not transfers.file("episode").exists()
    begun = attempts(transfers, guid)
    assert len(begun) == len(transfers.web.requests("/episode")) == 4
    assert all(later - earlier >= 2 * MINUTE_S for earlier, later in pairwise(begun)), "not before"
    for request in transfers.web.requests():
        request.connection.wait_closed()


@SLOW
@pytest.mark.requirement("BTR-015", "BTR-016", "BTR-017")
def test_an_answer_within_the_limit_is_the_only_attempt(transfers: TransferScene) -> None:
    """The negative control, and of a refusal: it is no time limit, and not tried again."""
    transfers.web.on("/episode", handlers.hold)
    guid = transfers.fetch("episode")
    transfers.request("episode").respond(200, data_of())
    transfers.over("episode")
    assert len(attempts(transfers, guid)) == 1
    guid = transfers.fetch("nothing")
    transfers.over("nothing", "NOT_FOUND")
    assert len(attempts(transfers, guid)) == 1


@QUICK
@pytest.mark.requirement("BTR-017")
def test_an_attempt_that_gets_through_ends_the_trying(transfers: TransferScene) -> None:
    transfers.web.on("/episode", handlers.in_turn(handlers.hold, handlers.hold, handlers.answer(data_of())))
    guid = transfers.fetch("episode")
    transfers.over("episode")
    transfers.whole("episode")
    assert len(attempts(transfers, guid)) == 3


@SLOW
@pytest.mark.requirement("BTR-017")
@pytest.mark.parametrize("lever", ["link", "internet"])
def test_without_a_network_nothing_is_tried(transfers: TransferScene, lever: str) -> None:
    transfers.serve("episode")
    assert transfers.app.call("listed") == {}
    before = transfers.timeline.mark()
    transfers.host.levers.set(**{lever: False})
    if lever == "link":  # the kernel tells the system of it
        transfers.timeline.wait("NETWORK_CHANGED", link=False, after=before)
    guid = transfers.fetch("episode")
    transfers.told("episode", "PAUSED_NO_NETWORK")
    assert attempts(transfers, guid) == []
    transfers.host.levers.set(**{lever: True})
    transfers.over("episode")
    assert len(attempts(transfers, guid)) == 1


@SLOW
@pytest.mark.requirement("BTR-029")
@pytest.mark.parametrize(
    "uri", ["episode.mp3", "gopher://192.0.2.1/x", "http:///x", "http://192.0.2.1/a b", "http://192.0.2.1:99999/"]
)
def test_a_bad_address_raises_at_once(transfers: TransferScene, uri: str) -> None:
    assert_refused(transfers.app, HResult.INVALID_ARG, "download", uri=uri, path=str(transfers.file("x")))
    assert transfers.app.call("listed") == {}


@SLOW
@pytest.mark.requirement("BTR-029")
def test_a_bad_parameter_raises_at_once(transfers: TransferScene) -> None:
    where: dict[str, Any] = {"uri": transfers.web.url("/episode"), "path": str(transfers.file("x"))}
    for wrong in ({"path": "x"}, {"headers": [("X\r\n", "1")]}, {"verb": "GET /"}, {"group": "x" * 41}):
        assert_refused(transfers.app, HResult.INVALID_ARG, "download", **(where | wrong))
    missing = str(transfers.folder / "nowhere" / "x")
    with pytest.raises(Exception, match="nowhere"):
        transfers.app.call("download", **(where | {"path": missing}))
    assert transfers.app.call("listed") == {}


@SLOW
@pytest.mark.requirement("BTR-029")
@pytest.mark.parametrize(
    ("status", "web_error"),
    [
        (404, HTTPStatus.NOT_FOUND),
        (410, HTTPStatus.GONE),
        (403, HTTPStatus.FORBIDDEN),
        (500, HTTPStatus.INTERNAL_SERVER_ERROR),
        (503, HTTPStatus.SERVICE_UNAVAILABLE),
        (451, WebErrorStatus.UNEXPECTED_CLIENT_ERROR),
        (507, WebErrorStatus.UNEXPECTED_SERVER_ERROR),
    ],
)
def test_what_the_server_says_is_the_error(transfers: TransferScene, status: int, web_error: HTTPStatus | WebErrorStatus) -> None:
    transfers.web.on("/episode", handlers.answer(b"no", status))
    transfers.fetch("episode")
    over = transfers.over("episode", web_error.name)
    assert over.web_error == web_error
    assert over.code == {451: 0x80190004, 507: 0x80190005}.get(status, 0x80190000 + status)
    assert not transfers.file("episode").exists(), "an error's words are no file"


@SLOW
@pytest.mark.requirement("BTR-029")
def test_what_the_network_does_is_the_error(transfers: TransferScene) -> None:
    bench = transfers.bench
    with bench.peers.http_server() as gone:
        refused = gone.url("/x")
    transfers.fetch("refused", uri=refused)
    transfers.fetch("nowhere", uri="http://nowhere.invalid/x")
    transfers.web.on("/reset", handlers.reset)
    transfers.fetch("reset")
    transfers.web.on("/nonsense", handlers.raw(b"this is no HTTP at all\r\n\r\n"))
    transfers.fetch("nonsense")
    transfers.web.on("/circle", handlers.redirect("/circle"))
    transfers.fetch("circle")
    assert transfers.over("refused", "CANNOT_CONNECT").web_error == 14
    assert transfers.over("nowhere", "HOST_NAME_NOT_RESOLVED").web_error == 15
    transfers.over("reset", "CONNECTION_RESET")
    transfers.over("nonsense", "ERROR_HTTP_INVALID_SERVER_RESPONSE")
    transfers.over("circle", "REDIRECT_FAILED")


@SLOW
@pytest.mark.requirement("BTR-029")
@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw is not Flaw.NONE])
def test_a_server_that_is_not_who_it_says(transfers: TransferScene, flaw: Flaw) -> None:
    bench = transfers.bench
    with bench.peers.http_server(tls=bench.authority.server_context(bench.server.address, flaw=flaw)) as web:
        web.on("/episode", handlers.answer(data_of()))
        transfers.fetch("episode", uri=web.url("/episode"))
        over = transfers.timeline.wait("transfer-over", name="episode")
        assert over.outcome.startswith("CERTIFICATE_"), over.outcome
        assert web.requests() == []


@SLOW
@pytest.mark.requirement("BTR-029")
@pytest.mark.parametrize("then", ["reset", "finish"])
def test_a_body_that_is_cut_off_is_an_error_and_no_file(transfers: TransferScene, then: str) -> None:
    transfers.web.on("/episode", handlers.cut_short(data_of(), len(data_of()) + 1, then))
    transfers.fetch("episode")
    over = transfers.timeline.wait("transfer-over", name="episode")
    assert over.outcome.split(" (")[0] in ("CONNECTION_RESET", "CONNECTION_ABORTED", "DISCONNECTED"), over.outcome
    assert not transfers.file("episode").exists()
