"""TLS between an app's bytes and the kernel's socket, which carries records and nothing else (RFC 8446; RFC 5246 with servers
that know no better). OpenSSL over two buffers: bytes go in and out here, and nothing is sent, received or waited for.

Trust is the bench's own authority and nothing else; names are checked always (RFC 9525). What the peer may do to a connection
that is up is little: new keys (KeyUpdate) are taken, a new handshake (renegotiation) is not. A stream ends with the peer's
close_notify; a FIN without it is an attacker's as likely as the peer's, and an error (RFC 8446 section 6.1).
"""

from __future__ import annotations

import contextlib
import errno
import ssl
from pathlib import Path

from rig.standby.api.socket_error import SocketErrorStatus as Status
from rig.standby.api.socket_error import TlsError

PLAIN_BYTES = 16384
"""Of one record at most (RFC 8446 section 5.1)."""

CIPHERS = "@SECLEVEL=2:ECDH+CHACHA20:ECDH+AESGCM:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""In TLS 1.2; those of 1.3 are OpenSSL's to choose. As Python's own list, but for ChaCha20, which is first: its records are short
enough to be sealed ahead."""

_OF_VERIFICATION = {
    9: Status.CERTIFICATE_EXPIRED,  # not yet valid: CERT_E_EXPIRED says "not within its validity period"
    10: Status.CERTIFICATE_EXPIRED,
    3: Status.CERTIFICATE_NO_REVOCATION_CHECK,
    18: Status.CERTIFICATE_UNTRUSTED_ROOT,  # signed by its own key
    19: Status.CERTIFICATE_UNTRUSTED_ROOT,
    20: Status.CERTIFICATE_UNTRUSTED_ROOT,
    21: Status.CERTIFICATE_UNTRUSTED_ROOT,
    23: Status.CERTIFICATE_REVOKED,
    26: Status.CERTIFICATE_WRONG_USAGE,
    62: Status.CERTIFICATE_COMMON_NAME_IS_INCORRECT,
    64: Status.CERTIFICATE_COMMON_NAME_IS_INCORRECT,  # an address
}
"""X509_V_ERR_... of OpenSSL's x509_vfy.h; any other is CERTIFICATE_IS_INVALID."""


