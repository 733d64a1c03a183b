"""Multi-part uploads (BTR-022), as parsers that are not ours understand them."""

from __future__ import annotations

import email
import email.policy
import hashlib
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, redirect
from rig.standby.transfers.answer_file import AnswerFile
from rig.standby.transfers.bodies import BodyChanged
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.multipart import MultipartBody
from rig.standby.transfers.request import request_of
from rig.standby.transfers.upload import Upload
from rig.standby.wire.transfer_types import ContentPart, TransferSpec
from tests.standby.transfers.engine import Sent, on_loop

BIG = hashlib.shake_128(b"big").digest(2_000_000)


def spec_of(*parts: ContentPart, uri: str = "http://127.0.0.1/", **more: Any) -> TransferSpec:
    return TransferSpec(id="0" * 36, direction="upload", uri=uri, parts=parts, **more)


def whole(body: MultipartBody, limit_bytes: int = 65536) -> bytes:
    pieces = []
    while data := body.read(limit_bytes):
        assert len(data) <= limit_bytes
        pieces.append(data)
    return b"".join(pieces)


def parsed(media_type: str, body: bytes) -> list[EmailMessage]:
    """By the standard library's reader of mail."""
    message = email.message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    assert not message.defects
    return cast("list[EmailMessage]", list(message.iter_parts()))


def send(web: HttpServer, path: Path, spec: TransferSpec) -> Sent:
    """One attempt. Raises as `Upload.attempt`."""
    told, body, said = Sent(), MultipartBody(spec), AnswerFile(path)
    try:
        on_loop(Upload(request_of(spec), body, said, told).attempt)
    finally:
        body.close()
        said.close()
    assert told.sent_bytes[-1] == body.length
    return told


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(BIG)
    return path


def test_parts_in_their_order_with_their_names(web: HttpServer, tmp_path: Path, big: Path) -> None:
    web.on("/", answer(b"thanks"))
    parts = (
        ContentPart("title", text="Grüße\r\n--not a boundary"),
        ContentPart("file", 'the "best".bin', str(big), headers=(("Content-Type", "audio/mpeg"), ("X-Own", "1"))),
        ContentPart("bare", path=str(big)),
        ContentPart("", text="no name at all"),
    )
    send(web, tmp_path / "answer", spec_of(*parts, uri=web.url()))
    request = web.request()
    title, file, bare, nameless = parsed(request.header("Content-Type") or "", request.body)
    assert (title.get_param("name", header="content-disposition"), title.get_payload(decode=True)) == (
        "title",
        "Grüße\r\n--not a boundary".encode(),
    )
    assert (file["Content-Disposition"].params, file["Content-Type"], file["X-Own"]) == (
        {"name": "file", "filename": "the %22best%22.bin"},
        "audio/mpeg",
        "1",
    )
    assert (bare["Content-Type"], bare.get_filename()) == ("application/octet-stream", None)
    assert file.get_payload(decode=True) == bare.get_payload(decode=True) == BIG
    assert (nameless["Content-Disposition"], nameless.get_payload(decode=True)) == (None, b"no name at all")
    assert request.header("Content-Length") == str(len(request.body))


@pytest.mark.parametrize("boundary", ["own", "with a space/and:all?", "x" * 70])
def test_its_own_subtype_and_boundary(web: HttpServer, tmp_path: Path, boundary: str) -> None:
    web.on("/", answer())
    header = (("Content-Type", "text/plain"), ("X-A", "b"))
    parts = ContentPart("a", text="1"), ContentPart("b", text="2")
    send(web, tmp_path / "answer", spec_of(*parts, uri=web.url(), subtype="mixed", boundary=boundary, headers=header))
    request = web.request()
    said = email.message_from_string(f"Content-Type: {request.header('Content-Type')}\n\n", policy=email.policy.HTTP)
    assert (said.get_content_type(), said.get_boundary(), request.header("X-A")) == ("multipart/mixed", boundary, "b")
    assert request.body.startswith(f"--{boundary}\r\n".encode())
    assert request.body.endswith(f"\r\n--{boundary}--\r\n".encode())


