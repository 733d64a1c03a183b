"""Uploads: whole or not at all, and of several parts."""

from __future__ import annotations

import email.policy
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import MIMEPart
from typing import Any, cast

import pytest

from rig.clock import WAIT_S
from rig.peers import http_handlers as handlers
from rig.peers.http_request import HttpRequest
from rig.standby.api import HResult
from rig.suite.refusal import assert_refused
from rig.suite.transfer_scene import TransferScene, data_of

pytestmark = [
    pytest.mark.host_alone,
    pytest.mark.bench_config(minute_us=2_000_000),  # a loaded machine is to break no time limit of minutes
]

LARGE = 8_000_000
"""Bytes: more than the kernels of both ends take while nobody reads."""


@pytest.fixture
def gate(transfers: TransferScene) -> Iterator[threading.Event]:
    """The server reads nothing of the first upload's body before it is set."""
    go_on = threading.Event()

    def stop(request: HttpRequest) -> None:
        if request.number == 0:
            go_on.wait(WAIT_S)

    transfers.web.on_head = stop
    yield go_on
    go_on.set()


def begun(transfers: TransferScene, method: str, where: str) -> HttpRequest:
    """An upload that is cut off next: in its body, or before the answer to it."""
    transfers.web.on("/inbox", handlers.hold if where == "before the answer" else handlers.answer(b"thanks"))
    data = data_of(LARGE) if where == "in the body" else data_of()
    path = transfers.source("diary", data)
    guid = transfers.app.call("upload", uri=transfers.web.url("/inbox"), path=path, verb=method)
    transfers.status(guid, "RUNNING")
    request = transfers.request("inbox")
    if where == "before the answer":
        transfers.wait_for(lambda: request.body, data)
    return request


@pytest.mark.requirement("BTR-020")
@pytest.mark.parametrize("where", ["in the body", "before the answer"])
def test_a_put_that_is_interrupted_begins_again(transfers: TransferScene, gate: threading.Event, where: str) -> None:
    if where == "before the answer":
        gate.set()
    first = begun(transfers, "PUT", where)
    transfers.app.terminate()
    gate.set()
    first.connection.wait_closed()
    transfers.web.on("/inbox", handlers.answer(b"thanks"))
    transfers.app = transfers.launch()
    assert transfers.app.call("listed")["diary"]["status"] == "PAUSED_SYSTEM_POLICY"
    assert transfers.app.call("attach") == ["diary"]
    transfers.over("diary")
    again = transfers.request("inbox", 1)
    assert again.body == (data_of(LARGE) if where == "in the body" else data_of()), "from byte 0"
    assert again.header("Content-Range") is None


@pytest.mark.requirement("BTR-020")
@pytest.mark.parametrize("where", ["in the body", "before the answer"])
def test_a_post_that_is_interrupted_has_ended(transfers: TransferScene, gate: threading.Event, where: str) -> None:
    if where == "before the answer":
        gate.set()
    first = begun(transfers, "POST", where)
    transfers.app.terminate()
    gate.set()
    first.connection.wait_closed()
    transfers.app = transfers.launch()
    assert transfers.app.call("listed")["diary"]["status"] == "ERROR"
    assert transfers.app.call("attach") == ["diary"]
    transfers.over("diary", "CONNECTION_ABORTED")
    assert len(transfers.web.requests()) == 1, "it is not known what the server has made of it: never twice"


@pytest.mark.requirement("BTR-020")
def test_an_upload_that_nobody_interrupts_is_one_request(transfers: TransferScene) -> None:
    """The negative control."""
    transfers.web.on("/inbox", handlers.answer(b"thanks", 201))
    transfers.app.call("upload", uri=transfers.web.url("/inbox"), path=transfers.source("diary"), verb="PUT")
    transfers.over("diary")
    assert [(request.method, request.body) for request in transfers.web.requests()] == [("PUT", data_of())]
    assert transfers.app.call("response", name="diary")["status"] == 201


@pytest.mark.requirement("BTR-018", "BTR-020")
def test_a_put_is_paused_and_begins_again_a_post_is_not(transfers: TransferScene) -> None:
    request = begun(transfers, "PUT", "before the answer")
    transfers.app.call("pause", name="diary")
    transfers.told("diary", "PAUSED_BY_APPLICATION")
    request.connection.wait_closed()
    transfers.web.on("/inbox", handlers.answer(b"thanks"))
    transfers.app.call("resume", name="diary")
    transfers.over("diary")
    assert [one.body for one in transfers.web.requests()] == [data_of(), data_of()]


