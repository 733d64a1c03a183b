"""The commands as a person meets them: real processes, exit codes, messages."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig import cli
from rig.device import image
from rig.device.flash import flash
from rig.device.images import firmware
from rig.device.link import Link
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, ProtocolOffload
from rig.device.port import open_port

from .fake_server import FakeServer
from .images import BOARDS, signed, signing_key
from .kinds import KINDS
from .test_contract import MAC, SLOT, SLOT6
from .test_flash import stop_at

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
needs_key = pytest.mark.skipif(not signing_key().is_file(), reason="the signing key of the built firmware is not here")
COMMAND = [sys.executable, "-m", "rig.cli"]


def rig(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout_s, env=ENVIRONMENT, check=False)


# -- usage and exit codes ----------------------------------------------------------------------------------------------


def test_help_names_every_command() -> None:
    done = rig("--help")
    assert done.returncode == 0
    for command in (
        "run",
        "flash",
        "devices",
        "counters",
        "slots",
        "patterns",
        "offloads",
        "log",
        "monitor",
        "serve",
        "doctor",
        "report",
        "bench",
    ):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE), command


def test_nothing_typed_shows_the_help() -> None:
    done = rig()
    assert (done.returncode, "rig doctor" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["flash", "--nonsense"],
        ["monitor"],
        ["flash", "--baud", "fast"],
        ["flash", "--device", "native", "--baud", "0"],
        ["counters", "--port", "/dev/ttyUSB9", "--baud", "-5"],
        ["devices", "--baud", "99999999999999999999"],
        ["monitor", "/dev/ttyUSB9", "--seconds", "-1"],
        ["serve", "--baud", "-1"],
        ["serve", "--device", "nonsense"],
    ],
)
def test_wrong_usage_is_exit_4(arguments: list[str]) -> None:
    done = rig(*arguments)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_flash_stays_as_it_was(tmp_path: Path) -> None:
    """An image given as --flash, where the device's flash is meant, must not be written over."""
    path = tmp_path / "image.bin"
    path.write_bytes(firmware("native").image.read_bytes())
    for arguments in (["flash", "--device", "native"], ["serve"]):
        done = rig(*arguments, "--flash", str(path))
        assert done.returncode == 4
        assert "RIG-C09" in done.stderr
        assert "bytes of something else" in done.stderr
        assert path.read_bytes() == firmware("native").image.read_bytes()


def test_a_device_that_does_not_exist_leaves_no_flash_file(tmp_path: Path) -> None:
    done = rig("flash", "--device", "nonsense", "--flash", str(tmp_path / "flash"))
    assert (done.returncode, list(tmp_path.iterdir())) == (4, [])


def written_to(fd: int, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments]
    return subprocess.run(command, stdout=fd, stderr=subprocess.PIPE, text=True, timeout=60, env=ENVIRONMENT, check=False)


