"""Downloads over FTP (BTR-005): from a real server, and from one that does what servers should not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.ftp import FtpServer
from rig.standby.transfers.curl_loop import CurlError
from rig.standby.transfers.download import Download
from rig.standby.transfers.errors import web_error
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest
from rig.standby.wire.transfer_enums import WebErrorStatus
from rig.suite.programs import started
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here, Told, on_loop
from tests.standby.transfers.scripted_ftp import ScriptedFtp

FIRST, SECOND = (hashlib.shake_128(seed).digest(700_000) for seed in (b"first", b"second"))
KNOWN = f"MDTM 20010909014640 SIZE {len(FIRST)}"
PASSWORD = "a%20secret%2F%40%3A"


@pytest.fixture
def ftp(timeline: Timeline, tmp_path: Path) -> Iterator[FtpServer]:
    where = cast(Namespace, Here()), "127.0.0.1", timeline.writer("server")
    server = started(lambda: FtpServer(*where, tmp_path / "ftp", password="a secret/@:"))
    yield server
    server.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "episode"


def attempt(uri: str, path: Path, there: bytes = b"", validator: str = "", **limits_s: float) -> Told:
    """One attempt, by a process that has what the one before has left. Raises as `Download.attempt`."""
    if there:
        path.with_name("episode.part").write_bytes(there)
    told, file = Told(), PartialFile(path)
    try:
        on_loop(Download(TransferRequest(uri=uri, **limits_s), file, validator, told).attempt)  # type: ignore[arg-type]
        file.complete()
    finally:
        file.close()
    return told


def url(ftp: FtpServer, path: str, password: str = PASSWORD) -> str:
    return f"ftp://ftp:{password}@{ftp.address}:{ftp.port}{path}"


def test_a_file_with_the_credentials_of_its_uri(ftp: FtpServer, target: Path) -> None:
    ftp.publish("/feed/one file", FIRST)
    told = attempt(url(ftp, "/feed/one%20file"), target)
    assert target.read_bytes() == FIRST
    assert ftp.passwords() == ["a_secret/@:"]
    assert (told.validator, told.whole_bytes, told.lengths[-1]) == (KNOWN, len(FIRST), len(FIRST))


@pytest.mark.parametrize(
    ("path", "password", "status"),
    [("/one", "wrong", 401), ("/none", "a%20secret%2F%40%3A", 404), ("/no/dir", "a%20secret%2F%40%3A", 403)],
)
def test_what_a_server_says_no_to(ftp: FtpServer, target: Path, path: str, password: str, status: int) -> None:
    ftp.publish("/one", FIRST)
    with pytest.raises(CurlError) as error:
        attempt(url(ftp, path, password), target)
    assert web_error(error.value) == status
    assert not target.exists()


@pytest.mark.parametrize("there", [1, 300_000, len(FIRST) - 1])
def test_it_goes_on_where_it_was(ftp: FtpServer, target: Path, there: int) -> None:
    ftp.publish("/one", FIRST)
    told = attempt(url(ftp, "/one"), target, FIRST[:there], KNOWN)
    assert target.read_bytes() == FIRST
    assert told.restarts == 0
    assert ftp.commands("REST") == [f"REST {there}"]


def test_what_is_whole_is_not_asked_for_again(ftp: FtpServer, target: Path) -> None:
    ftp.publish("/one", FIRST)
    attempt(url(ftp, "/one"), target, FIRST, KNOWN)
    assert target.read_bytes() == FIRST
    assert ftp.commands("RETR") == []


@pytest.mark.parametrize(
    ("body", "changed_s"),
    [
        pytest.param(SECOND, 1_000_000_001, id="changed a second later"),
        pytest.param(SECOND[:650_000], 1_000_000_000, id="shorter"),
        pytest.param(SECOND[:200_000], 1_000_000_000, id="shorter than what is there"),
        pytest.param(SECOND[:300_000], 1_000_000_001, id="as long as what is there"),
        pytest.param(SECOND + FIRST, 1_000_000_000, id="longer"),
    ],
)
def test_another_file_begins_anew_and_nothing_is_mixed(ftp: FtpServer, target: Path, body: bytes, changed_s: float) -> None:
    ftp.publish("/one", body, changed_s)
    told = attempt(url(ftp, "/one"), target, FIRST[:300_000], KNOWN)
    assert target.read_bytes() == body
    assert told.restarts == 1


def test_a_file_that_may_change_within_the_second_of_its_time_is_never_gone_on_with(
    ftp: FtpServer, target: Path, tmp_path: Path
) -> None:
    ftp.publish("/one", FIRST, (tmp_path / "ftp" / "vsftpd.conf").stat().st_mtime)
    assert attempt(url(ftp, "/one"), target).validator == ""


def test_an_ftp_server_is_never_asked_through_an_http_proxy(ftp: FtpServer, target: Path) -> None:
    """Which would read the password."""
    ftp.publish("/one", FIRST)
    file = PartialFile(target)
    on_loop(Download(TransferRequest(uri=url(ftp, "/one"), proxy="http://127.0.0.1:1"), file, "", Told()).attempt)
    file.close()
    assert ftp.passwords() == ["a_secret/@:"]


# -- servers that do otherwise ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", ["REST", "MDTM", "SIZE"])
def test_a_server_that_lacks_a_command_gives_all_of_it_again(target: Path, refused: str) -> None:
    with ScriptedFtp(FIRST, {refused: "502 what?"}) as ftp:
        told = attempt(ftp.url(), target, FIRST[:5000], KNOWN)
    assert target.read_bytes() == FIRST
    assert (told.restarts, ftp.commands.count("RETR file")) == (1, 1 if refused == "REST" else 2)


def test_less_than_its_length_is_no_file(target: Path) -> None:
    with ScriptedFtp(FIRST, {"SIZE": f"213 {len(FIRST) + 5}"}) as ftp, pytest.raises(CurlError) as error:
        attempt(ftp.url(), target)
    assert web_error(error.value) == WebErrorStatus.CONNECTION_ABORTED
    assert not target.exists()


def test_lines_that_look_like_http_are_none(target: Path) -> None:
    with ScriptedFtp(
        FIRST, {"PASS": "230-HTTP/1.1 404 x\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n230 welcome"}
    ) as ftp:
        attempt(ftp.url(), target)
    assert target.read_bytes() == FIRST


def test_a_server_that_never_greets_is_not_connected_in_time(target: Path) -> None:
    """BTR-015."""
    with ScriptedFtp(FIRST, greeting=False) as ftp, pytest.raises(CurlError) as error:
        attempt(ftp.url(), target, connect_timeout_s=0.3)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT


@pytest.mark.parametrize("silent", ["USER", "PASS"])
def test_nor_is_one_that_does_not_say_whether_it_knows_me(target: Path, silent: str) -> None:
    with ScriptedFtp(FIRST, {silent: None}) as ftp, pytest.raises(CurlError) as error:
        attempt(ftp.url(), target, connect_timeout_s=0.3)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT


@pytest.mark.parametrize("silent", ["CWD", "MDTM", "SIZE", "RETR"])
def test_a_server_that_says_nothing_to_what_is_asked(target: Path, silent: str) -> None:
    """BTR-016."""
    with ScriptedFtp(FIRST, {silent: None}) as ftp, pytest.raises(CurlError, match=r"no answer within 0.3 s") as error:
        attempt(ftp.url("/dir/file"), target, response_timeout_s=0.3)
    assert web_error(error.value) == WebErrorStatus.TIMEOUT


@pytest.mark.parametrize("path", ["/%0d%0aDELE%20file", "/a%00b"])
def test_a_uri_is_no_way_to_other_commands(target: Path, path: str) -> None:
    with ScriptedFtp(FIRST) as ftp, pytest.raises(CurlError):
        attempt(ftp.url(path), target)
    assert not any(command.startswith("DELE") for command in ftp.commands)
