"""ftplib on the host's machine."""

from __future__ import annotations

import ftplib
import socket

from rig.net.network import Network
from rig.peers.ftp import USER, FtpServer


class _Client(ftplib.FTP):
    """Its sockets are those of a namespace."""

    def __init__(self, network: Network) -> None:
        super().__init__(timeout=10)
        self._network = network

    def through(self, host: str, port: int) -> socket.socket:
        sock = self._network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect((host, port))
        return sock

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        sock = self.through(*self.makepasv())
        if rest is not None:
            self.sendcmd(f"REST {rest}")
        self.sendcmd(cmd)
        return sock, None


def client_of(network: Network, server: FtpServer, user: str = USER, password: str = "guest") -> ftplib.FTP:
    """Logged in."""
    client = _Client(network)
    client.sock = client.through(server.address, server.port)
    client.af = client.sock.family
    client.file = client.sock.makefile("r", encoding=client.encoding)
    client.getresp()
    client.login(user, password)
    return client


def fetch(client: ftplib.FTP, path: str, offset: int) -> bytes:
    """From there to the end."""
    pieces: list[bytes] = []
    client.retrbinary(f"RETR {path}", pieces.append, rest=offset)
    return b"".join(pieces)
