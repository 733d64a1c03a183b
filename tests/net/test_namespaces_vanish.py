"""Nothing stays behind, however the rig ends; and what happens without the right to namespaces."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.mac import mac_bytes
from rig.net import device_port, links, userns
from rig.net.namespace import Namespace
from rig.net.network import Network
from rig.readable import readable
from tests.open_files import open_files

ROOT = Path(__file__).resolve().parents[2]
SO_NETNS_COOKIE = 71
"""Of linux/socket.h; Python has no name for it."""

BUILD_AND_WAIT = """
import os, subprocess, sys, time
from rig.net import links, topology
from rig.net.namespace import Namespace
from rig.net.network import Network
from tests.net.test_namespaces_vanish import cookie
network = Network(topology.load("flat"))
network.gate().close()
outside = Namespace("outside", int(sys.argv[1]))
def witness():
    with links.rtnetlink() as route:
        links.add_veth(route, "inside", "02:00:00:00:00:01", "witness", "02:00:00:00:00:02", outside.fd)
network.wire.run(witness)
child = subprocess.Popen(
    ["setpriv", "--pdeathsig", "KILL", *network.host.enter_command(), "sh", "-c", "echo; exec sleep 1000"],
    pass_fds=(network.host.fd,), stdout=subprocess.PIPE,
)
child.stdout.readline()  # what it is to die with is set now
print(child.pid, *[ns.run(cookie) for ns in network.namespaces.values()], flush=True)
time.sleep(1000)
"""
"""A rig in short: a network, a process in the host's namespace, and a cable from the wire namespace to the test's own."""

ENTER_AND_BUILD = """
from rig.net import userns
entered = userns.enter()
from rig.net import topology
from rig.net.network import Network
with Network(topology.load("dual-stack")) as network:
    network.gate().close()
    print(entered, network.gate().state)
"""


@pytest.mark.skipif(not userns.privileged(), reason="needs the right to make network namespaces")
def test_sigkill_leaves_no_namespace_no_process_no_interface() -> None:
    with Namespace("outside") as outside:
        news = outside.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        news.bind((0, links.RTMGRP_LINK))
        rig = subprocess.Popen(
            [sys.executable, "-c", BUILD_AND_WAIT, str(outside.fd)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=(outside.fd,),
        )
        assert rig.stdout is not None
        child, *cookies = map(int, rig.stdout.readline().split())
        assert set(cookies) <= namespaces_in_use()
        assert has_interface(outside, "witness")
        rig.send_signal(signal.SIGKILL)
        rig.wait()
        rig.stdout.close()
        deadline = Deadline(10)
        while has_interface(outside, "witness"):  # goes when the wire namespace is torn down, and only then
            assert not deadline.expired, "the wire namespace lives on"
            readable(news.fileno(), max(0.0, deadline.remaining_s))
            news.recv(1 << 16)
        news.close()
    while is_running(child):  # it has been sent its signal, and needs a processor to die on
        assert not deadline.expired, "a process of the rig lives on"
        deadline.pause()
    assert not set(cookies) & namespaces_in_use()
    assert not list(Path("/run/netns").glob("*")) if Path("/run/netns").exists() else True


def test_closing_a_network_frees_its_descriptors(flat: Network) -> None:
    Network(flat.topology).close()  # imports and caches are open now
    before = open_files()
    for _ in range(3):
        with Network(flat.topology) as other, other.capture():
            other.gate()
    assert open_files() == before


def test_without_root_a_user_namespace_serves(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("plays an ordinary user, which only root can")
    done = as_nobody(ENTER_AND_BUILD)
    if "RIG-N0" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.splitlines()[-2]}")
    assert done.stdout.split() == ["True", "closed"], done.stderr


OUTSIDE = """
import os, socket, subprocess, sys
from rig.net import userns
from rig.net.namespace import Namespace
reads, writes = os.pipe()
child = os.fork()
if child == 0:  # a shell of the user's, that stays outside
    command = os.read(reads, 4096).decode().split()
    os._exit(subprocess.run([*command, "readlink", "/proc/self/ns/net"], stdout=sys.stdout).returncode)