@pytest.mark.requirement("BTR-018")
def test_a_post_is_not_paused(transfers: TransferScene) -> None:
    request = begun(transfers, "POST", "before the answer")
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "pause", name="diary")
    request.respond(200, b"thanks")
    transfers.over("diary")


@pytest.mark.requirement("BTR-001")
def test_what_the_server_answers_can_be_read(transfers: TransferScene) -> None:
    """While the system keeps it, and when it does not any more."""
    request = begun(transfers, "POST", "before the answer")
    request.start(200)
    request.chunk(b"thanks")
    transfers.wait_for(lambda: transfers.app.call("state", name="diary")["received"], len(b"thanks"))
    assert transfers.app.call("read", name="diary") == b"thanks"
    request.chunk(b", and bye")
    request.end()
    transfers.over("diary")
    transfers.timeline.wait("TRANSFER_FORGOTTEN")
    assert transfers.app.call("read", name="diary", position=6) == b", and bye"
    transfers.wait_for(lambda: list((transfers.bench.artefacts / "transfers.answers").iterdir()), [])


# -- of several parts --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BTR-022")
@pytest.mark.parametrize(("subtype", "boundary"), [("form-data", ""), ("mixed", "=_a rather: odd+one?"), ("related", "x" * 70)])
def test_parts_arrive_in_their_order_with_their_names(transfers: TransferScene, subtype: str, boundary: str) -> None:
    transfers.web.on("/form", handlers.answer(b"thanks"))
    photo = transfers.source("beach.jpg", b"\r\n--" + data_of(5000))
    parts: list[dict[str, Any]] = [
        {"name": "title", "text": "Zwölf Boxkämpfer"},
        {
            "name": "photo",
            "file_name": "beach.jpg",
            "path": photo,
            "headers": [("Content-Type", "image/jpeg"), ("X-Place", "Rhodes")],
        },
        {"name": "empty", "text": ""},
    ]
    transfers.app.call("upload_parts", uri=transfers.web.url("/form"), parts=parts, subtype=subtype, boundary=boundary)
    transfers.over("form")
    title, image, empty = found = parsed(transfers.request("form"), subtype, boundary)
    assert [one.get_param("name", header="content-disposition") for one in found] == ["title", "photo", "empty"]
    assert content(title) == "Zwölf Boxkämpfer".encode()
    assert content(image) == b"\r\n--" + data_of(5000)
    assert (image.get_filename(), image.get_content_type(), image["X-Place"]) == ("beach.jpg", "image/jpeg", "Rhodes")
    assert (title.get_filename(), title["X-Place"], content(empty)) == (None, None, b"")


@pytest.mark.requirement("BTR-022")
def test_one_file_by_itself_has_no_parts(transfers: TransferScene) -> None:
    """The negative control."""
    transfers.web.on("/inbox", handlers.answer())
    transfers.app.call("upload", uri=transfers.web.url("/inbox"), path=transfers.source("diary"))
    transfers.over("diary")
    assert "multipart" not in (transfers.request("inbox").header("Content-Type") or "")


@pytest.mark.requirement("BTR-022")
def test_no_part_gets_out_of_its_place(transfers: TransferScene) -> None:
    uri = transfers.web.url("/form")
    for wrong in ({"name": 'a"\r\nX-Evil: 1'}, {"name": "a", "headers": [("X\r\nY", "1")]}):
        assert_refused(transfers.app, HResult.INVALID_ARG, "upload_parts", uri=uri, parts=[wrong])
    transfers.web.on("/form", handlers.answer())
    transfers.app.call("upload_parts", uri=uri, parts=[{"name": 'say "hi"', "text": "1"}, {"name": "b", "text": "2"}])
    transfers.over("form")
    assert len(parsed(transfers.request("form"), "form-data", "")) == 2


def parsed(request: HttpRequest, subtype: str, boundary: str) -> list[MIMEPart]:
    """As a server's library sees it (RFC 2046 5.1)."""
    head = f"Content-Type: {request.header('Content-Type')}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert message.get_content_type() == f"multipart/{subtype}"
    if boundary:
        assert message.get_boundary() == boundary
    assert not message.defects
    return list(message.iter_parts())


def content(part: MIMEPart) -> bytes:
    return cast(bytes, part.get_payload(decode=True))
