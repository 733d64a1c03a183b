"""The bench's own certificate authority: what its servers show, and the one that the host's apps trust.

Keys are throw-away ones of this bench, ECDSA P-256: one is made in below a millisecond, and the library that makes them is
imported when somebody wants the first. A bench that uses no TLS has none of it. The machine's own store of certificates is
nowhere used.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import ssl
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme
    from cryptography import x509

LONG_AGO = datetime.datetime(2001, 1, 1)
FAR_OFF = datetime.datetime(2999, 1, 1)
"""Where a certificate's time begins or ends that is not now: wrong whatever the machine's clock says."""
KEYS = "tls_keys.log"
"""In the format of NSS, which Wireshark calls the (Pre)-Master-Secret log: tls.keylog_file."""
ANOTHER_NAME = "another.example"


class Flaw(enum.Enum):
    """What is wrong with a server's certificate."""

    NONE = "none"
    WRONG_NAME = "wrong name"
    """It is for another server (RFC 9525)."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    SELF_SIGNED = "self-signed"
    """By its own key."""
    UNKNOWN_AUTHORITY = "unknown authority"
    """By an authority that nobody trusts."""


class Authority:
    """`Bench.authority`. `trusted` is the file that the host's apps trust: it is written with the first certificate. Files of
    clients' certificates stand beside it, and one with the keys of all connections, by which Wireshark reads what the capture has
    of them. Any thread may call but for the very first call."""

    def __init__(self, trusted: Path) -> None:
        self.trusted = trusted

    @cached_property
    def _authority(self) -> trustme.CA:
        import trustme

        authority = trustme.CA(organization_name="rig")
        self.trusted.write_bytes(authority.cert_pem.bytes())
        return authority

    def server_context(
        self,
        *names: str,
        flaw: Flaw = Flaw.NONE,
        oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        client_certificate: bool = False,
    ) -> ssl.SSLContext:
        """For a server of those names or addresses. `client_certificate`: it wants one of this authority's, and ends the
        handshake without (RFC 8446 section 4.4.2.4)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = oldest, newest
        _load(context, self.server_pem(*names, flaw=flaw))
        context.keylog_filename = str(self.trusted.with_name(KEYS))
        if client_certificate:
            context.load_verify_locations(cadata=self._authority.cert_pem.bytes().decode("ascii"))
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def server_pem(self, *names: str, flaw: Flaw = Flaw.NONE) -> bytes:
        """Key and certificate, for a server that is none of Python's."""
        authority = self._authority
        match flaw:
            case Flaw.NONE:
                return _pem(authority.issue_cert(*names))
            case Flaw.WRONG_NAME:
                return _pem(authority.issue_cert(ANOTHER_NAME))
            case Flaw.EXPIRED:
                return _pem(authority.issue_cert(*names, not_after=LONG_AGO))
            case Flaw.NOT_YET_VALID:
                return _pem(authority.issue_cert(*names, not_before=FAR_OFF))
            case Flaw.UNKNOWN_AUTHORITY:
                return _pem(_nobodys().issue_cert(*names))
            case Flaw.SELF_SIGNED:
                return _by_its_own_key(names)

    def client_file(self, name: str) -> Path:
        """A file with the key and the certificate of a client, made with the first call for that name."""
        path = self.trusted.with_name(f"{name}.pem")
        if not path.exists():
            path.write_bytes(_pem(self._authority.issue_cert(f"{name}@client.example", common_name=name)))
        return path


def _nobodys() -> trustme.CA:
    import trustme

    return trustme.CA(organization_name="nobody")


def _by_its_own_key(names: tuple[str, ...]) -> bytes:
    """For those names, so that nothing else is wrong with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "nobody")])
    known_as = x509.SubjectAlternativeName([_general_name(name) for name in names])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), LONG_AGO, FAR_OFF)
    certificate = made.add_extension(known_as, critical=False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    return private + certificate.public_bytes(pem)


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(issued: trustme.LeafCert) -> bytes:
    return issued.private_key_and_cert_chain_pem.bytes()


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """OpenSSL takes a file alone."""
    with NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
