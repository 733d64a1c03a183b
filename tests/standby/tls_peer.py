"""A TLS server without a socket, for tests of the client's side: OpenSSL between buffers, with the bench's own certificates."""

from __future__ import annotations

import ssl

from rig.standby.api.tls import TlsLayer

NAME = "192.0.2.1"
HEADER_BYTES = 5
"""Type, version, length (RFC 8446 section 5.1)."""


class TlsPeer:
    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.established = False
        self.received = bytearray()
        self.ended = False

    def receive(self, data: bytes) -> None:
        """Raises ssl.SSLError for what is not as it should be: OpenSSL is the judge."""
        self._in.write(data)
        try:
            if not self.established:
                self.tls.do_handshake()
                self.established = True
            while data := self.tls.read(1 << 14):
                self.received += data
            self.ended = True
        except ssl.SSLWantReadError:
            pass

    def said(self, data: bytes = b"") -> bytes:
        """What it sends: `data`, and what of its own has not been fetched yet."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.tls.write(rest) :]
        return self._out.read()

    def close(self) -> bytes:
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self._out.read()


def shake_hands(client: TlsLayer, server: TlsPeer) -> None:
    """Until neither has anything to say."""
    while data := client.outgoing():
        server.receive(data)
        if answer := server.said():
            client.receive(answer)


def records_of(data: bytes) -> list[bytes]:
    """The whole records that it is made of."""
    records = []
    while data:
        length = HEADER_BYTES + int.from_bytes(data[3:5], "big")
        assert len(data) >= length, "it ends in the middle of a record"
        records.append(data[:length])
        data = data[length:]
    return records
