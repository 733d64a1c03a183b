"""Ports: ours alone, any URL of pyserial, and messages that name the trouble."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import subprocess
import sys
import threading
import tty
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.device import port
from rig.device.link import Link
from rig.device.port import Holder, holders, open_port, shared_warning
from rig.errors import BenchError, UsageError

from .fake_server import FakeServer


def test_nobody_is_told_to_join_roots_group(tmp_path: Path) -> None:
    private = tmp_path / "tty"
    private.write_text("")
    private.chmod(0o600)
    assert "usermod" not in port._no_permission(str(private)).fix


def test_only_a_port_of_the_same_kind_may_have_been_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "visible_ports", lambda: ["/dev/ttyACM0", "/dev/ttyS0", "/dev/ttyUSB1"])
    assert "did you mean /dev/ttyUSB1? " in port._no_such_port("/dev/ttyUSB7").fix
    monkeypatch.setattr(port, "visible_ports", lambda: ["/dev/ttyS0"])
    assert "did you mean" not in port._no_such_port("/dev/ttyUSB7").fix


def test_a_run_that_holds_a_port_is_told_in_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments are a whole configuration; what it does can be watched all the same."""
    service = Holder(7, "python -m rig.standby.warm " + "a1" * 450, "root")
    monkeypatch.setattr(port, "holders", lambda _: [service])
    error = port.busy("/dev/ttyACM0")
    assert len(error.cause) < 200
    assert error.cause.endswith(' ..." of user root')
    assert "rig monitor --run" in error.fix


def test_a_port_opens_once(server: FakeServer) -> None:
    with Link(server.port), pytest.raises(BenchError, match="RIG-S01"):
        open_port(server.port, 115200)


def test_the_holder_is_the_one_that_locked_it(server: FakeServer) -> None:
    """Not the far end of the PTY, which is the device."""
    code = f"import serial,sys; p = serial.Serial({server.port!r}, exclusive=True); print('open', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert [holder.pid for holder in holders(server.port)] == [other.pid]
        with pytest.raises(BenchError, match=rf'RIG-S01 .* held by pid {other.pid} ".*serial.*" of user'):
            open_port(server.port, 115200)
        other.kill()
    assert holders(server.port) == []


def test_who_opened_without_locking_is_found_too(server: FakeServer) -> None:
    with subprocess.Popen(["sleep", "60"], stdin=os.open(server.port, os.O_RDWR | os.O_NOCTTY)) as other:
        assert other.pid in [holder.pid for holder in holders(server.port)]
        with Link(server.port):
            assert re.match(rf'RIG-S02 warning: pid {other.pid} "sleep 60" of user \w+ also has', shared_warning(server.port))
        other.kill()


def test_no_such_port_lists_close_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from rig.device import port

    monkeypatch.setattr(port, "visible_ports", lambda: ["/dev/ttyACM0", "/dev/ttyS0"])
    with pytest.raises(BenchError, match=r"RIG-S04 .*/dev/ttyACM0, /dev/ttyS0(.|\n)*did you mean /dev/ttyACM0"):
        open_port("/dev/ttyACM1", 115200)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_no_permission_names_the_group(server: FakeServer) -> None:
    """In a child that has given up root."""
    os.chmod(server.port, 0o600)  # noqa: PTH101
    import serial  # noqa: F401  the child may not be able to read the interpreter's files

    read_end, write_end = os.pipe()
    if (pid := os.fork()) == 0:
        os.setuid(pwd.getpwnam("nobody").pw_uid)
        try:
            open_port(server.port, 115200)
        except BenchError as error:
            os.write(write_end, str(error).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write_end)
    assert b"RIG-S03 user nobody may not open" in os.read(read_end, 1000)
    os.close(read_end)


def test_two_pipes_are_a_port() -> None:
    """Each way its own; who closes the port closes no descriptor of whom it had them from."""
    device_reads, to_device = os.pipe()
    from_device, device_writes = os.pipe()
    port = open_port(f"fd://{from_device},{to_device}", 115200)
    os.write(device_writes, b"up")
    assert os.read(port.fd, 100) == b"up"
    with pytest.raises(BlockingIOError):
        os.read(port.fd, 100)
    os.write(port.write_fd, b"down")
    assert os.read(device_reads, 100) == b"down"
    port.close()
    port.close()
    for fd in (device_reads, to_device, from_device, device_writes):
        os.close(fd)  # each was open still


@pytest.mark.parametrize("name", ["fd://none", "fd://999", "fd://0,none", "fd://0,999", "fd://0,1,2", "fd://", "telegraph://x"])
def test_names_that_are_no_ports_are_usage_errors(name: str) -> None:
    with pytest.raises(UsageError, match="RIG-C04"):
        open_port(name, 115200)


def test_nobody_listens_at_a_url() -> None:
    with pytest.raises(BenchError, match="RIG-S04"):
        open_port("socket://127.0.0.1:1", 115200)


def test_a_tcp_serial_server_will_do(server: FakeServer) -> None:
    """socket:// has a descriptor of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=relay, args=(listener, server.port), daemon=True).start()
        with Link(f"socket://127.0.0.1:{listener.getsockname()[1]}") as link:
            assert link.request(2, 0, 0, {"d": "far"})["r"] == "far"


def relay(listener: socket.socket, port: str) -> None:
    connection, _ = listener.accept()
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)

    def back() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(fd, 4096):
                connection.sendall(data)
        os.close(fd)

    threading.Thread(target=back, daemon=True).start()
    with connection:
        while data := connection.recv(4096):
            os.write(fd, data)


def test_a_url_without_a_descriptor_is_pumped() -> None:
    """loop:// echoes what is sent: the request comes back, which is no reply, and is counted."""
    with Link("loop://") as link:
        with pytest.raises(BenchError, match="RIG-B03"):
            link.request(2, 0, 0, {"d": ""}, timeout_s=0.2, retries=0)
        deadline = Deadline(WAIT_S)
        while not link.stats.unmatched and not deadline.expired:
            deadline.pause()
        assert link.stats.unmatched == 1
