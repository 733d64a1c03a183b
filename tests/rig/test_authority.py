"""The bench's own certificate authority: what a client that trusts it, and nothing else, makes of its servers."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from rig.peers.authority import Authority, Flaw

NAME = "192.0.2.1"
VERIFY_CODES = {
    Flaw.WRONG_NAME: 64,  # X509_V_ERR_IP_ADDRESS_MISMATCH
    Flaw.EXPIRED: 10,
    Flaw.NOT_YET_VALID: 9,
    Flaw.SELF_SIGNED: 18,
    Flaw.UNKNOWN_AUTHORITY: 20,
}
"""x509_vfy.h"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "trusted.pem")


def client_context(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.trusted)
    return context


def version_agreed(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """After a handshake and a byte both ways. Raises what the client is told."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, suppress(OSError), server.wrap_socket(theirs, server_side=True) as served:
            served.sendall(served.recv(1))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ours, client.wrap_socket(ours, server_hostname=NAME) as sock:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            return sock.version()
    finally:
        thread.join()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_right_certificate_is_taken(authority: Authority, version: ssl.TLSVersion) -> None:
    server = authority.server_context(NAME, oldest=version, newest=version)
    agreed = version_agreed(server, client_context(authority))
    assert agreed == version.name.replace("_", ".")


@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw is not Flaw.NONE])
def test_each_flaw_is_the_one_that_a_client_names(authority: Authority, flaw: Flaw) -> None:
    server = authority.server_context(NAME, flaw=flaw)
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        version_agreed(server, client_context(authority))
    assert refused.value.verify_code == VERIFY_CODES[flaw]


def test_a_server_that_wants_a_clients_certificate_takes_this_authoritys_alone(authority: Authority, tmp_path: Path) -> None:
    server = authority.server_context(NAME, client_certificate=True)
    known, unknown = client_context(authority), client_context(authority)
    known.load_cert_chain(authority.client_file("alice"))
    another = Authority(tmp_path / "another.pem")
    unknown.load_cert_chain(another.client_file("mallory"))
    assert version_agreed(server, known) == "TLSv1.3"
    for client in (client_context(authority), unknown):
        with pytest.raises(OSError):
            version_agreed(server, client)


def test_the_keys_of_a_connection_are_written_down_for_who_reads_the_capture(authority: Authority) -> None:
    version_agreed(authority.server_context(NAME), client_context(authority))
    secrets = authority.trusted.with_name("tls_keys.log").read_text()
    assert "\nCLIENT_TRAFFIC_SECRET_0 " in secrets
    assert "\nSERVER_TRAFFIC_SECRET_0 " in secrets


def test_a_bench_without_tls_imports_no_maker_of_keys() -> None:
    """It takes some 200 ms on a busy machine."""
    look = "import sys, rig.bench; sys.exit('trustme' in sys.modules or 'cryptography' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True)
