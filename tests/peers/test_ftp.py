"""vsftpd as a peer: files for who knows the password, from the middle too; and that it ends."""

from __future__ import annotations

import ftplib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.net.network import Network
from rig.peers.ftp import COMMAND, WITH_ITS_SESSIONS, FtpServer
from rig.peers.program import find
from rig.suite.programs import started
from rig.timeline import Timeline
from tests.peers.ftp_client import client_of, fetch

Run = Callable[..., FtpServer]


@pytest.fixture
def run(network: Network, timeline: Timeline, tmp_path: Path) -> Iterator[Run]:
    plan, running = network.topology.server, list[FtpServer]()
    where = network.namespaces[plan.name], plan.ip4, timeline.writer("server")

    def runs(**options: object) -> FtpServer:
        folder = tmp_path / f"ftp-{len(running)}"
        made = started(lambda: FtpServer(*where, folder, **options))  # type: ignore[arg-type]
        running.append(made)
        return made

    yield runs
    for one in running:
        one.close()


def test_it_serves_files_and_tells_what_it_was_asked(network: Network, run: Run) -> None:
    ftp = run()
    ftp.publish("/feed/1.txt", b"number one")
    with client_of(network, ftp) as client:
        assert fetch(client, "feed/1.txt", 0) == b"number one"
        assert fetch(client, "feed/1.txt", 7) == b"one"
        assert client.sendcmd("MDTM feed/1.txt") == "213 20010909014640"
    ftp.wait_command("REST 7")
    assert ftp.commands("RETR") == ["RETR feed/1.txt"] * 2
    assert ftp.passwords() == ["guest"]


def test_only_who_has_the_password_gets_in(network: Network, run: Run) -> None:
    ftp = run(password="a secret")
    with client_of(network, ftp, password="a secret"):
        pass
    with pytest.raises(ftplib.error_perm, match="530"):
        client_of(network, ftp, password="another")
    with pytest.raises(ftplib.error_perm, match="530"):
        client_of(network, ftp, user="root", password="a secret")


@contextmanager
def killed(child: subprocess.Popen[str]) -> Iterator[None]:
    """However the block is left: else the child's own block waits for an end that never comes."""
    try:
        yield
    finally:
        child.kill()


def test_it_needs_no_root(network: Network, run: Run) -> None:
    """In a user namespace there is no other user, whoever asks."""
    ftp, server = run(), network.server
    ftp.close()
    alone = ["unshare", "--user", "--map-root-user", *WITH_ITS_SESSIONS]
    argv = [*server.enter_command(), *alone, find(COMMAND, COMMAND), f"{ftp.folder}/vsftpd.conf"]
    deadline = Deadline(WAIT_S)
    with subprocess.Popen(argv, pass_fds=(server.fd,), stderr=subprocess.PIPE, text=True) as child, killed(child):
        while child.poll() is None and not deadline.expired:
            try:
                client_of(network, ftp).close()
            except (ConnectionError, EOFError):  # it does not listen yet, or is not ready for who came first
                deadline.pause()
            else:
                child.kill()
                return
        child.kill()
        assert child.stderr is not None
        complaint = child.stderr.read()
    assert "unshare" in complaint, complaint
    pytest.skip(f"no user namespaces here: {complaint}")


def keep_asking(client: ftplib.FTP) -> None:
    deadline = Deadline(WAIT_S)
    while not deadline.expired:
        client.voidcmd("NOOP")


def test_it_ends_with_all_its_sessions_when_it_is_closed(network: Network, run: Run) -> None:
    ftp = run()
    pid = ftp.pid
    client = client_of(network, ftp)
    ftp.close()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises((EOFError, ConnectionError)):
        keep_asking(client)
    client.close()


def test_without_it_the_error_names_the_package(
    monkeypatch: pytest.MonkeyPatch, network: Network, timeline: Timeline, tmp_path: Path
) -> None:
    monkeypatch.setattr("rig.peers.program.shutil.which", lambda *_args, **_options: None)
    with pytest.raises(BenchError) as missing:
        FtpServer(network.host, network.topology.host.ip4, timeline, tmp_path / "ftp")
    assert (missing.value.code, missing.value.fix) == ("RIG-T01", "apt install --no-install-recommends vsftpd")
    assert not (tmp_path / "ftp").exists()
