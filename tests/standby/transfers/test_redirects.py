"""Where a transfer is sent to, and what it takes along: redirects, credentials, cookies (BTR-006, BTR-029)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.authority import Authority
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer, basic, in_turn, redirect
from rig.peers.http_request import HttpRequest
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import HttpFailed, web_error
from rig.standby.transfers.http_reply import RedirectRefused
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import PasswordCredential
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, downloaded

ME = PasswordCredential("Jürgen:", "pass word")
"""A user's name ends at the first colon of Basic: what is behind it counts as the password (RFC 7617 2)."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "trusted.pem")


@pytest.fixture
def secure(timeline: Timeline, authority: Authority) -> Iterator[HttpServer]:
    context = authority.server_context("127.0.0.1")
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("secure"), tls=context) as server:
        yield server


def test_a_secure_one_never_goes_on_where_anybody_reads(
    web: HttpServer, secure: HttpServer, authority: Authority, tmp_path: Path
) -> None:
    secure.on("/", redirect(web.url()))
    web.on("/", answer(b"read by all"))
    with pytest.raises(RedirectRefused) as error:
        downloaded(TransferRequest(uri=secure.url(), trusted=authority.trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.HTTPS_TO_HTTP_ON_REDIRECTION
    assert web.requests() == []


def test_nor_behind_a_plain_one(web: HttpServer, secure: HttpServer, authority: Authority, tmp_path: Path) -> None:
    web.on("/", in_turn(redirect(secure.url()), answer(b"read by all")))
    secure.on("/", redirect(web.url()))
    with pytest.raises(RedirectRefused) as error:
        downloaded(TransferRequest(uri=web.url(), trusted=authority.trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.HTTPS_TO_HTTP_ON_REDIRECTION
    assert len(web.requests()) == 1


def test_from_plain_to_secure_is_followed(web: HttpServer, secure: HttpServer, authority: Authority, tmp_path: Path) -> None:
    web.on("/", redirect(secure.url("/x")))
    secure.on("/x", answer(b"safe"))
    assert downloaded(TransferRequest(uri=web.url(), trusted=authority.trusted), tmp_path / "x") == b"safe"


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/hostname", "gopher://127.0.0.1/", "data:,x"])
def test_what_is_no_http_is_not_followed(web: HttpServer, tmp_path: Path, to: str) -> None:
    web.on("/", redirect(to))
    with pytest.raises(RedirectRefused) as error:
        downloaded(TransferRequest(uri=web.url()), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.UNEXPECTED_REDIRECTION


def test_ten_are_followed_and_a_circle_ends(web: HttpServer, tmp_path: Path) -> None:
    for number in range(10):
        web.on(f"/{number}", redirect(f"/{number + 1}", (301, 302, 303, 307, 308)[number % 5]))
    web.on("/10", answer(b"there"))
    assert downloaded(TransferRequest(uri=web.url("/0")), tmp_path / "x") == b"there"
    web.on("/circle", redirect("/circle"))
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url("/circle")), tmp_path / "y")
    assert web_error(error.value) == WebErrorStatus.REDIRECT_FAILED
    assert len(web.requests("/circle")) == 11


def test_a_redirect_to_nobody_is_no_answer(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", redirect("http://127.0.0.1:1/"))
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url()), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.CANNOT_CONNECT


@pytest.mark.parametrize("status", [300, 301, 304, 399])
def test_a_redirect_to_nowhere_is_an_error(web: HttpServer, tmp_path: Path, status: int) -> None:
    web.on("/", answer(b"", status))
    with pytest.raises(HttpFailed) as error:
        downloaded(TransferRequest(uri=web.url()), tmp_path / "x")
    assert error.value.status == status


# -- credentials -----------------------------------------------------------------------------------------------------------


def test_a_server_gets_its_credentials(web: HttpServer, tmp_path: Path) -> None:
    web.on("/", basic(ME.user_name, ME.password, answer(b"for me")))
    assert downloaded(TransferRequest(uri=web.url(), server_credential=ME), tmp_path / "x") == b"for me"
    with pytest.raises(HttpFailed) as error:
        downloaded(TransferRequest(uri=web.url()), tmp_path / "y")
    assert web_error(error.value) == 401


def test_another_server_gets_none_of_them(web: HttpServer, other: HttpServer, tmp_path: Path) -> None:
    """Another port of the same machine is another server."""
    web.on("/", redirect(web.url("/here")))
    web.on("/here", redirect(other.url("/there")))
    other.on("/there", answer(b"who are you?"))
    request = TransferRequest(uri=web.url(), server_credential=ME, headers=(("Cookie", "mine=1"), ("X-App", "a")))
    downloaded(request, tmp_path / "x")
    assert web.request(path="/here").header("Authorization") is not None
    assert other.request().header("Authorization") is None
    assert other.request().header("X-App") == "a"


def test_nor_what_an_app_has_written_into_its_headers(web: HttpServer, other: HttpServer, tmp_path: Path) -> None:
    web.on("/", redirect(other.url("/there")))
    other.on("/there", answer(b"x"))
    headers = (("Authorization", "Bearer secret"), ("Cookie", "secret=1"))
    downloaded(TransferRequest(uri=web.url(), headers=headers), tmp_path / "x")
    assert (web.request().header("Authorization"), web.request().header("Cookie")) == ("Bearer secret", "secret=1")
    assert (other.request().header("Authorization"), other.request().header("Cookie")) == (None, None)


def test_cookies_of_a_redirect_come_back_to_who_set_them_alone(web: HttpServer, tmp_path: Path) -> None:
    def login(request: HttpRequest) -> None:
        request.respond(
            302, b"", [("Location", "/file"), ("Set-Cookie", "session=7; HttpOnly"), ("Set-Cookie", "a=b; Path=/else")]
        )

    web.on("/login", login)
    web.on("/file", redirect(web.url("/elsewhere", host="localhost")))
    web.on("/elsewhere", answer(b"x"))
    downloaded(TransferRequest(uri=web.url("/login")), tmp_path / "x")
    assert web.request(path="/login").header("Cookie") is None
    assert web.request(path="/file").header("Cookie") == "session=7"
    assert web.request(path="/elsewhere").header("Cookie") is None
    web.on("/file", answer(b"x"))
    downloaded(TransferRequest(uri=web.url("/file")), tmp_path / "y")
    assert web.request(path="/file").header("Cookie") is None, "another operation has cookies of its own"
