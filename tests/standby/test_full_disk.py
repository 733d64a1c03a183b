"""A full disk is the bench's fault, RIG-R14, and nobody's end: no process of the host dies of it, and all is torn down."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.net import userns
from rig.timeline import Timeline, load
from tests import small_disk

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

SCRIPT = """
from rig.bench import Bench
from rig.config import BenchConfig
from rig.errors import BenchError
from rig.suite.scene import Scene

def said(what, act):
    try:
        act()
    except BenchError as error:
        print(what, error.code, flush=True)

def the_test(bench):
    scene = Scene(bench)
    connection = scene.open_hardware()
    pids = bench.host.pid, bench.host.driver_pid
    small = fill(disk)
    said("a wait", lambda: scene.sleep())
    said("a look", lambda: bench.timeline.find("SLEEP_ENTER"))
    bench.host.exit_standby()
    connection.push(b"in spite of it")
    assert bench.host.link_stats()
    assert bench.device.slots()
    assert (bench.host.pid, bench.host.driver_pid) == pids
    print("the host lives on", flush=True)

def with_a_bench():
    with Bench(BenchConfig(), disk / "artefacts") as bench:
        the_test(bench)

said("the end", with_a_bench)
(disk / "filler").unlink()
with Bench(BenchConfig(), disk / "artefacts") as bench:
    bench.host.enter_standby()
print("the next bench works")
"""

AT_THE_START = """
from rig.bench import Bench
from rig.config import BenchConfig
from rig.errors import BenchError

real = Bench._start_host
def start_host(self):
    fill(disk)
    return real(self)
Bench._start_host = start_host
try:
    with Bench(BenchConfig(), disk / "artefacts"):
        pass
except BenchError as error:
    print(error.code)
"""


def test_every_look_at_the_timeline_says_so_and_the_host_lives_on(tmp_path: Path) -> None:
    done = small_disk.run(SCRIPT, tmp_path / "disk", 1024)
    said = "a wait RIG-R14\na look RIG-R14\nthe host lives on\nthe end RIG-R14\nthe next bench works\n"
    assert done.stdout == said, done.stderr


def test_a_host_that_cannot_be_started_for_it_says_so(tmp_path: Path) -> None:
    done = small_disk.run(AT_THE_START, tmp_path / "disk", 1024)
    assert done.stdout == "RIG-R14\n", done.stderr


def test_what_was_written_of_a_timeline_without_room_can_be_read(tmp_path: Path) -> None:
    """A record that was cut short may stand between two whole ones, when room comes back: the one behind it is read."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("POWER", state="active")
    with (tmp_path / "timeline.jsonl").open("ab") as file:
        file.write(b'{"t":1,"src":"host","ev":"SLEEP_')
    timeline.is_full()
    timeline.add("POWER", state="active")
    timeline.add("SLEEP_EXIT", cause="user")
    timeline.close()
    assert [(record.seq, record.event) for record in load(tmp_path / "timeline.jsonl")] == [
        (0, "POWER"),
        (1, "POWER"),
        (2, "SLEEP_EXIT"),
    ]