def client_context(trusted: Path, client_certificate: Path | None = None, *, any_certificate: bool = False) -> ssl.SSLContext:
    """`trusted`: the file of the authorities; while it is not there nobody is trusted. `client_certificate`: a file with the
    app's own key and certificate, shown to who asks. `any_certificate`: of a server will do, so that anybody may be
    that server. Raises OSError for files that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    if any_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trusted.is_file():
        context.load_verify_locations(trusted)
    if client_certificate is not None:
        context.load_cert_chain(client_certificate)
    return context


class TlsLayer:
    """A client's side of one connection; fulfils `rig.standby.api.layer.Layer`. One thread at a time, but for
    `established`, `version` and `sealed_overhead_bytes`, which any may read.

    The handshake is over when `established`: until then what `outgoing` gives is sent, and what comes is given to `receive`.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        """`server_name`: the name or address that the server's certificate must be for."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._plain = bytearray()
        self._unsealed = bytearray()
        """What is to be sent: OpenSSL seals nothing while it has half of a message, such as a session ticket of two records."""
        self._ended = False
        self._error: TlsError | None = None
        self.established = False
        self.version: str | None = None
        """ "TLSv1.3"; None before the handshake is over. OpenSSL knows none while another thread reads a session ticket."""
        self.sealed_overhead_bytes: int | None = None
        """How much longer than what it holds a record is; None before the handshake is over, and where that is too much for one
        that a device sends."""
        self._shake_hands()

    def receive(self, data: bytes) -> None:
        """Raises TlsError for what ends the handshake. What ends the stream later is raised by `take`, behind what came
        before."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if not self.established:
            self._shake_hands()
        if self.established:
            self._decrypt()

    def take(self, count: int) -> bytes | None:
        """Raises TlsError where the stream has ended, but not by the peer's close_notify."""
        if self._plain:
            taken = bytes(self._plain[:count])
            del self._plain[: len(taken)]
            return taken
        self._check()
        return b"" if self._ended else None

    def send(self, data: bytes) -> None:
        """Raises TlsError on a connection that is over."""
        self._check()
        self._unsealed += data
        try:
            self._seal()
        except ssl.SSLError as error:
            self._unsealed.clear()
            raise _error_of(error) from error

    def _seal(self) -> None:
        """What is to be sent, as soon as that is possible. Raises ssl.SSLError."""
        try:
            while self._unsealed:
                del self._unsealed[: self._tls.write(self._unsealed)]
        except ssl.SSLWantReadError:
            pass  # with the rest of what the peer is saying

    def can_seal(self) -> bool:
        """Whether what is sent now is in `outgoing` at once. In TLS 1.3 an empty write shows it, and is nothing else."""
        if self._unsealed:
            return False
        try:
            if self.version == "TLSv1.3":
                self._tls.write(b"")
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            pass  # over: who sends hears it
        return True

    @property
    def buffered(self) -> bool:
        return bool(self._plain) or self._ended or self._error is not None

    def outgoing(self) -> bytes:
        return self._outgoing.read()

    @property
    def owes(self) -> bool:
        return self._outgoing.pending > 0

    def close(self) -> None:
        """close_notify. Closed already, or over: nothing."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()

    def _check(self) -> None:
        """Raises what has ended the connection, each time a new one: it is raised to many."""
        if self._error is not None:
            raise TlsError(self._error.errno or 0, self._error.strerror or "", self._error.status)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._error = _error_of(error)
            raise self._error from error
        self.version = self._tls.version()
        self.sealed_overhead_bytes = _overhead_bytes(self.version, self._tls.cipher())
        self.established = True  # last: who reads that it is has the others

    def _decrypt(self) -> None:
        """All that came: whoever waits for more plain bytes must know whether there are some here."""
        while not self._ended and self._error is None:
            try:
                data = self._tls.read(PLAIN_BYTES)
            except ssl.SSLWantReadError:
                self._answer_new_keys()
                with contextlib.suppress(ssl.SSLError):  # who writes next hears it
                    self._seal()
                return
            except ssl.SSLError as error:
                self._error = _error_of(error)
            else:
                self._plain += data
                self._ended = not data

    def _answer_new_keys(self) -> None:
        """OpenSSL puts its answer to a KeyUpdate before the next record that is written: one that is sealed ahead, and thought to
        be alone. An empty write has it come now, and is nothing else (RFC 8446 section 4.6.3)."""
        if self.version == "TLSv1.3":
            with contextlib.suppress(ssl.SSLError):  # it has been closed at this end
                self._tls.write(b"")


def _overhead_bytes(version: str | None, cipher: tuple[str, str, int] | None) -> int | None:
    """Header 5, tag 16, in TLS 1.3 a type (RFC 8446 section 5.2); AES in TLS 1.2 has 8 bytes of nonce more (RFC 5288), ChaCha20
    none (RFC 7905)."""
    if version == "TLSv1.3":
        return 22
    return 21 if cipher is not None and "CHACHA20" in cipher[0] else None


def _error_of(error: ssl.SSLError) -> TlsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"the server's certificate is refused: {error.verify_message}"
        return TlsError(errno.EACCES, words, _OF_VERIFICATION.get(error.verify_code, Status.CERTIFICATE_IS_INVALID))
    if isinstance(error, ssl.SSLEOFError):
        return TlsError(errno.ECONNRESET, "the server's bytes end in the middle of TLS", Status.CONNECTION_RESET_BY_PEER)
    reason = (error.reason or str(error)).lower().replace("_", " ")
    return TlsError(errno.EPROTO, f"TLS: {reason}")
