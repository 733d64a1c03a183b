"""The system dies: the supervisor starts another, which the bench and the apps go on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.device.native import NativeDevice
from rig.errors import BenchError, RigError
from rig.net import userns
from rig.net.tcp_info import queued_bytes
from rig.standby import handle
from rig.standby.calls import Calls, SystemRestarted
from rig.standby.news import HostGone, News
from rig.standby.supervisor.patience import DEATHS, WITHIN_S, Patience
from rig.standby.wire.bench import Failed, FromBench, LinkStats, ToBench
from rig.standby.wire.faults import fault_of
from rig.standby.wire.hresult import ProcessGone
from rig.standby.wire.line import Line, pair
from rig.standby.wire.supervision import GivenUp
from rig.suite.scene import Scene

Toy = Callable[[str], subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bench(BenchConfig(), tmp_path) as bench:
        yield Scene(bench)


def kill_system(scene: Scene) -> None:
    """Returns when the next one has been started."""
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    assert scene.timeline.wait("SYSTEM_TERMINATED", after=after).status == "signal SIGKILL"
    scene.timeline.wait("SYSTEM_STARTED", after=after)


def until_gone(*pids: int) -> None:
    deadline = Deadline(WAIT_S)
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert not deadline.expired
        time.sleep(0.001)


def test_another_one_serves_the_bench_and_the_apps_live_on(scene: Scene) -> None:
    chat = scene.start_app("chat")
    app_pid = scene.timeline.wait("APP_READY").pid
    killed = scene.host.pid
    for _ in range(3):
        kill_system(scene)
    assert scene.host.link_stats()
    assert scene.host.pid != killed
    connection = scene.open_hardware("inbox", app=chat)
    scene.sleep()
    scene.push_and_run(connection, b"to who lived on")
    scene.host.exit_standby()
    scene.start_app("later")
    assert scene.timeline.find("APP_READY", app="chat")[-1].pid == app_pid
    assert not scene.timeline.find("APP_TERMINATED")


def test_a_host_that_sleeps_sleeps_on_with_its_apps_and_wakes_for_them(scene: Scene) -> None:
    connection = scene.open_hardware()
    scene.sleep()
    after = scene.timeline.mark()
    kill_system(scene)
    assert scene.host.link_stats()
    assert not scene.timeline.find("SLEEP_EXIT", after=after)
    assert not scene.timeline.find("APP_RESUME", after=after)
    scene.push_and_run(connection, b"to who slept on")
    scene.timeline.wait("SLEEP_ENTER", after=after)
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox") == [b"to who slept on"]


def test_an_app_that_has_died_meanwhile_is_none_of_the_next_ones(scene: Scene) -> None:
    scene.start_app("chat")
    pid, after = scene.timeline.wait("APP_READY").pid, scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    until_gone(pid)
    kill_system(scene)
    scene.start_app("chat")
    assert scene.timeline.wait("APP_READY", after=after).pid != pid


def test_a_call_under_way_is_told_and_the_next_one_works(scene: Scene) -> None:
    system, outcome = scene.host.pid, list[BaseException]()

    def call() -> None:
        try:
            scene.host.link_stats()
        except BaseException as error:
            outcome.append(error)

    os.kill(system, signal.SIGSTOP)
    caller = threading.Thread(target=call)
    caller.start()
    deadline = Deadline(WAIT_S)
    while not queued_bytes(scene.host._line.line.sock)[1]:  # of the call, which nobody reads now
        assert not deadline.expired
        deadline.pause()
    assert caller.is_alive()
    os.kill(system, signal.SIGKILL)
    caller.join(WAIT_S)
    assert [type(error) for error in outcome] == [SystemRestarted]
    assert "ended (signal SIGKILL) before it answered, and was started anew" in str(outcome[0])
    assert scene.host.link_stats()


def test_a_system_that_hangs_is_a_fault_of_the_bench(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "CALL_TIMEOUT_S", 0.3)
    os.kill(scene.host.pid, signal.SIGSTOP)
    with pytest.raises(BenchError, match="RIG-R27 the standby service has not answered LinkStats"):
        scene.host.link_stats()
    os.kill(scene.host.pid, signal.SIGCONT)
    monkeypatch.undo()
    assert scene.host.link_stats(), "the answer that came too late is passed over"


def test_without_its_supervisor_all_of_the_host_is_gone(scene: Scene) -> None:
    scene.start_app("chat")
    pids = [scene.host.pid, scene.timeline.wait("APP_READY").pid]
    os.kill(scene.host.supervisor_pid, signal.SIGKILL)
    until_gone(*pids)
    with pytest.raises(HostGone, match="RIG-R29 the standby host is gone"):
        scene.host.link_stats()


def test_a_host_that_is_gone_is_no_fault_of_an_app_or_of_what_was_waited_for(scene: Scene) -> None:
    """An app that ended with its host did not end by itself, and a record that nobody is left to write is not missing."""
    app = scene.start_app("chat")
    os.kill(scene.host.supervisor_pid, signal.SIGKILL)
    until_gone(scene.timeline.wait("APP_READY").pid)
    with pytest.raises(HostGone):
        app.call("messages", channel="inbox")
    with pytest.raises(HostGone):
        scene.timeline.wait("SLEEP_ENTER", timeout_s=0.01)


def test_an_app_that_ended_by_itself_is_the_apps_own(scene: Scene) -> None:
    app = scene.start_app("chat")
    os.kill(scene.timeline.wait("APP_READY").pid, signal.SIGKILL)
    with pytest.raises(ProcessGone, match="app chat is gone"):
        app.call("messages", channel="inbox")


def test_what_the_supervisor_gave_up_for_ends_a_call_under_way_and_every_later_one() -> None:
    (ours, theirs), (news, told) = pair(), pair()
    calls = Calls(ours, ToBench, "the standby service", News(news), restarts=True)
    supervisor, system = Line[Any](told, None), Line[Any](theirs, FromBench)

    def give_up() -> None:
        assert system.receive()
        fault = fault_of(BenchError("RIG-R30", "the driver died 5 times", "report it"), "the supervisor")
        supervisor.send_notice(GivenUp(fault))
        supervisor.close()

    thread = threading.Thread(target=give_up)
    thread.start()
    for _ in range(2):
        with pytest.raises(BenchError, match="RIG-R30 the driver died 5 times"):
            calls.call(LinkStats(), timeout_s=WAIT_S)
    thread.join()
    system.close()
    calls.close()


@pytest.mark.parametrize("heard", [False, True], ids=["before the call", "during the call"])
def test_one_that_cannot_go_on_says_why(heard: bool) -> None:
    """So that the verdict is the bench's: a silent device is no failure of what is tested."""
    ours, theirs = pair()
    calls = Calls(ours, ToBench, "the standby service")
    system: Line[Any] = Line(theirs, FromBench)

    def fail() -> None:
        if heard:
            assert system.receive()
        system.send_notice(Failed(fault_of(BenchError("RIG-B03", "the device is silent"), "the start")))
        system.close()

    thread = threading.Thread(target=fail)
    thread.start()
    if not heard:
        thread.join()
    with pytest.raises(BenchError, match="RIG-B03 the device is silent"):
        calls.call(LinkStats(), timeout_s=WAIT_S)
    thread.join()
    calls.close()


