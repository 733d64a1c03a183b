"""What a server does that Python's own cannot: new keys in the middle of a connection, and a new handshake. `openssl s_server`
does it at a letter on its standard input, and shows every message of TLS, over the loopback interface.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.device.payload import PayloadKeepAlive, fresh_masks
from rig.peers.authority import Authority
from rig.standby.api import session
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.sealed_keep_alive import SealedKeepAlive
from rig.standby.api.socket_error import TlsError
from rig.standby.api.tls import TlsLayer, client_context
from tests.standby.fake_system_of_pongs import AHEAD, PONG, FakeSystem
from tests.standby.tls_peer import NAME

KEY_UPDATE, REQUESTED, RENEGOTIATE = "KeyUpdate", b"K\n", b"r\n"


class Server:
    """One `openssl s_server` and a connection to it."""

    def __init__(self, authority: Authority, folder: Path, version: str) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("no openssl here: apt install openssl")
        pem, self._shown = folder / "server.pem", folder / "shown"
        pem.write_bytes(authority.server_pem(NAME))
        command = [openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", str(pem), "-key", str(pem), version, "-msg"]
        with self._shown.open("wb") as shown:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=shown, stderr=shown)
        port = self.wait_shown(rb"ACCEPT 127\.0\.0\.1:(\d+)\s")[-1]
        self.sock = socket.create_connection(("127.0.0.1", int(port)))
        self.stream = ByteStream(self.sock)
        layer = TlsLayer(client_context(authority.trusted), NAME)
        self.stream.put_on(layer)
        self.stream.flush()
        while not layer.established:
            self.receive(0)

    def receive(self, count: int = 100) -> bytes | None:
        self.stream.wait_readable(Deadline(WAIT_S))
        return self.stream.receive(count)

    def do(self, letter: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(letter)
        self.process.stdin.flush()

    def wait_shown(self, what: bytes, count: int = 1) -> list[bytes]:
        """Until it has shown that, a regular expression, so often."""
        deadline = Deadline(WAIT_S)
        while len(found := re.findall(what, self.shown)) < count:
            assert not deadline.expired, f"{what!r} in {self.shown.decode(errors='replace')}"
            deadline.pause()
        return found

    @property
    def shown(self) -> bytes:
        return self._shown.read_bytes()

    def messages(self, kind: str) -> list[str]:
        """Directions, as the server sees them: >>> is its own."""
        return [line[:3] for line in self.shown.decode(errors="replace").splitlines() if kind in line]

    def close(self) -> None:
        self.sock.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(Authority(tmp_path / "trusted.pem"), tmp_path, getattr(request, "param", "-tls1_3"))
    yield server
    server.close()


def until_none_comes(server: Server, kind: str, count: int) -> None:
    """Read what is for nobody: tickets, new keys."""
    deadline = Deadline(WAIT_S)
    while len(server.messages(kind)) < count:
        assert not deadline.expired, server.messages(kind)
        assert server.stream.receive() is None
        deadline.pause()


def until_something_comes(server: Server) -> bytes:
    while (data := server.receive()) is None:
        pass
    return data


def test_new_keys_of_the_servers_are_taken_and_answered(server: Server) -> None:
    for times in (1, 2):
        server.do(REQUESTED)
        until_none_comes(server, KEY_UPDATE, 2 * times)
        server.stream.write(b"word %d\n" % times)
        server.wait_shown(b"word %d" % times)
        server.do(b"down %d\n" % times)
        assert server.receive() == b"down %d\n" % times
    assert server.messages(KEY_UPDATE) == [">>>", "<<<", ">>>", "<<<"]


def test_new_keys_come_behind_records_that_were_sealed_with_the_old_ones(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    system = FakeSystem(server.sock)
    monkeypatch.setattr(session, "_current", system)
    keep_alive = SealedKeepAlive("c", server.stream, PayloadKeepAlive.websocket_pong(fresh_masks(100)))
    keep_alive.begin()
    keep_alive._seal()
    system.device_sends(3)
    server.do(REQUESTED)
    until_none_comes(server, KEY_UPDATE, 2)
    server.stream.write(b"behind them\n")
    server.wait_shown(b"behind them")
    assert server.shown.count(PONG) == AHEAD
    assert b"error" not in server.shown.lower()
    keep_alive._seal()
    system.device_sends(AHEAD)
    assert server.wait_shown(PONG, 2 * AHEAD)
    keep_alive.forget()


@pytest.mark.parametrize("server", ["-tls1_2"], indirect=True)
def test_a_new_handshake_is_refused(server: Server) -> None:
    """The server may go on without; this one ends the connection."""
    server.do(RENEGOTIATE)
    server.wait_shown(b"HelloRequest")
    with pytest.raises(TlsError):
        until_something_comes(server)
    server.wait_shown(b"no_renegotiation")
    assert server.messages("ClientHello") == ["<<<"]
