"""What an app is told of each thing that can go wrong (BTR-029)."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pycurl
import pytest

from rig.net.network import Network
from rig.net.topology import load
from rig.standby.transfers.bodies import BodyChanged
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.errors import HttpFailed, LyingServer, fault_of, web_error
from rig.standby.transfers.http_reply import RedirectRefused
from rig.standby.wire.transfer_enums import WebErrorStatus

ROOT = Path(__file__).parents[3]


def curl(code: int, os_error: int = 0, verify_result: int = 0, proxy_status: int = 0) -> CurlError:
    error = CurlError(code, "words")
    error.os_error, error.verify_result, error.proxy_status = os_error, verify_result, proxy_status
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((HttpFailed(status, ""), status) for status in (300, 304, 305, 307, 400, 401, 404, 407, 416, 417, 500, 503, 505)),
        *((HttpFailed(status, ""), 18) for status in (0, 202, 204, 226, 600, 999)),
        *((HttpFailed(status, ""), 19) for status in (306, 308, 399)),
        *((HttpFailed(status, ""), 20) for status in (418, 425, 429, 451, 499)),
        *((HttpFailed(status, ""), 21) for status in (506, 507, 511, 599)),
        (LyingServer("more"), 8),
        (RedirectRefused("http://x/", secure_before=True), 13),
        (RedirectRefused("file:///x", secure_before=False), 19),
        (curl(pycurl.E_UNSUPPORTED_PROTOCOL), 8),
        (curl(pycurl.E_COULDNT_RESOLVE_HOST), 15),
        (curl(pycurl.E_COULDNT_RESOLVE_PROXY), 15),
        (curl(pycurl.E_COULDNT_CONNECT), 14),
        (curl(pycurl.E_COULDNT_CONNECT, errno.ECONNREFUSED), 14),
        (curl(pycurl.E_COULDNT_CONNECT, errno.ENETUNREACH), 6),
        (curl(pycurl.E_COULDNT_CONNECT, errno.EHOSTUNREACH), 6),
        (curl(pycurl.E_COULDNT_CONNECT, errno.ETIMEDOUT), 7),
        (curl(pycurl.E_OPERATION_TIMEDOUT), 7),
        (curl(pycurl.E_PARTIAL_FILE), 9),
        (curl(pycurl.E_PARTIAL_FILE, errno.ECONNRESET), 9),
        (curl(pycurl.E_GOT_NOTHING), 9),
        (curl(pycurl.E_RECV_ERROR, errno.ECONNRESET), 10),
        (curl(pycurl.E_SEND_ERROR, errno.EPIPE), 10),
        (curl(pycurl.E_RECV_ERROR), 11),
        (curl(pycurl.E_SEND_ERROR), 11),
        (curl(pycurl.E_RECV_ERROR, errno.ETIMEDOUT), 7),
        (curl(pycurl.E_SSL_CONNECT_ERROR), 14),
        (curl(pycurl.E_SSL_CONNECT_ERROR, errno.ECONNRESET), 10),
        (curl(pycurl.E_TOO_MANY_REDIRECTS), 17),
        (curl(pycurl.E_FTP_WEIRD_SERVER_REPLY), 8),
        (curl(pycurl.E_FTP_COULDNT_USE_REST), 22),
        (curl(pycurl.E_LOGIN_DENIED), 401),
        (curl(pycurl.E_REMOTE_ACCESS_DENIED), 403),
        (curl(pycurl.E_REMOTE_FILE_NOT_FOUND), 404),
        (curl(pycurl.E_RECV_ERROR, proxy_status=407), 407),
        (curl(pycurl.E_RECV_ERROR, proxy_status=502), 502),
        (curl(pycurl.E_PEER_FAILED_VERIFICATION), 1),
        *((curl(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=result), 1) for result in (1, 62, 64)),
        *((curl(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=result), 2) for result in (9, 10)),
        *((curl(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=result), 3) for result in (7, 13, 26, 66)),
        (curl(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=23), 4),
        *((curl(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=result), 5) for result in (18, 19, 20, 21)),
        (curl(pycurl.E_SSL_CACERT_BADFILE), 5),
        (curl(100), 8),
        (curl(pycurl.E_OUT_OF_MEMORY), 0),
        (OSError(28, "No space left on device"), 0),
        (BodyChanged("shorter"), 0),
    ],
)
def test_the_number_of_an_error(error: Exception, expected: int) -> None:
    assert web_error(error) == expected


def test_the_codes_of_http_that_have_no_number_of_their_own_never_meet_one() -> None:
    """A number is either: below 300 an error of the network, above a code."""
    assert max(WebErrorStatus) < 300


def test_the_words_of_a_server_are_bounded_and_move_no_cursor() -> None:
    fault = fault_of(HttpFailed(500, "\x1b[2J\x07\r\n" + "x" * 100_000))
    assert (fault.web_error, fault.words[:17], len(fault.words)) == (500, "HTTP 500  [2J   x", 2000)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network(load("flat")) as network:
        yield network


FROM_A_MACHINE = """
import sys
from pathlib import Path
from rig.standby.transfers.errors import web_error
from rig.standby.transfers.request import TransferRequest
from tests.standby.transfers.engine import downloaded
try:
    downloaded(TransferRequest(uri=sys.argv[1]), Path(sys.argv[2]))
except Exception as error:
    print(int(web_error(error)))
"""


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://198.51.100.7/", WebErrorStatus.SERVER_UNREACHABLE),
        ("ftp://198.51.100.7/x", WebErrorStatus.SERVER_UNREACHABLE),
        ("http://no-such-name.example/", WebErrorStatus.HOST_NAME_NOT_RESOLVED),
        ("http://{server}:1/", WebErrorStatus.CANNOT_CONNECT),
    ],
)
def test_of_a_machine_that_knows_no_way_there(network: Network, tmp_path: Path, uri: str, expected: int) -> None:
    host = network.host
    argv = [*host.enter_command(), sys.executable, "-c", FROM_A_MACHINE]
    argv += [uri.format(server=network.topology.server.ip4), str(tmp_path / "x")]
    done = subprocess.run(argv, pass_fds=(host.fd,), capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert done.stdout == f"{expected:d}\n"
