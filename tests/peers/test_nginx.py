"""nginx as a peer: files, a proxy before a scripted peer, TLS; and that it ends."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.net.network import Network
from rig.peers import PushServer
from rig.peers.authority import Authority
from rig.peers.nginx import BEHIND, COMMAND, PACKAGE, UPLOADS, Nginx, Request
from rig.peers.program import find
from rig.peers.websocket import WebSocketServer
from rig.suite.programs import started
from rig.timeline import Timeline

Run = Callable[..., Nginx]


@pytest.fixture
def run(network: Network, timeline: Timeline, tmp_path: Path) -> Iterator[Run]:
    plan, running = network.topology.server, list[Nginx]()
    where = network.namespaces[plan.name], plan.ip4, timeline.writer("server")

    def runs(**options: object) -> Nginx:
        folder = tmp_path / f"nginx-{len(running)}"
        made = started(lambda: Nginx(*where, folder, **options))  # type: ignore[arg-type]
        running.append(made)
        return made

    yield runs
    for one in running:
        one.close()


def client_of(network: Network, nginx: Nginx) -> http.client.HTTPConnection:
    """On the host's machine."""
    client = http.client.HTTPConnection(nginx.address, nginx.port, timeout=10)
    client.sock = plain_socket(network, nginx)
    return client


def plain_socket(network: Network, nginx: Nginx) -> socket.socket:
    sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect((nginx.address, nginx.port))
    return sock


def test_it_serves_files_and_tells_what_it_answered(network: Network, run: Run) -> None:
    nginx = run()
    nginx.publish("/feed/1.txt", b"one")
    client = client_of(network, nginx)
    client.request("GET", "/feed/1.txt")
    answer = client.getresponse()
    assert (answer.status, answer.read(), answer.headers["Server"][:5]) == (200, b"one", "nginx")
    client.request("GET", '/feed/2.txt?q="x"')
    assert client.getresponse().status == 404
    assert nginx.wait_request("/feed/1.txt") == Request("GET", "/feed/1.txt", 200, 3)
    assert nginx.wait_request('/feed/2.txt?q="x"').status == 404
    client.close()


