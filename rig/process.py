"""What every process of the standby host does first: die with its parent, enter its namespaces."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from rig.errors import BenchError

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
SA_NOCLDSTOP = 1
CLONE_NEWNET = 0x40000000
CLONE_NEWPID = 0x20000000
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """SIGKILL for this process when its parent ends, however it ends. The parent may have gone already: then now."""
    die_with_this_parent()
    if os.getppid() != parent_pid:
        os._exit(1)


def die_with_this_parent() -> None:
    """The same where the parent's pid says nothing, as it is in another PID namespace: the caller finds out whether it lives."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_network(namespace_fd: int) -> None:
    """Move this thread, and all it starts later, into a network namespace. Raises OSError."""
    if _libc.setns(namespace_fd, CLONE_NEWNET) != 0:
        raise _error(f"namespace fd {namespace_fd}")


def new_network() -> None:
    """Move this thread, and all it starts later, into a network namespace of its own: its loopback interface is down, and
    there is no other. Raises OSError."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        raise _error("a network namespace")


def new_pid_namespace() -> None:
    """The next child is process 1 of a PID namespace; all in it end with that child. Wants one thread. Raises OSError."""
    if _libc.unshare(CLONE_NEWPID) != 0:
        raise _error("a PID namespace")


def enter_pid_namespace(namespace_fd: int) -> None:
    """Children are in that one from now on. It has to be ours, or one below. Raises OSError."""
    if _libc.setns(namespace_fd, CLONE_NEWPID) != 0:
        raise _error(f"namespace fd {namespace_fd}")


def adopt_orphans() -> None:
    """A descendant of this process whose parent ends becomes this one's child, not process 1's."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


class _SigAction(ctypes.Structure):
    """struct sigaction of the C library, sigaction(2)."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def hear_only_of_ends() -> None:
    """SIGCHLD, whose handler is set, comes no more for a child that stops or goes on: its parent has nothing to do about that,
    and would have a processor when the child wants it."""
    action = _SigAction()
    if _libc.sigaction(signal.SIGCHLD, None, ctypes.byref(action)) == 0:
        action.flags |= SA_NOCLDSTOP
        _libc.sigaction(signal.SIGCHLD, ctypes.byref(action), None)


def go_before_others(priority: int) -> bool:
    """This thread goes before all ordinary ones and those of a lower priority (sched(7), SCHED_FIFO, from 1); what it starts does
    not. Whether it may: without CAP_SYS_NICE and with an RLIMIT_RTPRIO of 0 all stays as it is."""
    return _scheduled(os.SCHED_FIFO, priority)


def go_with_others() -> None:
    """This thread is an ordinary one again."""
    _scheduled(os.SCHED_OTHER, 0)


def go_behind_others() -> None:
    """This thread is an ordinary one, and puts aside nobody who runs when it is woken (sched(7), SCHED_BATCH)."""
    _scheduled(os.SCHED_BATCH, 0)


def _scheduled(policy: int, priority: int) -> bool:
    try:
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except PermissionError:
        return False
    return True


def name_process(name: str) -> None:
    """What `ps` and `top` show; 15 bytes of it."""
    _libc.prctl(PR_SET_NAME, name.encode()[:15])


def ignore_sigint() -> None:
    """A terminal's Ctrl-C goes to all processes of a run, and it is the test's that ends the others; a process that was started
    without the rig's way to start children would have a KeyboardInterrupt, in whatever is under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def pid_namespace_refusal(error: int) -> BenchError:
    """Why there are no PID namespaces, and the command that mends it."""
    try:
        most = int(Path("/proc/sys/user/max_pid_namespaces").read_text())
    except (OSError, ValueError):
        most = -1
    if error == errno.ENOSPC or most == 0:
        fix = "sudo sysctl -w user.max_pid_namespaces=10000   (in a container: on the machine that runs it)"
        return BenchError("RIG-N20", f"PID namespaces are used up or switched off: user.max_pid_namespaces = {most}", fix)
    why = os.strerror(error)
    fix = "sudo rig ...   (in a container: allow the capability SYS_ADMIN, or --privileged; a kernel needs CONFIG_PID_NS)"
    return BenchError("RIG-N20", f"no PID namespace can be made here: {why}", fix)


def pid_of(pidfd: int) -> int:
    """What /proc calls a process that may be in another PID namespace; -1 when it has ended and been waited for."""
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("Pid:"))


def outer_pid(pid: int) -> int:
    """How /proc, and so a process outside of this PID namespace, calls a process of it."""
    pidfd = os.pidfd_open(pid)
    try:
        return pid_of(pidfd)
    finally:
        os.close(pidfd)


def close_all_fds_but(kept: Iterable[int]) -> None:
    """0, 1 and 2 among them, unless they are kept."""
    after = 0
    for fd in sorted(set(kept)):
        if fd > after:  # an empty range is all of them to Python 3.11
            os.closerange(after, fd)
        after = fd + 1
    os.closerange(after, os.sysconf("SC_OPEN_MAX"))


def _error(what: str) -> OSError:
    error = ctypes.get_errno()
    return OSError(error, os.strerror(error), what)