@pytest.mark.limit_s(30)
def test_sigterm_to_the_system_is_a_death_like_another(scene: Scene) -> None:
    """The call under way is told so, and no exception that nobody foresaw."""
    device = scene.bench.microcontroller
    assert isinstance(device, NativeDevice)
    outcome = list[BaseException]()

    def call() -> None:
        try:
            scene.device.slots()
        except BaseException as error:
            outcome.append(error)

    system = scene.host.pid
    os.kill(device.pid, signal.SIGSTOP)  # its answer is waited for
    caller = threading.Thread(target=call)
    caller.start()
    caller.join(0.5)
    assert caller.is_alive()
    os.kill(system, signal.SIGTERM)
    caller.join(WAIT_S)
    os.kill(device.pid, signal.SIGCONT)
    assert [type(error) for error in outcome] == [SystemRestarted]
    assert "ended (signal SIGTERM) before it answered" in str(outcome[0])
    assert scene.device.slots() == ()
    assert not scene.timeline.find("SERVICE_FAULT")


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """See toy_system.py. `stdout` is what the toys have said, and then what the supervisor told the bench last."""

    def run(name: str) -> subprocess.CompletedProcess[str]:
        (bench, bench_end), (news, told) = pair(), pair()
        fds = [told.fileno(), bench_end.fileno()]
        argv = [sys.executable, str(Path(__file__).parent / "toy_system.py"), name, *map(str, fds), str(tmp_path / "said")]
        with bench, bench_end, news:
            with told:
                done = subprocess.run(argv, pass_fds=fds, capture_output=True, text=True, timeout=120, check=False)
            heard = News(news)
            heard.take()
        said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""
        over = f"{heard.over.code}\n" if isinstance(heard.over, RigError) and not isinstance(heard.over, HostGone) else ""
        return subprocess.CompletedProcess(argv, done.returncode, said + over, done.stderr)

    return run


