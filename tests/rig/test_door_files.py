"""What a failing test leaves that has a device alone, without a bench: the files that a bench would leave, but for a timeline;
and what it says of a device that dies."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rig.device import tape
from rig.device.numbers import Command
from tests import forked

ROOT = Path(__file__).parents[2]
THEIRS = """
from rig.suite.conftest import door, light_benches
from rig.suite.peer_frames import tcp
from rig.suite.standby_door import Outcome

def test_that_fails(door):
    door.asleep()
    assert door.outcome(tcp("PA", payload=b"in the file")) == Outcome("", 1)

def test_that_passes(door):
    door.asleep()
    assert door.outcome(tcp("PA", payload=b"hello")) == ("TCP_DATA", 0)
"""


def test_a_failing_test_of_a_device_alone_leaves_its_wire_its_line_and_its_counters(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    words = ["-p", "no:cacheprovider", "--device", "native", "--topology", "flat", "--rig-reports", "out", "test_theirs.py"]
    done = forked.run(lambda: pytest.main(words), tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=180)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "assert <TCP_DATA, 0 answers> == <no wake, 1 answer>" in done.stdout
    (folder,) = (tmp_path / "out/latest/tests").iterdir()
    assert {path.name for path in folder.iterdir()} >= {"wire.pcapng", tape.FILE, "counters.json"}
    wire = (folder / "wire.pcapng").read_bytes()
    assert b"in the file" in wire
    assert b"hello" not in wire
    said = list(tape.read(folder / tape.FILE))
    assert (said[0].write, said[0].command) == (True, Command.HELLO), "attach: what other tests said is not in it"
    assert Command.COMMIT in {one.command for one in said}
    assert json.loads((folder / "counters.json").read_text())["wake_tcp_data"] == 1
    last = (tmp_path / "out/latest/results.jsonl").read_text()
    assert "wire.pcapng" in last


DYING = """
import os, signal
from rig.suite.conftest import door, light_benches
from rig.suite.peer_frames import tcp

KILLED = []

def dies(light_benches, at):
    (one,) = light_benches._devices.values()
    if at not in KILLED:
        KILLED.append(at)
        os.kill(one.device.pid, signal.SIGKILL)

def test_in_a_call(door, light_benches):
    door.asleep()
    dies(light_benches, "in a call")
    assert door.outcome(tcp("PA", payload=b"x")) == ("TCP_DATA", 0)

def test_while_nothing_is_heard(door, light_benches):
    door.asleep()
    dies(light_benches, "while nothing is heard")
    if len(KILLED) == 2 and KILLED.append("") is None:
        door.next_sent(3_600_000)

def test_at_the_end(door, light_benches):
    door.asleep()
    dies(light_benches, "at the end")
"""


def test_a_device_that_dies_is_named_at_once_and_the_next_attempt_has_another(tmp_path: Path) -> None:
    """Also where the test is over: it was the device's last frame that it did not survive."""
    (tmp_path / "test_theirs.py").write_text(DYING)
    words = ["-p", "no:cacheprovider", "--device", "native", "--topology", "flat", "--rig-reports", "out", "test_theirs.py"]
    done = forked.run(lambda: pytest.main(words), tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out/latest/results.jsonl").read_text().splitlines()]
    attempts = [row for row in rows if row["kind"] == "attempt"]
    assert [row["verdict"] for row in attempts] == ["bench error", "passed"] * 3
    for row in attempts[::2]:
        (error,) = [phase["error"] for phase in row["phases"] if "error" in phase]
        assert "RIG-B04 the native device died, signal SIGKILL" in error, f"{row['id']}: {error}"


def test_firmware_that_crashes_is_no_fault_of_the_bench(tmp_path: Path) -> None:
    """Where it does so by chance, as under random segments, the next try would pass, and the run with it."""
    (tmp_path / "test_theirs.py").write_text(DYING.replace("SIGKILL", "SIGSEGV"))
    words = ["-p", "no:cacheprovider", "--device", "native", "--topology", "flat", "--rig-reports", "out", "test_theirs.py"]
    done = forked.run(lambda: pytest.main(words), tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100)
    rows = [json.loads(line) for line in (tmp_path / "out/latest/results.jsonl").read_text().splitlines()]
    assert [row["verdict"] for row in rows if row["kind"] == "attempt"] == ["failed"] * 3, done.stdout + done.stderr
    assert done.returncode == 1


DYING_HEARD = """
import os, signal
from rig.suite.conftest import scene

KILLED = []

def test_while_the_timeline_is_read(scene):
    scene.open_hardware()
    after = scene.sleep()
    if not KILLED:
        KILLED.append(1)
        os.kill(scene.bench.microcontroller.pid, signal.SIGTERM)
    else:
        scene.bench.server.push(b"x")
    scene.timeline.wait("NIC_WAKE", after=after)
"""


@pytest.mark.parametrize("device", ["native", "qemu"])
def test_who_ends_a_devices_process_is_no_fault_of_the_firmware(tmp_path: Path, device: str) -> None:
    """QEMU says what signal it was and exits by itself; who waits for a record hears of it otherwise than who asks the device."""
    (tmp_path / "test_theirs.py").write_text(DYING.replace("SIGKILL", "SIGTERM"))
    (tmp_path / "test_heard.py").write_text(DYING_HEARD)
    words = ["-p", "no:cacheprovider", "--device", device, "--topology", "flat", "--rig-reports", "out", "."]
    done = forked.run(lambda: pytest.main(words), tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100)
    rows = [json.loads(line) for line in (tmp_path / "out/latest/results.jsonl").read_text().splitlines()]
    verdicts = [row["verdict"] for row in rows if row["kind"] == "attempt"]
    assert verdicts == ["bench error", "passed"] * 4, done.stdout + done.stderr