userns.enter()
namespace = Namespace("x")
print(namespace.run(lambda: os.readlink("/proc/thread-self/ns/net")), flush=True)
os.write(writes, " ".join(namespace.outside_command()).encode())
os.waitpid(child, 0)
"""


def test_another_shell_of_the_user_gets_into_a_namespace_of_the_bench() -> None:
    """Whether the bench needs a user namespace or not."""
    where = subprocess.run([sys.executable, "-c", OUTSIDE], capture_output=True, text=True, timeout=60, check=False)
    done = as_nobody(OUTSIDE) if os.geteuid() == 0 else where
    for outcome in (where, done):
        if "RIG-N0" in outcome.stderr:
            pytest.skip(f"no user namespaces here: {outcome.stderr.splitlines()[-2]}")
        bench, shell = outcome.stdout.split()
        assert bench == shell, outcome.stderr


def test_without_any_right_the_error_names_the_way_out() -> None:
    if os.geteuid() != 0:
        pytest.skip("plays an ordinary user, which only root can")
    done = as_nobody('from rig.net.namespace import Namespace\nNamespace("x")')
    assert "RIG-N01 user nobody may not create a network namespace" in done.stderr or "RIG-N02" in done.stderr
    assert "fix: sudo" in done.stderr


@pytest.mark.parametrize(
    ("switch", "value", "command"),
    [
        ("kernel.unprivileged_userns_clone", 0, "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("user.max_user_namespaces", 0, "sudo sysctl -w user.max_user_namespaces=10000"),
        ("kernel.apparmor_restrict_unprivileged_userns", 1, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_a_switch_that_forbids_is_named(monkeypatch: pytest.MonkeyPatch, switch: str, value: int, command: str) -> None:
    monkeypatch.setattr(userns, "_sysctl", lambda name: value if name == switch else None)
    error = userns.refusal()
    assert (error.code, switch in error.cause, error.fix.startswith(command)) == ("RIG-N02", True, True)


def test_no_tap_says_why_and_leaves_nothing(flat: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(device_port, "TUN", tmp_path / "tun")
    before = open_files()
    with pytest.raises(BenchError, match=r"RIG-N03 TAP is not available: .*/tun does not exist"):
        Network(flat.topology, "qemu")
    assert open_files() == before


@pytest.mark.skipif(not os.access("/dev/net/tun", os.R_OK | os.W_OK), reason="/dev/net/tun cannot be opened")
def test_a_tap_is_the_devices_port(flat: Network) -> None:
    with Network(flat.topology, "qemu") as other:
        other.gate().close()
        os.set_blocking(other.device.tap_fd, False)
        with pytest.raises(BlockingIOError):
            os.read(other.device.tap_fd, 2000)
        server = other.server.packet_socket("eth0", receive=False)
        data = mac_bytes(flat.topology.host.mac) + mac_bytes(flat.topology.server.mac) + b"\x88\xb5" + bytes(46)
        server.send(data)
        assert readable(other.device.tap_fd, WAIT_S)
        assert os.read(other.device.tap_fd, 2000) == data
        server.close()


def as_nobody(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an ordinary user without capabilities."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*drop, sys.executable, "-c", code], cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def has_interface(namespace: Namespace, name: str) -> bool:
    return namespace.run(lambda: name in [found for _, found in socket.if_nameindex()])


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def cookie() -> int:
    """Of the namespace that this is called in. No other has had it, while an inode's number is soon another's (Linux 5.14)."""
    with socket.socket() as any_socket:
        return int.from_bytes(any_socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), sys.byteorder)


def namespaces_in_use() -> set[int]:
    """Cookies of the network namespaces that some process is in or holds open, as lsns would list them."""
    found: dict[str, int] = {}
    for link in [*Path("/proc").glob("[0-9]*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*")]:
        try:
            target = str(link.readlink())
            if target.startswith("net:[") and target not in found:
                with Namespace(target, os.open(link, os.O_RDONLY | os.O_CLOEXEC)) as namespace:
                    found[target] = namespace.run(cookie)
        except OSError:
            continue
    return set(found.values())