def test_it_takes_files_and_gives_what_is_asked_of_one(network: Network, run: Run) -> None:
    nginx = run()
    client = client_of(network, nginx)
    client.request("PUT", f"{UPLOADS}a/b", b"0123456789")
    assert (client.getresponse().status, nginx.uploaded(f"{UPLOADS}a/b")) == (201, b"0123456789")
    client.close()
    client = client_of(network, nginx)
    client.request("GET", f"{UPLOADS}a/b", headers={"Range": "bytes=4-"})
    answer = client.getresponse()
    assert (answer.status, answer.read(), answer.headers["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
    client.request("PUT", "/elsewhere", b"x")
    assert client.getresponse().status == 405
    client.close()


def test_a_rate_of_its_answers(network: Network, run: Run) -> None:
    nginx = run(rate_bytes_s=200_000)
    nginx.publish("/x", b"x" * 300_000)
    client, began_s = client_of(network, nginx), time.monotonic()
    client.request("GET", "/x")
    assert len(client.getresponse().read()) == 300_000
    assert time.monotonic() - began_s > 0.5
    client.close()


def test_a_long_poll_waits_behind_it(network: Network, run: Run, timeline: Timeline) -> None:
    plan = network.topology.server
    with PushServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server")) as behind:
        nginx = run(peer=(behind.address, behind.port))
        client = client_of(network, nginx)
        client.request("GET", f"{BEHIND}poll?since=7")
        request = behind.connection().wait_received(1)
        assert request.startswith(b"GET /poll?since=7 HTTP/1.1\r\n")
        assert nginx.requests() == []
        behind.push(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews")
        assert client.getresponse().read() == b"news"
        assert nginx.wait_request(f"{BEHIND}poll?since=7").bytes == 4
        client.close()


@pytest.mark.parametrize("secure", [False, True])
def test_a_websocket_goes_through_it(network: Network, run: Run, timeline: Timeline, tmp_path: Path, secure: bool) -> None:
    plan, authority = network.topology.server, Authority(tmp_path / "trusted.pem")
    with WebSocketServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server")) as behind:
        nginx = run(peer=(behind.address, behind.port), pem=authority.server_pem(plan.ip4) if secure else b"")
        context = ssl.create_default_context(cafile=str(authority.trusted)) if secure else None
        url = nginx.url(f"{BEHIND}inbox", "ws")
        assert url.startswith("wss://" if secure else "ws://")
        with connect(url, sock=plain_socket(network, nginx), ssl=context) as client:
            assert behind.connection().wait_request().path == "/inbox"
            behind.connection().push_text("through nginx")
            assert client.recv(10) == "through nginx"
            client.send(b"and back")
            assert behind.connection().wait_frame(2).payload == b"and back"
        assert nginx.wait_request(f"{BEHIND}inbox").status == 101


def test_it_needs_no_other_user(network: Network, run: Run) -> None:
    """In a user namespace there is one alone, whoever asks; nginx as root gives its folders to another where it is not told."""
    nginx, server = run(), network.server
    nginx.close()
    for folder in nginx.folder.glob("temporary-*"):
        folder.rmdir()
    argv = [*server.enter_command(), "unshare", "--user", "--map-root-user", find(COMMAND, PACKAGE)]
    argv += ["-p", f"{nginx.folder}/", "-e", "error.log", "-c", "nginx.conf", "-t"]
    done = subprocess.run(argv, pass_fds=(server.fd,), capture_output=True, text=True, check=False, timeout=60)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def test_it_ends_when_it_is_closed_and_leaves_its_log(network: Network, run: Run) -> None:
    nginx = run()
    pid = nginx.pid
    assert Path(f"/proc/{pid}/comm").read_text() == "nginx\n"
    nginx.close()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ConnectionRefusedError):
        plain_socket(network, nginx)
    assert (nginx.folder / "error.log").exists()


KILLED = """
import sys, time
from pathlib import Path
from rig.net import topology
from rig.net.network import Network
from rig.peers.nginx import Nginx
from rig.timeline import Timeline

with Network(topology.load("flat")) as network:
    folder = Path(sys.argv[1])
    timeline = Timeline(folder.with_name("killed.jsonl"))
    nginx = Nginx(network.server, network.topology.server.ip4, timeline, folder)
    print(nginx.pid, flush=True)
    time.sleep(60)
"""


def test_a_rig_that_is_killed_leaves_none_of_it(run: Run, tmp_path: Path) -> None:
    run()  # or this is skipped
    argv = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as rig:
        assert rig.stdout is not None
        pid = int(rig.stdout.readline())
        assert Path(f"/proc/{pid}/comm").read_text() == "nginx\n"
        rig.kill()
    deadline = Deadline(WAIT_S)
    while Path(f"/proc/{pid}").exists():
        assert not deadline.expired
        deadline.pause()


def test_one_that_cannot_start_says_why(run: Run) -> None:
    with pytest.raises(BenchError, match=r"RIG-T07.*certificate") as failed:
        run(pem=b"no certificate")
    assert "ended" in failed.value.cause


def test_without_it_the_error_names_the_package(
    monkeypatch: pytest.MonkeyPatch, network: Network, timeline: Timeline, tmp_path: Path
) -> None:
    monkeypatch.setattr("rig.peers.program.shutil.which", lambda *_args, **_options: None)
    with pytest.raises(BenchError) as missing:
        Nginx(network.host, network.topology.host.ip4, timeline, tmp_path / "nginx")
    assert (missing.value.code, missing.value.fix) == ("RIG-T01", "apt install --no-install-recommends nginx-light")
    assert not (tmp_path / "nginx").exists()
