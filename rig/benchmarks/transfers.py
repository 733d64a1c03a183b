"""Background transfers from a real nginx: a large file beside curl, wakes of a host that has one under way, and many at once."""

from __future__ import annotations

import hashlib
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rig.bench import Bench
from rig.benchmarks.apps import CHAT_APP
from rig.benchmarks.cycles import wait_aside
from rig.clock import Deadline
from rig.net.namespace import Namespace
from rig.peers.nginx import Nginx
from rig.peers.program import find
from rig.standby.app_handle import AppHandle

APP = "rig.suite.transfer_app:TransferApp"
LARGE_BYTES, BLOCK_BYTES = 1 << 30, 1 << 20
PAIRS = 3
"""Downloads of the large file, and as many by curl, in turn."""
AT_ONCE, EACH_BYTES = 200, 2 << 20
WAKES, BLOCKS = 40, 4
"""Of each kind; as many blocks of either, in turn, as a machine is slower at one time than at another."""
TIMEOUT_S = 300.0
CHANNEL = "inbox"

Say = Callable[[str, int, int], None]


@dataclass
class LargeFile:
    """Megabytes a second, each run's."""

    curl_mb_s: list[float] = field(default_factory=list)
    ours_mb_s: list[float] = field(default_factory=list)
    peak_mib: float = 0.0
    """Of the process of transfers, shared pages and all."""
    whole: bool = True
    """Each file was what the server has."""

    @property
    def to_curl(self) -> float:
        """The best of either: what else the machine does makes both slower."""
        return max(self.ours_mb_s) / max(self.curl_mb_s)


@dataclass
class Wakes:
    """From the push to RUN_ENTER, of a host in connected standby."""

    idle_ms: list[float] = field(default_factory=list)
    """It sleeps, and its transfer is paused by its app."""
    resting_ms: list[float] = field(default_factory=list)
    """It sleeps on battery, and its transfer rests, as the policy wants it."""
    busy_ms: list[float] = field(default_factory=list)
    """Its transfer runs, on external power, and holds it awake."""


@dataclass
class Many:
    """Transfers of one size, all started at once."""

    count: int
    whole: int
    """Complete, with the content that the server has."""
    took_s: float
    median_s: float
    """When half of them were complete."""
    longest_wait_s: float
    """That one of them had no byte."""


# -- the large file ----------------------------------------------------------------------------------------------------


def large_file(bench: Bench, say: Say, size: int = LARGE_BYTES) -> LargeFile:
    """On a fresh bench."""
    bench.capture.close()  # it would keep every frame, three times over
    found = LargeFile()
    program = find("curl", "curl")
    with bench.peers.nginx() as nginx:
        digest = _publish_large(nginx, size)
        app = bench.host.start_app("transfers", APP)
        for number in range(PAIRS):
            file = bench.artefacts / f"by-curl-{number}"
            found.curl_mb_s.append(_rate(size, _curl(bench.network.host, program, nginx.url("/large"), file)))
            file.unlink()
            file = bench.artefacts / f"large-{number}"
            found.ours_mb_s.append(_rate(size, _download(bench, app, nginx.url("/large"), file)))
            found.whole &= file.stat().st_size == size and _digest(file) == digest
            file.unlink()
            say("large file", number + 1, PAIRS)
        found.peak_mib = peak_mib(bench.host.transfers_pid)
    return found


