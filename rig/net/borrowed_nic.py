"""A NIC of this machine, taken into a bench and given back as it was.

A run that ends by itself, by Ctrl-C or by SIGTERM gives it back. After a SIGKILL the kernel does: it moves a physical NIC to the
machine's first namespace, down and bare. So what it had is in a file from before it is taken until it is put back; the next
run with a board, and `rig doctor --restore`, find the files of runs that are no more. The directory is emptied when the machine
starts, as are the interfaces.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rig.errors import BenchError, UsageError
from rig.net import links
from rig.net.namespace import Namespace
from rig.net.nic_guard import refuse_in_use
from rig.net.nic_state import NicState

STATE_DIR = "/run/offload-rig"
"""Or where RIG_STATE_DIR says."""

REASON_CHARS = 120

_held: set[Path] = set()
"""Files of the NICs that this process has in its benches."""


class BorrowedNic:
    """In the namespace `wire` until `give_back`."""

    def __init__(self, name: str, wire: Namespace, *, force: bool = False) -> None:
        """Take it from the calling thread's namespace. `force`: although it is in use.

        Raises BenchError RIG-N11 (not there, or it cannot be moved), RIG-N15 (in use), RIG-N16 and N17 (what an earlier run left
        of one), RIG-N18 (in the bench of another run).
        """
        restore_left()
        if os.path.sep in name:
            raise UsageError("RIG-C02", f"{name!r} is no interface", "see the names in /sys/class/net")
        self._wire = wire
        self._home = Namespace("home", os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        try:
            if not force:
                refuse_in_use(name)
            self._state = NicState.read(name)
            self._file = _write(self._state)
        except OSError as error:
            self._home.close()
            raise _not_taken(name, error) from error
        except BaseException:
            self._home.close()
            raise
        _held.add(self._file)
        try:
            _move(name, wire.fd)
        except (OSError, BenchError) as error:
            self._home.run(partial(_put_back, self._state))
            self._forget()
            raise _not_taken(name, error) from error
        except BaseException:  # Ctrl-C, before or after the move
            self.give_back()
            raise

    def give_back(self) -> None:
        """Move it home and make it what it was; a second call does nothing. Not left halfway by Ctrl-C or SIGTERM.

        Raises BenchError RIG-N16 that says what could not be put back; the file stays then.
        """
        if self._home.fd < 0:
            return
        failed: list[str] = []
        _to_the_end(lambda: failed.extend(self._bring_home()))
        _held.discard(self._file)
        if failed:
            self._home.close()
            cause = f"the interface {self._state.name} is not what it was before the bench took it: {'; '.join(failed)}"
            raise BenchError("RIG-N16", cause, f"rig doctor --restore; what it had is in {self._file}")
        self._forget()

    def _bring_home(self) -> list[str]:
        """It may be at home already, when the move was interrupted: then there is only to put back."""
        stays = []
        try:
            self._wire.run(partial(_move, self._state.name, self._home.fd))
        except (OSError, BenchError) as error:
            stays.append(str(error))
        failed = self._home.run(partial(_put_back, self._state))
        return [*stays, *failed] if failed else []

    def _forget(self) -> None:
        _held.discard(self._file)
        self._file.unlink(missing_ok=True)
        self._home.close()


@dataclass(frozen=True)
class Left:
    """What a run that is no more left in the calling thread's namespace."""

    state: NicState
    file: Path
    pid: int

    def __str__(self) -> str:
        return f"{self.state.name} is bare: the run of pid {self.pid} was killed while it had it"


@dataclass(frozen=True)
class Damaged:
    """A file of this namespace that does not say what the NIC had."""

    file: Path
    reason: str

    def __str__(self) -> str:
        return f"what a run left in {self.file} cannot be read: {self.reason}"


def left_behind() -> list[Left | Damaged]:
    """NICs of this namespace whose run has ended without giving them back; first those that can be given back."""
    found = [left for file in sorted(_directory().glob("nic-*.json")) if (left := _left(file))]
    return sorted(found, key=lambda left: isinstance(left, Damaged))