@pytest.mark.parametrize("arguments", [["doctor"], ["help"], ["devices", "--no-probe", "--json"]])
def test_output_that_cannot_be_written_is_no_success(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = written_to(full.fileno(), arguments)
    assert done.returncode == 6
    assert done.stderr.startswith("error: RIG-T03 cannot write: No space left on device\n  fix: ")


@pytest.mark.parametrize("arguments", [["doctor"], ["help"], ["--help"]])
def test_a_reader_who_has_enough_is_no_failure(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = written_to(write, arguments)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_codes_are_explained() -> None:
    done = rig("help", "exit-codes")
    assert [int(code) for code in re.findall(r"^ +(\d)  ", done.stdout, re.MULTILINE)] == list(range(8))


def test_a_bug_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(cli, "build", broken)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert cli.main([]) == 3
    assert "RIG-X00 this is a bug of the rig, please report it: RuntimeError('surprise')" in capsys.readouterr().err


def test_errors_come_as_json_too() -> None:
    done = rig("flash", "--port", "/dev/ttyUSB9", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (6, "RIG-S04")


# -- ports -------------------------------------------------------------------------------------------------------------


def test_no_such_port_is_said_in_one_message() -> None:
    done = rig("flash", "--port", "/dev/ttyUSB9")
    assert done.returncode == 6
    assert "RIG-S04 there is no port /dev/ttyUSB9" in done.stderr


def test_a_busy_port_names_its_holder(server: FakeServer, link: Link) -> None:
    """Asked from outside, the holder is this process: by pid, command line and user."""
    done = rig("flash", "--port", server.port)
    assert done.returncode == 6
    message = re.search(r'RIG-S01 .* is held by .*pid (\d+) "(.*)" of user (\w+)', done.stderr)
    assert message is not None
    assert int(message[1]) == os.getpid()
    own = Path("/proc/self/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    assert own.startswith(message[2].removesuffix(" ..."))
    assert sys.executable.rpartition("/")[2] in message[2]


def test_a_port_is_free_again_after_close(server: FakeServer) -> None:
    for _ in range(3):
        open_port(server.port, 115200).close()


def test_a_silent_port_says_what_was_heard(server: FakeServer) -> None:
    server.handlers.clear()
    server.write(b"U-Boot 2026.01\r\n")
    server.faults.extend(["lost"] * 100)
    done = rig("flash", "--port", server.port)
    assert done.returncode == 6
    assert "RIG-B03 no SMP answer" in done.stderr


def test_old_firmware_is_named_with_its_remedy(server: FakeServer) -> None:
    from rig.device.board import BoardDevice
    from rig.errors import BenchError

    server.handlers[(0, 100, 1)] = lambda body: {"abi": 0, "version": "0.0.9+0", "board": "x"}
    with pytest.raises(BenchError, match=r"RIG-B02 firmware 0.0.9\+0 speaks offload API 0; this rig needs 1(.|\n)*rig flash"):
        BoardDevice(server.port).start()


# -- a served device, and tools of others --------------------------------------------------------------------------------


def hear_ctrl_c() -> None:
    """A shell starts its background jobs, this test run maybe among them, with SIGINT ignored; children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Served:
    """`rig serve` in the background."""

    def __init__(self, kind: str, *options: str) -> None:
        self.kind = kind
        argv = [*COMMAND, "serve", "--device", kind, *options]
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, preexec_fn=hear_ctrl_c
        )
        assert self.process.stdout is not None
        self.port = self.process.stdout.readline().strip()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture(params=KINDS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    served = Served(request.param)
    yield served
    served.stop()


def test_a_served_sample_gives_every_look_something_to_show() -> None:
    served = Served("native", "--sample")
    try:
        for command, wanted in (("slots", "192.0.2.20:5223"), ("patterns", "IPV4_SYN"), ("offloads", "ARP"), ("log", "native")):
            assert wanted in rig(command, "--port", served.port).stdout
        watched = rig("monitor", "--port", served.port, "--seconds", "0.2").stdout
        assert re.search(r"^before   log     .* native", watched, re.MULTILINE)
    finally:
        served.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_with_a_signal(how: signal.Signals) -> None:
    assert Served("native").stop(how) == 2


def test_devices_tells_who_answers(served: Served) -> None:
    done = rig("devices", served.port, "--json")
    row = next(row for row in json.loads(done.stdout) if row["port"] == served.port)
    assert row["answer"].startswith("offload ")
    assert BOARDS[served.kind] in row["answer"]


def test_a_port_that_is_not_there_is_not_free() -> None:
    table = rig("devices", "/dev/ttyUSB9").stdout
    assert re.search(r"^/dev/ttyUSB9 .* not there +RIG-S04", table, re.MULTILINE)


@needs_key
def test_a_resumed_upload_says_so_and_a_pty_promises_no_time(tmp_path: Path) -> None:
    served, newer = Served("native"), signed("native", tmp_path)
    try:
        with Link(served.port) as link, pytest.raises(KeyboardInterrupt):
            flash(link, newer, stop_at(0.6))
        done = rig("flash", str(newer), "--port", served.port)
    finally:
        served.stop()
    assert done.returncode == 0
    assert re.search(r"^resumed at byte \d+, where an earlier upload was cut off$", done.stdout, re.MULTILINE)
    assert "about" not in done.stdout


@needs_key
def test_a_damaged_signature_is_seen_although_the_program_runs_already(tmp_path: Path) -> None:
    served = Served("native")
    try:
        data = bytearray(firmware("native").image.read_bytes())
        assert "already up to date" in rig("flash", "--port", served.port).stdout
        signature = image.parse(bytes(data), tmp_path).signature
        data[bytes(data).index(signature) + 5] ^= 1
        (damaged := tmp_path / "damaged.bin").write_bytes(data)
        done = rig("flash", str(damaged), "--port", served.port)
    finally:
        served.stop()
    assert (done.returncode, "its signature is damaged" in done.stderr) == (4, True)


LOOKS = ["counters", "slots", "patterns", "offloads", "log"]


@pytest.mark.parametrize("command", LOOKS)
def test_looking_needs_a_port_that_is_there(command: str) -> None:
    assert rig(command).returncode == 4
    done = rig(command, "--port", "/dev/ttyUSB9", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (6, "RIG-S04")


def looked(served: Served, command: str, *options: str) -> tuple[Any, str]:
    """What a look shows: the JSON, and the table."""
    as_json, table = (rig(command, "--port", served.port, *options, *form) for form in (["--json"], []))
    assert (as_json.returncode, table.returncode) == (0, 0), as_json.stderr + table.stderr
    return json.loads(as_json.stdout), table.stdout


def test_looks_into_a_served_device(served: Served) -> None:
    empty = {"lease": {"owner": 0, "left_ms": 0, "over": False}, "slots": []}
    assert looked(served, "slots") == (empty, "no slot is in use\n")
    with Link(served.port) as link:
        device = OffloadClient(link)
        ref = device.add_tcp_slot(SLOT)
        device.add_pattern(Pattern.magic(7))
        device.add_offload(ProtocolOffload(id=3, ip="192.0.2.1", mac=MAC))
    listed, table = looked(served, "slots")
    (slot,) = listed["slots"]
    assert (slot["slot"], slot["gen"], slot["close_reason"]) == (ref.slot, ref.gen, "NONE")
    assert slot["rcv_nxt"] == SLOT.rcv_nxt
    assert "probe in ms" in table
    assert (slot["local"], slot["remote"]) == ("192.0.2.1:49152", "192.0.2.2:443")
    assert re.search(r" 192\.0\.2\.1:49152 +192\.0\.2\.2:443 ", table)
    assert max(map(len, table.splitlines())) <= 150
    assert re.search(r"^rcv_nxt +1$", looked(served, "slots", "--all")[1], re.MULTILINE)
    assert "lease" not in table, "nobody attached"
    with Link(served.port) as link:
        device = OffloadClient(link)
        device.attach(3, 7_200_000)
        ref = device.add_tcp_slot(SLOT)
        device.pause_tcp_slot(ref)
        device.add_pattern(Pattern.magic(7))
        device.add_offload(ProtocolOffload(id=3, ip="192.0.2.1", mac=MAC))
    listed, table = looked(served, "slots")
    (slot,) = listed["slots"]
    assert listed["lease"]["owner"] == 3
    assert 7_100_000 < listed["lease"]["left_ms"] <= 7_200_000
    assert (slot["state"], slot["next_hop_mac"]) == ("PAUSED", MAC.hex())
    assert re.search(r"PAUSED.*\n.*owner 3: 7[12]\d\d s of the lease left", table)
    (pattern,), table = looked(served, "patterns")
    assert (pattern["id"], pattern["type"], pattern["hits"]) == (7, "MAGIC", 0)
    assert "MAGIC" in table
    assert "a magic packet for the host's MAC" in table
    (offload,), table = looked(served, "offloads")
    assert (offload["id"], offload["type"], offload["answered"]) == (3, "ARP", 0)
    assert "ARP" in table


def test_patterns_say_what_they_match(served: Served) -> None:
    with Link(served.port) as link:
        device = OffloadClient(link)
        slot = device.add_tcp_slot(SLOT6)
        for pattern in (
            Pattern.syn(1, ip="192.0.2.1", port=22),
            Pattern.syn(2, version=6),
            Pattern.udp(3, 5353, ip="2001:db8::1"),
            Pattern.bitmap(4, b"abc", [True, False, True], offset=14),
            Pattern.bitmap(5, bytes(128)),
            Pattern.payload(6, slot, b"GO", offset=2),
            Pattern.magic(7, b"secret"),
            Pattern.eapol(8),
        ):
            device.add_pattern(pattern)
    listed, table = looked(served, "patterns")
    assert [line.split("  ")[-1].strip() for line in table.splitlines()[2:]] == [
        "a connection over IPv4 from anywhere to 192.0.2.1 port 22",
        "a connection over IPv6 from anywhere to anywhere",
        "UDP from anywhere to 2001:db8::1 port 5353",
        "byte 14 on of the frame: 61..63",
        f"byte 0 on of the frame: {'00' * 32} and 96 more",
        "byte 2 on of a slot's new data: 2 bytes, which the device keeps to itself",
        "a magic packet for the host's MAC",
        "an EAPOL frame",
    ]
    assert (listed[3]["data"], listed[3]["mask"], listed[4]["data_bytes"]) == ("616263", "05", 128)
    assert (listed[5]["data"], listed[5]["data_bytes"]) == ("", 2), "nor is what an application says"
    assert (listed[6]["data"], listed[6]["data_bytes"]) == ("", 0), "a password is told to nobody"
    assert looked(served, "slots")[0]["slots"][0]["remote"] == "[2001:db8::2]:443"


def test_counters_name_what_happened(served: Served) -> None:
    values, table = looked(served, "counters")
    assert values["rx_total"] == 0
    assert {"timer_late_250us", "timer_late_more", "buf_high_water", "serial_crc_err", "serial_retry"} <= set(values)
    assert values["uptime_ms"] > 0
    assert "rx_total" not in table
    assert "uptime_ms" in table
    assert "rx_total" in looked(served, "counters", "--all")[1]
    assert (values["stack_low_water"] > 1024) == (served.kind == "qemu"), "a process does not know the end of its stack"


def test_the_log_is_kept_for_who_comes_later(served: Served) -> None:
    kept, text = looked(served, "log")
    assert f"on {BOARDS[served.kind]}" in text
    assert kept["text"] == text
    assert kept["lost"] == 0
    assert looked(served, "log", "--since", str(kept["next"]))[1] == ""


def test_monitor_hands_no_control_character_to_the_terminal() -> None:
    """A board's text, or noise of a line at the wrong speed."""
    board, port = pty.openpty()
    tty.setraw(port)
    argv = [sys.executable, "-m", "rig", "monitor", os.ttyname(port), "--seconds", "2"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as watch:
        while watch.poll() is None:
            os.write(board, b"\x1b[2Jgone\r\n")
            with contextlib.suppress(subprocess.TimeoutExpired):
                watch.wait(0.1)
        assert watch.stdout is not None
        shown = watch.stdout.read()
    os.close(board)
    os.close(port)
    assert r"log     \x1b[2Jgone" in shown
    assert "\x1b" not in shown


def test_monitor_shows_who_is_there_and_what_it_says(served: Served) -> None:
    done = rig("monitor", served.port, "--seconds", "0.5")
    assert done.returncode == 0
    assert BOARDS[served.kind] in done.stdout


def test_flash_plans_and_says_up_to_date(served: Served) -> None:
    done = rig("flash", "--port", served.port)
    assert done.returncode == 0, done.stderr
    assert f"plan: {BOARDS[served.kind]}: " in done.stdout
    assert "already up to date" in done.stdout


def smpmgr(port: str, *arguments: str) -> str:
    program = Path(sys.executable).parent / "smpmgr"
    done = subprocess.run(
        [program, "--port", port, *arguments], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not (Path(sys.executable).parent / "smpmgr").exists(), reason="smpmgr is not installed: pip install smpmgr")
@needs_key
def test_a_public_client_can_update_the_device(served: Served, tmp_path: Path) -> None:
    """smpmgr lists, uploads, tests, resets, confirms; nothing of ours in between."""
    path = signed(served.kind, tmp_path)
    new, old = image.load(path).digest.hex().upper(), image.load(firmware(served.kind).image).digest.hex().upper()
    assert old in smpmgr(served.port, "image", "state-read")
    smpmgr(served.port, "image", "upload", str(path))
    assert state_of(served.port, new) == "bootable=True,pending=False,confirmed=False,active=False"
    smpmgr(served.port, "image", "state-write", new)
    assert state_of(served.port, new) == "bootable=True,pending=True,confirmed=False,active=False"
    smpmgr(served.port, "os", "reset")
    assert "hello" in smpmgr(served.port, "--timeout", "5", "os", "echo", "hello")
    assert state_of(served.port, new) == "bootable=True,pending=False,confirmed=False,active=True"
    smpmgr(served.port, "image", "state-write", "--confirm")
    assert state_of(served.port, new) == "bootable=True,pending=False,confirmed=True,active=True"


def state_of(port: str, digest: str) -> str:
    """The flags that smpmgr prints for an image."""
    text = re.sub(r"\s", "", smpmgr(port, "image", "state-read"))
    found = re.search(rf"{digest}'\),(.*?active=\w+)", text)
    assert found is not None, text
    return found[1]


# -- doctor ------------------------------------------------------------------------------------------------------------


def test_doctor_ends_with_what_can_be_run() -> None:
    done = rig("doctor")
    assert done.returncode in (0, 6)
    assert "you can: " in done.stdout


def test_doctor_names_the_remedy_of_each_lack(tmp_path: Path) -> None:
    """No tools on the PATH and no firmware: each line that says no has a remedy, and the main job cannot run."""
    environment = {**ENVIRONMENT, "PATH": str(tmp_path), "RIG_FIRMWARE_DIR": str(tmp_path)}
    done = subprocess.run([*COMMAND, "doctor", "--json"], capture_output=True, text=True, env=environment, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 6
    assert all(check["fix"] for check in report["checks"] if check["state"] == "no")
    lacking = {check["name"] for check in report["checks"] if check["state"] == "no"}
    assert {"QEMU", "ARM compiler", "native firmware", "qemu firmware"} <= lacking
    assert not report["abilities"]["run native"]["ok"]