def _publish_large(nginx: Nginx, size: int) -> str:
    """The same random block over and over, so that it need not be made in one piece; its digest."""
    block, whole = random.Random(1).randbytes(BLOCK_BYTES), hashlib.sha256()
    with (nginx.folder / "files" / "large").open("wb") as file:
        for _ in range(size // BLOCK_BYTES):
            file.write(block)
            whole.update(block)
    return whole.hexdigest()


def _curl(namespace: Namespace, program: str, url: str, file: Path) -> float:
    """Seconds. Raises CalledProcessError."""
    began_s = time.monotonic()
    command = [*namespace.enter_command(), program, "--silent", "--fail", "--output", str(file), url]
    subprocess.run(command, pass_fds=(namespace.fd,), check=True, timeout=TIMEOUT_S)
    return time.monotonic() - began_s


def _download(bench: Bench, app: AppHandle, url: str, file: Path) -> float:
    """Seconds until it has its name, and is on the disk."""
    began_ns = time.monotonic_ns()
    guid = app.call("download", uri=url, path=str(file))
    ended = bench.timeline.wait("TRANSFER_ENDED", id=guid, timeout_s=TIMEOUT_S)
    assert ended.status == "COMPLETED", f"{ended.status}: {ended.error}"
    return (ended.t_ns - began_ns) / 1e9


def _rate(size: int, took_s: float) -> float:
    return size / took_s / 1e6


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def peak_mib(pid: int) -> float:
    """The most memory that a process has ever had, with what it shares with others."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


# -- wakes meanwhile ---------------------------------------------------------------------------------------------------


def wakes(bench: Bench, say: Say, rounds: int = WAKES, size: int = LARGE_BYTES) -> Wakes:
    """On a fresh bench. `rounds`: of each kind."""
    bench.capture.close()
    with bench.peers.nginx() as nginx:
        _publish_large(nginx, size)
        scene = _Standby(bench, nginx.url("/large"))
        for block in range(BLOCKS):
            scene.idle(rounds // BLOCKS)
            scene.resting(rounds // BLOCKS)
            scene.busy(rounds // BLOCKS)
            say("blocks of wakes", block + 1, BLOCKS)
        scene.close()
    return scene.found


class _Standby:
    """One channel and one transfer. Between two kinds of wakes the user is there, and the transfer runs."""

    def __init__(self, bench: Bench, url: str) -> None:
        self.found = Wakes()
        self._host, self._timeline = bench.host, bench.timeline
        chat = bench.host.start_app("chat", CHAT_APP)
        chat.call("open_channel", channel=CHANNEL, host=bench.server.address, port=bench.server.port, minutes=1439)
        self._connection = bench.server.connection()
        chat.suspend()  # before the transfer holds the host awake: then no app is
        self._app = bench.host.start_app("transfers", APP)
        self._file = bench.artefacts / "large"
        self._guid = self._app.call("download", uri=url, path=str(self._file))
        self._until("RUNNING")

    def idle(self, count: int) -> None:
        self._app.call("pause", name=self._file.name)
        self._until("PAUSED_BY_APPLICATION")
        self.found.idle_ms += self._asleep(count)
        self._app.call("resume", name=self._file.name)
        self._until("RUNNING")

    def resting(self, count: int) -> None:
        self._host.levers.set(ac=False)
        self.found.resting_ms += self._asleep(count)
        self._until("RUNNING")
        self._host.levers.set(ac=True)

    def busy(self, count: int) -> None:
        after = self._timeline.mark()
        self._host.begin_standby()
        self._timeline.wait("SLEEP_REFUSED", holder="transfer of transfers", after=after)
        for _ in range(count):
            self.found.busy_ms.append(self._push("TASK_END"))
        assert self._status == "RUNNING", f"the transfer is {self._status}: it was to run meanwhile"
        self._host.exit_standby()

    def close(self) -> None:
        self._app.call("cancel", name=self._file.name)
        self._timeline.wait("TRANSFER_ENDED", id=self._guid)

    def _asleep(self, count: int) -> list[float]:
        self._host.enter_standby()
        found = [self._push("SLEEP_ENTER") for _ in range(count)]
        self._host.exit_standby()
        return found

    def _push(self, until: str) -> float:
        """Milliseconds to the first line of Run. `until`: what has to follow before the next."""
        after = self._timeline.mark()
        pushed_ns = self._connection.push(b"wake")
        run = wait_aside(self._timeline, after, kind="push")
        self._timeline.wait(until, after=run.seq)
        return (run.t_ns - pushed_ns) / 1e6

    def _until(self, status: str) -> None:
        """Of what the timeline says of it, the newest is that."""
        deadline = Deadline(TIMEOUT_S)
        while self._status != status:
            assert not deadline.expired, f"the transfer is {self._status}, not {status}"
            deadline.pause()

    @property
    def _status(self) -> str:
        found = self._timeline.find("TRANSFER_STATUS", id=self._guid)
        return str(found[-1].status) if found else "IDLE"


# -- many at once ------------------------------------------------------------------------------------------------------


def many(bench: Bench, say: Say, count: int = AT_ONCE, size: int = EACH_BYTES) -> Many:
    """On a fresh bench."""
    bench.capture.close()
    with bench.peers.nginx() as nginx:
        contents = {f"file-{number}": random.Random(number).randbytes(size) for number in range(count)}
        for name, data in contents.items():
            nginx.publish(f"/{name}", data)
        app = bench.host.start_app("transfers", APP)
        for name in contents:
            app.call("download", uri=nginx.url(f"/{name}"), path=str(bench.artefacts / name), start=False)
        after, began_ns = bench.timeline.mark(), time.monotonic_ns()
        app.call("start_all", names=list(contents), timeout_s=TIMEOUT_S)
        ended: list[int] = []
        for number in range(count):
            ended.append(bench.timeline.wait("TRANSFER_ENDED", after=after, count=number + 1, timeout_s=TIMEOUT_S).t_ns)
            say("transfers at once", number + 1, count)
        whole = sum(_is_whole(bench.artefacts / name, data) for name, data in contents.items())
        longest_ns = _longest_wait_ns(bench, after, began_ns)
    return Many(count, whole, (ended[-1] - began_ns) / 1e9, (ended[count // 2] - began_ns) / 1e9, longest_ns / 1e9)


def _is_whole(file: Path, data: bytes) -> bool:
    return file.exists() and file.read_bytes() == data


def _longest_wait_ns(bench: Bench, after: int, began_ns: int) -> int:
    """Between two signs of one transfer: its start, a request, bytes, its end. Its app starts one after another, which takes a
    while: nobody waits before that."""
    last: dict[str, int] = {}
    longest_ns = 0
    for record in bench.timeline.records(after):
        if record.event == "TRANSFER_PERMIT":
            last.setdefault(record.id, record.t_ns)
        if record.event in ("TRANSFER_ATTEMPT", "TRANSFER_PROGRESS", "TRANSFER_ENDED"):
            longest_ns = max(longest_ns, record.t_ns - last.get(record.id, began_ns))
            last[record.id] = record.t_ns
    return longest_ns
