"""The warm process: what it forks is as if the bench had started it, and it comes and goes without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import CHAT_APP

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

ROOT = Path(__file__).parents[2]
APP = """
import os, sys

class Told:
    def __init__(self, app):
        print("it says", os.environ.get("OF_THE_BENCH"))
        sys.stderr.write("it complains\\n")

    def random(self):
        import random, secrets, tempfile, uuid
        names = tempfile._get_candidate_names()
        return [random.random(), secrets.token_hex(), uuid.uuid4().hex, next(names)]

    def signals(self):
        import signal
        return [signal.getsignal(number).name for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)]

    def state(self):
        umask = os.umask(0)
        os.umask(umask)
        return [os.getcwd(), os.environ.get("OF_THE_BENCH"), umask, sys.path]
"""


def children(pid: int) -> list[int]:
    """Of all its threads."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


def warm_pid() -> int:
    """Of this test process: the child of the keeper, which is a child of ours."""
    keepers = [pid for pid in children(os.getpid()) if b"rig.standby.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(keepers) == 1, "one for each test process"
    (warm,) = children(keepers[0])
    return warm


def open_files(pid: int) -> list[str]:
    return [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]


def until(wanted: Callable[[], bool]) -> None:
    deadline = Deadline(WAIT_S)
    while not wanted():
        assert not deadline.expired
        time.sleep(0.001)


def bench(folder: Path) -> Bench:
    return Bench(BenchConfig(), folder)


@pytest.fixture(autouse=True)
def there_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    with bench(tmp_path_factory.mktemp("first")):
        pass


def test_a_fork_has_what_the_bench_had_when_it_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not what the warm process was started with, by a test before."""
    (tmp_path / "told.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OF_THE_BENCH", "told")
    monkeypatch.syspath_prepend(tmp_path)
    umask = os.umask(0o027)
    try:
        with bench(tmp_path / "artefacts") as here:
            folder, word, mask, path = here.host.start_app("told", "told:Told").call("state")
    finally:
        os.umask(umask)
    assert (folder, word, mask) == (str(tmp_path), "told", 0o027)
    assert str(tmp_path) in path
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("it says told\n", "it complains\n")


def test_apps_draw_their_own_random_numbers_and_have_the_signals_of_a_new_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "told.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    with bench(tmp_path / "artefacts") as here:
        one, other = (here.host.start_app(name, "told:Told") for name in ("one", "other"))
        drawn = list(zip(one.call("random"), other.call("random"), strict=True))
        assert [a for a, b in drawn if a == b] == []
        # Ctrl-C is the test process's to hear; every Python ignores SIGPIPE.
        assert one.call("signals") == ["SIG_DFL", "SIG_DFL", "SIG_IGN", "SIG_IGN"]


def test_it_has_one_thread_no_child_and_no_descriptor_of_a_bench(tmp_path: Path) -> None:
    warm = warm_pid()

    def held() -> Counter[str]:
        return Counter(open_files(warm))

    before = held()
    with bench(tmp_path) as here:
        here.host.start_app("chat", CHAT_APP)
        until(lambda: held() <= before)  # what is sent to it, it closes after the fork, which may be quicker
        assert len(list(Path(f"/proc/{warm}/task").iterdir())) == 1
        assert children(warm)
    until(lambda: not children(warm))


def test_what_a_bench_forks_holds_nothing_of_the_warm_process(tmp_path: Path) -> None:
    line = {name for name in open_files(warm_pid()) if name.startswith("socket:")}
    assert line
    with bench(tmp_path) as here:
        assert not line & set(open_files(here.host.pid))


def test_it_imports_the_rig_that_its_bench_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not another one that happens to lie in the working folder."""
    (tmp_path / "rig").mkdir()
    (tmp_path / "rig" / "__init__.py").write_text("raise RuntimeError('another rig')")
    monkeypatch.chdir(tmp_path)
    os.kill(warm_pid(), signal.SIGKILL)
    with bench(tmp_path / "artefacts") as here:
        assert here.host.link_stats()


def test_a_dead_one_is_started_anew(tmp_path: Path) -> None:
    killed = warm_pid()
    os.kill(killed, signal.SIGKILL)
    with bench(tmp_path) as here:
        here.host.start_app("chat", CHAT_APP)
    assert warm_pid() != killed


TWO_BENCHES = """
import sys
from pathlib import Path
from rig.net import userns
assert userns.enter()
from rig.bench import Bench
from rig.config import BenchConfig
from rig.suite.scene import CHAT_APP
for _ in range(2):
    with Bench(BenchConfig(), Path(sys.argv[1])) as bench:
        bench.host.start_app("chat", CHAT_APP)
        print("up", bench.set_up_s)
"""


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "sh", "-c")


def python_of_everybody() -> str:
    """Ours may be in a folder of root's."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if subprocess.run([*AS_NOBODY, f"exec {python} -c pass"], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python that an ordinary user may execute")


@pytest.mark.skipif(os.geteuid() != 0, reason="drops privileges")
def test_it_works_in_the_user_namespace_of_an_ordinary_user() -> None:
    environment = {**os.environ, "PYTHONPATH": ":".join([str(ROOT), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"}
    python = python_of_everybody()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        argv = [*AS_NOBODY, 'exec "$0" -c "$@"', python, TWO_BENCHES, folder]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if "RIG-N02" in done.stderr or "RIG-N01" in done.stderr:
        pytest.skip("no user namespaces here")
    assert done.stdout.count("up ") == 2, done.stderr


def test_a_fork_of_the_test_that_leaves_the_block_leaves_the_bench_alone(tmp_path: Path) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        forked = os.fork()
        if forked == 0:
            try:
                bench.__exit__()
            finally:
                os._exit(0)
        os.waitpid(forked, 0)
        assert bench.host.link_stats()


def test_what_it_forked_ends_with_it(tmp_path: Path) -> None:
    with bench(tmp_path) as here:
        here.host.start_app("chat", CHAT_APP)
        pids = [here.host.pid, here.timeline.wait("APP_READY").pid]
        os.kill(warm_pid(), signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_the_doctor_says_how_to_allow_pid_namespaces() -> None:
    """A user namespace of its own has its own limit."""
    script = f"echo 0 > /proc/sys/user/max_pid_namespaces && exec {sys.executable} -m rig doctor"
    done = subprocess.run(["unshare", "-U", "--map-root-user", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "max_pid_namespaces" in done.stderr or "unshare" in done.stderr:
        pytest.skip("no user namespaces here")
    assert "user.max_pid_namespaces = 0" in done.stdout
    assert "-> sudo sysctl -w user.max_pid_namespaces=10000" in done.stdout
