"""The client's side of TLS over bytes: what comes out of it, however they are cut, and what ends it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.peers.authority import Authority, Flaw
from rig.standby.api.socket_error import SocketError, TlsError
from rig.standby.api.socket_error import SocketErrorStatus as Status
from rig.standby.api.tls import TlsLayer, client_context
from tests.standby.tls_peer import NAME, TlsPeer, records_of, shake_hands

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
OF_FLAWS = {
    Flaw.WRONG_NAME: Status.CERTIFICATE_COMMON_NAME_IS_INCORRECT,
    Flaw.EXPIRED: Status.CERTIFICATE_EXPIRED,
    Flaw.NOT_YET_VALID: Status.CERTIFICATE_EXPIRED,
    Flaw.SELF_SIGNED: Status.CERTIFICATE_UNTRUSTED_ROOT,
    Flaw.UNKNOWN_AUTHORITY: Status.CERTIFICATE_UNTRUSTED_ROOT,
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "trusted.pem")


class Ends(SimpleNamespace):
    client: TlsLayer
    server: TlsPeer


def made(authority: Authority, server: ssl.SSLContext, name: str = NAME, certificate: Path | None = None) -> Ends:
    return Ends(client=TlsLayer(client_context(authority.trusted, certificate), name), server=TlsPeer(server))


def connected(authority: Authority, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Ends:
    ends = made(authority, authority.server_context(NAME, oldest=version, newest=version))
    shake_hands(ends.client, ends.server)
    assert ends.client.established
    assert ends.server.established
    return ends


def taken(client: TlsLayer) -> bytes:
    """All that there is, in bits of three bytes."""
    whole = b""
    while data := client.take(3):
        whole += data
    return whole


# -- bytes both ways ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_come_through_both_ways(authority: Authority, version: ssl.TLSVersion) -> None:
    ends = connected(authority, version)
    assert ends.client.version == version.name.replace("_", ".")
    assert ends.client.take(10) is None
    ends.client.send(b"up")
    ends.server.receive(ends.client.outgoing())
    assert ends.server.received == b"up"
    ends.client.receive(ends.server.said(b"down"))
    assert ends.client.buffered
    assert ends.client.take(10) == b"down"
    assert not ends.client.buffered
    assert ends.client.take(10) is None


def test_its_version_stays_known_while_another_thread_takes_a_session_ticket(authority: Authority) -> None:
    """Two of them come behind the handshake of 1.3; OpenSSL is not "finished" while it reads one."""
    context = authority.server_context(NAME)
    context.num_tickets = 200
    ends = made(authority, context)
    ends.server.receive(ends.client.outgoing())
    ends.client.receive(ends.server.said())
    ends.server.receive(ends.client.outgoing())
    assert ends.client.established
    reader = threading.Thread(target=ends.client.receive, args=(ends.server.said(),))
    reader.start()
    said = {(ends.client.version, ends.client.sealed_overhead_bytes)}
    while reader.is_alive():
        said.add((ends.client.version, ends.client.sealed_overhead_bytes))
    reader.join()
    assert said == {("TLSv1.3", 22)}


class HalfATicket:
    """OpenSSL's face while it has one record of a session ticket that comes in two, which Python's servers do not send."""

    def __init__(self, tls: Any) -> None:
        self._tls = tls
        self.half = True

    def write(self, data: bytes) -> int:
        if self.half:
            raise ssl.SSLWantReadError
        return int(self._tls.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)


def test_what_is_sent_while_half_a_ticket_is_there_goes_with_the_rest_of_it(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = connected(authority, ssl.TLSVersion.TLSv1_3)
    ticket = HalfATicket(ends.client._tls)
    monkeypatch.setattr(ends.client, "_tls", ticket)
    assert not ends.client.can_seal()
    ends.client.send(b"up ")
    ends.client.send(b"and up")
    assert ends.client.outgoing() == b""
    ticket.half = False
    assert not ends.client.can_seal(), "what waits comes first"
    ends.client.receive(ends.server.said(b"the rest"))
    ends.server.receive(ends.client.outgoing())
    assert ends.server.received == b"up and up"
    assert ends.client.can_seal()
    assert ends.client.outgoing() == b"", "to ask says nothing"


WHOLE = 100_000
CUTS = st.sets(st.one_of(st.integers(1, WHOLE), st.integers(1, 50), st.integers(WHOLE - 50, WHOLE)), max_size=8)
"""Places in what is sent, whose length is another each time; more at its ends."""


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_however_the_bytes_are_cut_the_same_comes_out(authority: Authority, data: st.DataObject) -> None:
    """From the first byte of the handshake on, with tickets among them, to the close."""
    version = data.draw(st.sampled_from(VERSIONS))
    ends = made(authority, authority.server_context(NAME, oldest=version, newest=version))
    messages = data.draw(st.lists(st.binary(min_size=1, max_size=40_000), max_size=4))
    whole = b""

    def give(wire: bytes) -> None:
        nonlocal whole
        cuts = sorted(place * len(wire) // WHOLE for place in data.draw(CUTS))
        for start, end in pairwise([0, *cuts, len(wire)]):
            if wire[start:end]:
                ends.client.receive(wire[start:end])
                whole += taken(ends.client)

    while not ends.server.established:
        ends.server.receive(ends.client.outgoing())
        give(ends.server.said())
    give(b"".join(ends.server.said(message) for message in messages) + ends.server.close())
    assert whole == b"".join(messages)
    assert ends.client.take(1) == b""


def test_more_than_a_record_holds_goes_in_several(authority: Authority) -> None:
    ends = connected(authority)
    whole = bytes(range(256)) * 300
    ends.client.send(whole)
    wire = ends.client.outgoing()
    assert len(records_of(wire)) == 5
    ends.server.receive(wire)
    assert ends.server.received == whole


# -- the end of the stream ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_close_notify_is_the_end_and_what_came_before_is_not_lost(authority: Authority, version: ssl.TLSVersion) -> None:
    ends = connected(authority, version)
    ends.client.receive(ends.server.said(b"last words") + ends.server.close())
    ends.client.receive(b"")
    assert ends.client.take(100) == b"last words"
    assert ends.client.buffered
    assert ends.client.take(100) == ends.client.take(100) == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bare_fin_is_an_error_behind_what_came_before(authority: Authority, version: ssl.TLSVersion) -> None:
    """Anybody on the way can send one (RFC 8446 section 6.1)."""
    ends = connected(authority, version)
    ends.client.receive(ends.server.said(b"pay 100"))
    ends.client.receive(b"")
    assert ends.client.take(100) == b"pay 100"
    assert ends.client.buffered
    for _ in range(2):
        with pytest.raises(TlsError) as error:
            ends.client.take(100)
        assert SocketError.get_status(error.value) is Status.CONNECTION_RESET_BY_PEER


def test_a_fin_in_the_middle_of_a_record_is_one_too(authority: Authority) -> None:
    ends = connected(authority)
    ends.client.receive(ends.server.said(b"pay 100")[:-1])
    assert ends.client.take(100) is None
    ends.client.receive(b"")
    with pytest.raises(TlsError):
        ends.client.take(100)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_close_is_told_to_the_peer_once(authority: Authority, version: ssl.TLSVersion) -> None:
    ends = connected(authority, version)
    ends.client.close()
    assert ends.client.owes
    ends.server.receive(ends.client.outgoing())
    assert ends.server.ended
    ends.client.close()
    assert not ends.client.owes


@pytest.mark.parametrize("version", VERSIONS)
def test_what_comes_after_a_close_of_this_end_is_received_all_the_same(authority: Authority, version: ssl.TLSVersion) -> None:
    ends = connected(authority, version)
    ends.client.close()
    ends.client.receive(ends.server.said(b"on its way"))
    assert ends.client.take(100) == b"on its way"


def test_what_is_not_connected_yet_is_closed_in_silence(authority: Authority) -> None:
    ends = made(authority, authority.server_context(NAME))
    ends.client.outgoing()
    ends.client.close()
    assert not ends.client.owes


# -- what a peer may not do --------------------------------------------------------------------------------------------


def huge(record: bytes) -> bytes:
    return record[:3] + (2**14 + 257).to_bytes(2, "big") + bytes(2**14 + 257)


def with_a_bit_changed(record: bytes) -> bytes:
    return record[:-1] + bytes([record[-1] ^ 1])


SPOILT: list[Callable[[bytes], bytes]] = [
    huge,
    with_a_bit_changed,
    lambda record: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    lambda record: bytes(len(record)),
    lambda record: record + record,
]


@pytest.mark.parametrize("spoil", SPOILT, ids=["longer than allowed", "a bit changed", "no TLS", "zeros", "twice"])
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_no_record_of_the_peers_ends_it_and_the_peer_is_told(
    authority: Authority, spoil: Callable[[bytes], bytes], version: ssl.TLSVersion
) -> None:
    ends = connected(authority, version)
    ends.client.receive(spoil(ends.server.said(b"down")))
    with pytest.raises(TlsError) as error:
        taken(ends.client)  # what is sent twice is right once
    assert SocketError.get_status(error.value) is Status.UNKNOWN
    assert ends.client.owes, "an alert"
    with pytest.raises(TlsError):
        ends.client.send(b"more")


@given(garbage=st.binary(min_size=1, max_size=600))
@settings(max_examples=200, deadline=None)
def test_garbage_in_place_of_a_server_ends_in_nothing_but_a_tls_error(authority: Authority, garbage: bytes) -> None:
    ends = made(authority, authority.server_context(NAME))
    ends.client.outgoing()
    try:
        ends.client.receive(garbage)
        ends.client.receive(b"")
    except TlsError:
        return
    pytest.fail("it took that for a server")


def test_a_renegotiation_is_refused_and_the_connection_goes_on(authority: Authority) -> None:
    """HelloRequest, which a server of TLS 1.2 may send at any time (RFC 5246 section 7.4.1.1): encrypted it would be OpenSSL's
    own to send. One that nobody has encrypted is no record of the peer's."""
    ends = connected(authority, ssl.TLSVersion.TLSv1_2)
    ends.client.receive(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00")
    with pytest.raises(TlsError):
        ends.client.take(100)
    assert client_context(authority.trusted).options & ssl.OP_NO_RENEGOTIATION


# -- handshakes that fail ----------------------------------------------------------------------------------------------


def refusal(ends: Ends) -> TlsError:
    with pytest.raises(TlsError) as error:
        shake_hands(ends.client, ends.server)
    assert not ends.client.established
    return error.value


@pytest.mark.parametrize("flaw", list(OF_FLAWS))
@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrong_certificate_is_refused_by_its_kind(authority: Authority, flaw: Flaw, version: ssl.TLSVersion) -> None:
    ends = made(authority, authority.server_context(NAME, flaw=flaw, oldest=version, newest=version))
    error = refusal(ends)
    assert SocketError.get_status(error) is OF_FLAWS[flaw]
    assert "certificate" in str(error)
    with pytest.raises(ssl.SSLError, match="alert"):
        ends.server.receive(ends.client.outgoing())


def test_a_right_certificate_is_refused_where_no_authority_is_trusted(authority: Authority, tmp_path: Path) -> None:
    """Not even those that the machine trusts."""
    context = authority.server_context(NAME)
    ends = Ends(client=TlsLayer(client_context(tmp_path / "none.pem"), NAME), server=TlsPeer(context))
    assert refusal(ends).status is Status.CERTIFICATE_UNTRUSTED_ROOT
    assert client_context(tmp_path / "none.pem").cert_store_stats()["x509"] == 0
    assert client_context(authority.trusted).cert_store_stats()["x509"] == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_a_server_that_knows_only_old_tls_is_refused(authority: Authority) -> None:
    context = authority.server_context(NAME, oldest=ssl.TLSVersion.MINIMUM_SUPPORTED, newest=ssl.TLSVersion.TLSv1_1)
    ends = made(authority, context)
    with pytest.raises(ssl.SSLError):
        ends.server.receive(ends.client.outgoing())
    with pytest.raises(TlsError, match="alert"):
        ends.client.receive(ends.server.said())


def test_a_fin_in_the_handshake_ends_it(authority: Authority) -> None:
    ends = made(authority, authority.server_context(NAME))
    ends.server.receive(ends.client.outgoing())
    ends.client.receive(ends.server.said()[:100])
    with pytest.raises(TlsError) as error:
        ends.client.receive(b"")
    assert error.value.status is Status.CONNECTION_RESET_BY_PEER


def test_a_client_certificate_is_shown_to_who_asks(authority: Authority) -> None:
    context = authority.server_context(NAME, client_certificate=True)
    ends = made(authority, context, certificate=authority.client_file("alice"))
    shake_hands(ends.client, ends.server)
    assert "alice" in str(ends.server.tls.getpeercert())


def test_who_has_no_client_certificate_learns_that_after_the_handshake(authority: Authority) -> None:
    """TLS 1.3: the client is done before the server has looked (RFC 8446 section 4.4.2.4)."""
    ends = made(authority, authority.server_context(NAME, client_certificate=True))
    with pytest.raises(ssl.SSLError):
        shake_hands(ends.client, ends.server)
    assert ends.client.established
    ends.client.receive(ends.server.said())
    with pytest.raises(TlsError, match="certificate required"):
        ends.client.take(1)