def test_what_it_had_stored_comes_to_the_next_one(toy: Toy) -> None:
    done = toy("stores")
    assert (done.returncode, done.stdout) == (0, "2 {'one': 'one', 'two': 'another'}\n"), done.stderr


def test_one_that_cannot_start_is_given_up(toy: Toy) -> None:
    done = toy("hopeless")
    assert (done.returncode, done.stdout) == (1, "1\n2\n3\n4\n5\nRIG-R30\n")
    assert "the standby service died 5 times before it served, signal SIGKILL at last" in done.stderr


def test_a_driver_that_dies_again_and_again_is_given_up(toy: Toy) -> None:
    done = toy("waits_for_drivers_that_die")
    assert (done.returncode, done.stdout) == (1, "driver\n" * 5 + "RIG-R30\n")
    assert "the driver of the device died 5 times within 30 s, exit status 1 at last" in done.stderr


def test_a_driver_that_somebody_ends_is_started_as_often_as_that_happens(toy: Toy) -> None:
    done = toy("waits_for_drivers_that_are_ended")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("driver\n") >= 20
    assert "RIG-R30" not in done.stdout


def test_transfers_that_die_again_and_again_are_refused_and_the_host_goes_on(toy: Toy) -> None:
    done = toy("asks_for_transfers")
    why = "the process of background transfers died 5 times within 30 s, exit status 1 at last"
    assert (done.returncode, done.stdout) == (0, "driver\n" * 5 + "".join(f"{number} {why}\n" for number in (1, 2, 3))), (
        done.stderr
    )


def test_nobody_starts_transfers_who_has_none(toy: Toy) -> None:
    done = toy("asks_for_nothing")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_deaths_count_that_come_close_together() -> None:
    """A driver that dies now and then in a long life is worth the next one."""
    now_s = 0.0
    patience = Patience(lambda: now_s)
    for _ in range(100):
        assert not patience.died()
        now_s += WITHIN_S / (DEATHS - 2)
    assert [patience.died() for _ in range(DEATHS - 2)][-1]


def test_one_that_has_served_is_started_as_often_as_it_dies(toy: Toy) -> None:
    done = toy("serves")
    assert (done.returncode, done.stdout) == (0, "21\n"), done.stderr


def test_what_it_has_started_ends_with_it(toy: Toy) -> None:
    left, incarnation = toy("leaves_children").stdout.split()
    assert incarnation == "2"
    assert not Path(f"/proc/{left}").exists()