def test_it_begins_again_behind_a_redirect(web: HttpServer, tmp_path: Path, big: Path) -> None:
    web.on("/old", redirect("/new", 308))
    web.on("/new", answer())
    send(web, tmp_path / "answer", spec_of(ContentPart("a", path=str(big)), ContentPart("b", text="2"), uri=web.url("/old")))
    request = web.request(path="/new")
    assert [part.get_payload(decode=True) for part in parsed(request.header("Content-Type") or "", request.body)] == [BIG, b"2"]


# -- the boundary ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["--own", "x\r\n--own", "x\n--own", "x\r\n--own--\r\n", "x\r\n--ownership"])
def test_a_text_with_the_boundary_in_it_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="boundary"):
        MultipartBody(spec_of(ContentPart("a", text=text), boundary="own"))


@pytest.mark.parametrize("at", [0, 1, 65_530, 65_531, 65_534, 65_535, 65_536, 65_537, 100_000])
def test_a_file_with_the_boundary_in_it_never_gets_whole_to_the_server(tmp_path: Path, at: int) -> None:
    """Also over the border of two reads, and as its very first line."""
    file = tmp_path / "file"
    line = b"--own" if at == 0 else b"\n--own"
    file.write_bytes(b"x" * at + line + b"y" * 200_000)
    body = MultipartBody(spec_of(ContentPart("a", path=str(file)), boundary="own"))
    with pytest.raises(ValueError, match="boundary"):
        whole(body)
    body.close()


def test_nor_is_it_an_upload(web: HttpServer, tmp_path: Path, big: Path) -> None:
    big.write_bytes(BIG + b"\r\n--own\r\n")
    web.on("/", answer())
    with pytest.raises(ValueError, match="boundary"):
        send(web, tmp_path / "answer", spec_of(ContentPart("a", path=str(big)), uri=web.url(), boundary="own"))
    assert not web.requests() or not web.request().answered


@pytest.mark.parametrize("text", ["-- own", "x--own", "\r\n-own", "own"])
def test_what_only_looks_like_it_is_taken(text: str) -> None:
    body = MultipartBody(spec_of(ContentPart("a", text=text), boundary="own"))
    assert [part.get_payload(decode=True) for part in parsed(body.media_type, whole(body))] == [text.encode()]


@pytest.mark.parametrize(
    ("boundary", "subtype"), [("a ", "mixed"), ("a\r\nb", "mixed"), ("ä", "mixed"), ("a", "mixed; x"), ("a", "")]
)
def test_what_would_break_the_header_is_refused(boundary: str, subtype: str) -> None:
    with pytest.raises(ValueError, match="multipart"):
        MultipartBody(spec_of(ContentPart("a"), boundary=boundary, subtype=subtype))


def test_no_two_bodies_have_the_same_boundary() -> None:
    spec = spec_of(ContentPart("a", text="x"))
    assert MultipartBody(spec).media_type != MultipartBody(spec).media_type


# -- files that change, and all else ----------------------------------------------------------------------------------------


def test_a_file_that_is_another_one_now(web: HttpServer, tmp_path: Path, big: Path) -> None:
    spec = spec_of(ContentPart("a", path=str(big)), uri=web.url())
    body, said = MultipartBody(spec), AnswerFile(tmp_path / "answer")
    big.write_bytes(BIG[:-1])
    with pytest.raises((BodyChanged, CurlError)) as error:
        on_loop(Upload(request_of(spec), body, said, Sent()).attempt)
    assert isinstance(error.value, BodyChanged)
    said.close()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MultipartBody(spec_of(ContentPart("a", path=str(tmp_path / "none"))))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), min_size=1, max_size=5),
    contents=st.lists(st.binary(max_size=500), max_size=3),
    limit_bytes=st.integers(1, 300),
)
def test_whatever_is_in_them(tmp_path: Path, texts: list[str], contents: list[bytes], limit_bytes: int) -> None:
    parts = [ContentPart(f"text{number}", text=text) for number, text in enumerate(texts)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
        parts.append(ContentPart(f"file{number}", path=str(tmp_path / str(number))))
    body = MultipartBody(spec_of(*parts))
    data = whole(body, limit_bytes)
    assert len(data) == body.length
    boundary = body.media_type.partition("boundary=")[2].encode()
    _, *found, end = data.split(b"--" + boundary)
    assert (len(found), end) == (len(parts), b"--\r\n")
    values = [piece.partition(b"\r\n\r\n")[2][:-2] for piece in found]
    assert values == [*(text.encode() for text in texts), *contents]
    body.rewind()
    assert whole(body) == data
