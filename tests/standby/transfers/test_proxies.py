"""Transfers through an HTTP proxy (BTR-006)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.authority import Authority
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer
from rig.peers.http_proxy import HttpProxy
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import HttpFailed, web_error
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.standby.wire.transfer_types import PasswordCredential
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, downloaded

SERVERS, PROXYS = PasswordCredential("me", "server's"), PasswordCredential("me", "proxy's")


@pytest.fixture
def proxy(timeline: Timeline) -> Iterator[HttpProxy]:
    credentials = (PROXYS.user_name, PROXYS.password)
    with HttpProxy(cast(Namespace, Here()), "127.0.0.1", timeline.writer("proxy"), credentials=credentials) as server:
        yield server


@pytest.fixture
def secure(tmp_path: Path, timeline: Timeline) -> Iterator[HttpServer]:
    authority = Authority(tmp_path / "trusted.pem")
    context = authority.server_context("127.0.0.1")
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("secure"), tls=context) as server:
        yield server


def through(proxy: HttpProxy, uri: str, tmp_path: Path, credential: PasswordCredential | None = PROXYS) -> TransferRequest:
    trusted = tmp_path / "trusted.pem"
    return TransferRequest(
        uri=uri, proxy=proxy.url(), proxy_credential=credential, server_credential=SERVERS, trusted=trusted, response_timeout_s=10
    )


def test_each_gets_its_own_credentials(proxy: HttpProxy, web: HttpServer, tmp_path: Path) -> None:
    web.on("/x", answer(b"through"))
    assert downloaded(through(proxy, web.url("/x"), tmp_path), tmp_path / "x") == b"through"
    assert proxy.request().target == web.url("/x")
    assert web.request().header("Proxy-Authorization") is None
    assert web.request().header("Authorization") == proxy.request().header("Authorization")
    assert web.request().header("Via") == "1.1 bench"


def test_a_tunnel_hides_all_but_where_it_goes(proxy: HttpProxy, secure: HttpServer, tmp_path: Path) -> None:
    secure.on("/x", answer(b"through"))
    assert downloaded(through(proxy, secure.url("/x"), tmp_path), tmp_path / "x") == b"through"
    dug = proxy.request()
    assert (dug.method, dug.target) == ("CONNECT", f"127.0.0.1:{secure.port}")
    assert dug.header("Authorization") is None
    assert secure.request().header("Authorization") is not None
    assert secure.request().header("Proxy-Authorization") is None


@pytest.mark.parametrize("credential", [None, PasswordCredential("me", "wrong")])
def test_a_proxy_that_does_not_know_me(
    proxy: HttpProxy, web: HttpServer, secure: HttpServer, tmp_path: Path, credential: PasswordCredential | None
) -> None:
    with pytest.raises(HttpFailed) as plain:
        downloaded(through(proxy, web.url(), tmp_path, credential), tmp_path / "x")
    with pytest.raises(CurlError) as tunnel:
        downloaded(through(proxy, secure.url(), tmp_path, credential), tmp_path / "y")
    assert (web_error(plain.value), web_error(tunnel.value)) == (407, 407)
    assert (web.requests(), secure.requests()) == ([], [])


def test_nobody_behind_it(proxy: HttpProxy, tmp_path: Path) -> None:
    with pytest.raises(CurlError) as tunnel:
        downloaded(through(proxy, "https://127.0.0.1:1/", tmp_path), tmp_path / "x")
    assert web_error(tunnel.value) == 502


def test_no_proxy_there(web: HttpServer, tmp_path: Path) -> None:
    with pytest.raises(CurlError) as refused:
        downloaded(TransferRequest(uri=web.url(), proxy="http://127.0.0.1:1"), tmp_path / "x")
    assert web_error(refused.value) == WebErrorStatus.CANNOT_CONNECT
    with pytest.raises(CurlError) as unknown:
        downloaded(TransferRequest(uri=web.url(), proxy="http://no-such-name.invalid:1"), tmp_path / "x")
    assert web_error(unknown.value) == WebErrorStatus.HOST_NAME_NOT_RESOLVED


def test_the_environment_names_none(web: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    web.on("/", answer(b"straight"))
    assert downloaded(TransferRequest(uri=web.url()), tmp_path / "x") == b"straight"