def restore_left() -> list[str]:
    """Put those back. Their names. Raises BenchError RIG-N16, and N17 for a file that cannot be read."""
    restored = []
    for left in left_behind():
        if isinstance(left, Damaged):
            fix = f"see whether an interface lacks its addresses or routes; then: rm {left.file}"
            raise BenchError("RIG-N17", f"an interface may be bare: {left}", fix)
        if failed := _put_back(left.state):
            cause = f"the interface {left.state.name} of a run that was killed cannot be put back: {'; '.join(failed)}"
            raise BenchError("RIG-N16", cause, f"as root: rig doctor --restore; or give it up: rm {left.file}")
        left.file.unlink(missing_ok=True)
        restored.append(left.state.name)
    return restored


def _put_back(state: NicState) -> list[str]:
    """`NicState.put_back`, which fails in as many ways as a damaged file is damaged; what failed is never taken for done."""
    try:
        return state.put_back()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def _holder(name: str) -> int:
    """The process that has the NIC of this name and of this namespace in its bench; 0 for none."""
    try:
        table = json.loads((_directory() / f"nic-{_namespace()}-{name}.json").read_text())
        return int(table["pid"]) if _born(table["pid"]) == table["born"] else 0
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0


def _left(file: Path) -> Left | Damaged | None:
    """None for a bench that stands, and for another namespace's.

    A bench of this very process that could not give its NIC back stands no more: what the next one saw would be the rest.
    """
    if not file.name.startswith(f"nic-{_namespace()}-"):
        return None
    try:
        table = json.loads(file.read_text())
        pid, born, state = table["pid"], table["born"], NicState.of(table["nic"])
    except FileNotFoundError:  # given back just now
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Damaged(file, f"{type(error).__name__}: {error}"[:REASON_CHARS])
    runs = _born(pid) == born and (pid != os.getpid() or file in _held)
    return None if runs else Left(state, file, pid)


def _write(state: NicState) -> Path:
    """Whole or not at all. The namespace is part of the name: another one may have an interface of that name too.

    Raises FileExistsError when another run has the NIC: of two that begin at once, one must not lose the other's file.
    """
    directory, namespace = _directory(), _namespace()
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    file = directory / f"nic-{namespace}-{state.name}.json"
    table = {"pid": os.getpid(), "born": _born(os.getpid()), "namespace": namespace, "nic": state.plain()}
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(table, indent=1) + "\n")
    try:
        file.hardlink_to(fresh)
    except FileExistsError:
        if _holder(state.name):
            raise
        fresh.replace(file)  # of a run that was killed just now
    finally:
        fresh.unlink(missing_ok=True)
    return file


def _directory() -> Path:
    return Path(os.environ.get("RIG_STATE_DIR") or STATE_DIR)


def _namespace() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def _born(pid: int) -> str:
    """When a process started, in the kernel's ticks: a pid alone comes back. "" for none. proc(5): field 22 of stat."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _move(name: str, namespace_fd: int) -> None:
    with links.rtnetlink() as route:
        index = links.index_of(name)
        route.link("set", index=index, master=0)
        route.link("set", index=index, net_ns_fd=namespace_fd)


def _not_taken(name: str, error: Exception) -> BenchError:
    cause = f"the board's NIC {name!r} cannot be moved into the bench: {error}"
    if holder := _holder(name):
        return BenchError("RIG-N18", f"the board's NIC {name!r} is in the bench of pid {holder}", "wait for that run to end")
    return BenchError("RIG-N11", cause, "name it in bench.toml: [bench] nic; needs root; see the names in /sys/class/net")


def _to_the_end(work: Callable[[], None]) -> None:
    """Do it in a thread, where no signal handler runs, and wait for its end however often somebody presses Ctrl-C."""
    thread = threading.Thread(target=work, name="rig-nic", daemon=True)
    interrupt: BaseException | None = None
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except BaseException as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
