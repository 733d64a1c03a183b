"""Transfers over TLS: the bench's authority is trusted, and nobody else; what an app is told of a bad certificate (BTR-029)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.authority import Authority, Flaw
from rig.peers.http import HttpServer
from rig.peers.http_handlers import answer
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import web_error
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, downloaded

Serve = Callable[[ssl.SSLContext], HttpServer]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "trusted.pem")


@pytest.fixture
def serve(timeline: Timeline) -> Iterator[Serve]:
    with ExitStack() as stack:

        def served(context: ssl.SSLContext) -> HttpServer:
            server = HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("secure"), tls=context)
            server.on("/", answer(b"safe"))
            return stack.enter_context(server)

        yield served


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_benchs_authority_is_trusted(serve: Serve, authority: Authority, tmp_path: Path, version: ssl.TLSVersion) -> None:
    web = serve(authority.server_context("127.0.0.1", oldest=version, newest=version))
    assert downloaded(TransferRequest(uri=web.url(), trusted=authority.trusted), tmp_path / "x") == b"safe"


@pytest.mark.parametrize(
    ("flaw", "status"),
    [
        (Flaw.WRONG_NAME, WebErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT),
        (Flaw.EXPIRED, WebErrorStatus.CERTIFICATE_EXPIRED),
        (Flaw.NOT_YET_VALID, WebErrorStatus.CERTIFICATE_EXPIRED),
        (Flaw.SELF_SIGNED, WebErrorStatus.CERTIFICATE_IS_INVALID),
        (Flaw.UNKNOWN_AUTHORITY, WebErrorStatus.CERTIFICATE_IS_INVALID),
    ],
)
def test_a_bad_certificate_is_named(serve: Serve, authority: Authority, tmp_path: Path, flaw: Flaw, status: int) -> None:
    authority.server_pem("127.0.0.1")
    web = serve(authority.server_context("127.0.0.1", flaw=flaw))
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url(), trusted=authority.trusted), tmp_path / "x")
    assert web_error(error.value) == status
    assert web.requests() == []


@pytest.mark.parametrize("trusted", [None, Path("/nonexistent/trusted.pem")])
def test_without_an_authority_nobody_is_trusted(serve: Serve, authority: Authority, tmp_path: Path, trusted: Path | None) -> None:
    web = serve(authority.server_context("127.0.0.1"))
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url(), trusted=trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.CERTIFICATE_IS_INVALID


def test_the_machines_own_authorities_are_none(
    serve: Serve, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what the environment says of them."""
    web, another = serve(authority.server_context("127.0.0.1")), Authority(tmp_path / "another.pem")
    another.server_pem("127.0.0.1")
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authority.trusted))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url(), trusted=another.trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.CERTIFICATE_IS_INVALID


def test_a_server_that_speaks_no_tls(web: HttpServer, authority: Authority, tmp_path: Path) -> None:
    authority.server_pem("127.0.0.1")
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url().replace("http:", "https:"), trusted=authority.trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.CANNOT_CONNECT


def test_a_reset_in_the_handshake(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    web = serve(authority.server_context("127.0.0.1"))
    web.on_accept = lambda connection: connection.reset()
    with pytest.raises(CurlError) as error:
        downloaded(TransferRequest(uri=web.url(), trusted=authority.trusted), tmp_path / "x")
    assert web_error(error.value) == WebErrorStatus.CONNECTION_RESET
