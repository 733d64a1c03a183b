"""Opening a serial port so that it is ours alone, as a file descriptor that `poll` understands.

A name is a device path, any pyserial URL, "fd://N" for an inherited socket, or "fd://R,W" for two pipes. A port is held with
flock (which programs that ask for exclusivity respect) and TIOCEXCL (which everyone but root respects); both end with the
process. Pseudo terminals get flock only: TIOCEXCL would stay on them after a SIGKILL for as long as the device runs.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import fcntl
import grp
import os
import pwd
import socket
import stat
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rig.errors import BenchError, UsageError

if TYPE_CHECKING:
    import serial

COMMAND_CHARS = 80
CONNECT_S = 5.0
RUNS_SERVICE = "rig.standby.warm"
"""In the command line of the process that holds the port in a run."""
BUSY = (errno.EBUSY, errno.EAGAIN, errno.EACCES)


@dataclass
class Endpoint:
    """An open port: `fd` is non-blocking and readable by poll; `close` gives everything back, once."""

    name: str
    fd: int
    release: Callable[[], None]
    port: serial.Serial | None = None
    write_fd: int = -1
    """Where it is another one; else `fd`."""

    def __post_init__(self) -> None:
        self.write_fd = self.fd if self.write_fd < 0 else self.write_fd

    def close(self) -> None:
        release, self.release = self.release, lambda: None
        release()


def open_port(name: str, baudrate: int) -> Endpoint:
    """Open and lock `name`. Raises RIG-S01 held by someone, S03 no permission, S04 no such port, C04 no such URL."""
    if name.startswith("fd://"):
        return _inherited(name)
    if name.startswith("socket://"):
        return _socket(name)
    if "://" in name:
        return _url(name, baudrate)
    return _tty(name, baudrate)


def _inherited(name: str) -> Endpoint:
    fds: list[int] = []
    try:
        for number in name.removeprefix("fd://").split(",", 1):
            fds.append(os.dup(int(number)))
    except (ValueError, OSError) as error:
        for fd in fds:
            os.close(fd)
        raise UsageError("RIG-C04", f"{name} is no inherited file descriptor: {error}") from error
    for fd in fds:
        os.set_blocking(fd, False)

    def release() -> None:
        for fd in fds:
            os.close(fd)

    return Endpoint(name, fds[0], release, write_fd=fds[-1])


def _tty(path: str, baudrate: int) -> Endpoint:
    import serial

    if not Path(path).exists():
        raise _no_such_port(path)
    try:
        port = serial.Serial(path, baudrate, timeout=None, exclusive=True)
    except serial.SerialException as error:
        raise _open_failed(path, error.errno or 0, str(error)) from error
    if not os.path.realpath(path).startswith("/dev/pts/"):
        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
    return Endpoint(path, port.fileno(), port.close, port)


def _socket(url: str) -> Endpoint:
    """A serial line over TCP, as QEMU has one. Not by pyserial: its select(2) knows no descriptor above 1023."""
    try:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 0)
    except ValueError as error:
        raise UsageError("RIG-C04", f"{url} is no address of a serial line: {error}") from error
    if not all(address) or parts.path.strip("/") or parts.query:
        raise UsageError("RIG-C04", f"{url} is no address of a serial line: it has the form socket://HOST:PORT")
    try:
        line = socket.create_connection(address, timeout=CONNECT_S)
    except OSError as error:
        raise BenchError("RIG-S04", f"cannot open {url}: {error}", "check that the far end listens") from error
    line.setblocking(False)
    return Endpoint(url, line.fileno(), line.close)


def _url(url: str, baudrate: int) -> Endpoint:
    import serial

    try:
        port = serial.serial_for_url(url, baudrate, timeout=None)
    except ValueError as error:
        raise UsageError("RIG-C04", f"{url} is no serial port that pyserial knows: {error}") from error
    except serial.SerialException as error:
        raise BenchError("RIG-S04", f"cannot open {url}: {error}", "check that the far end listens") from error
    try:
        fd = port.fileno()
    except (OSError, AttributeError):  # rfc2217:// and loop:// keep their bytes in Python queues
        return _pumped(url, port)
    os.set_blocking(fd, False)
    return Endpoint(url, fd, port.close, port)


def _pumped(url: str, port: serial.Serial) -> Endpoint:
    """A port without a descriptor: two threads copy between it and a socket pair."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def receive() -> None:
        with contextlib.suppress(Exception):  # closing the port under a blocking read raises what the URL's handler likes
            while True:
                theirs.sendall(port.read(max(1, port.in_waiting)))

    def send() -> None:
        with contextlib.suppress(Exception):
            while data := theirs.recv(4096):
                port.write(data)

    def release() -> None:
        ours.close()
        theirs.close()
        port.close()

    for target in (receive, send):
        threading.Thread(target=target, daemon=True, name=f"pump {url}").start()
    return Endpoint(url, ours.fileno(), release, port)


# -- what went wrong ---------------------------------------------------------------------------------------------------


def _open_failed(path: str, number: int, text: str) -> BenchError:
    if number == errno.EACCES or (number in BUSY and not os.access(path, os.R_OK | os.W_OK)):
        return _no_permission(path)
    if number in BUSY:
        return busy(path)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return _no_such_port(path)
    return BenchError("RIG-S05", f"cannot open {path}: {text}", "check the cable, then `rig devices`")


def busy(path: str) -> BenchError:
    """RIG-S01, naming the process that has the port."""
    found = holders(path)
    who = ", ".join(str(holder) for holder in found) or "a process that only root can see"
    fix = "end that program, or give another --port"
    if any(RUNS_SERVICE in holder.command for holder in found):
        fix = "that is a run of the rig: `rig monitor --run` shows what it does"
    return BenchError("RIG-S01", f"{path} is held by {who}", fix)


def _no_permission(path: str) -> BenchError:
    status = Path(path).stat()
    user, owner = _user(os.geteuid()), _user(status.st_uid)
    group = _group(status.st_gid)
    cause = f"user {user} may not open {path} ({owner}:{group} {stat.S_IMODE(status.st_mode):04o})"
    if status.st_gid == 0 or not status.st_mode & stat.S_IRGRP:  # a group that nobody should join, or that may not either
        fix = f"sudo rig ..., or give the port to a group of yours: sudo chgrp dialout {path}; sudo chmod 660 {path}"
        return BenchError("RIG-S03", cause, fix)
    return BenchError("RIG-S03", cause, f"sudo usermod -aG {group} {user}, then log in again")


def _no_such_port(path: str) -> BenchError:
    seen = visible_ports()
    listing = ", ".join(seen) or "none"
    alike = [port for port in seen if _family(port) == _family(path)]  # a USB adapter is no built-in port, however like its name
    close = difflib.get_close_matches(path, alike, n=2, cutoff=0.7)
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    return BenchError("RIG-S04", f"there is no port {path}; ports seen: {listing}", f"{guess}`rig devices` lists what is there")


def _family(path: str) -> str:
    """/dev/ttyUSB of /dev/ttyUSB7."""
    return path.rstrip("0123456789")


def is_built_in(path: str) -> bool:
    """A UART of the machine's own, which is there whether anything is wired to it or not."""
    return _family(path) == "/dev/ttyS"


def visible_ports() -> list[str]:
    """Paths of the serial ports of this machine, with their stable names."""
    from serial.tools.list_ports import comports

    return sorted({*(info.device for info in comports()), *map(str, Path("/dev/serial/by-id").glob("*"))})


# -- who has it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holder:
    """A process that has a port open."""

    pid: int
    command: str
    user: str

    def __str__(self) -> str:
        """Arguments may be a service's whole configuration: the first of them tell which program it is."""
        shown = self.command if len(self.command) <= COMMAND_CHARS else self.command[:COMMAND_CHARS] + " ..."
        return f'pid {self.pid} "{shown}" of user {self.user}'


def holders(path: str, *, others_only: bool = False) -> list[Holder]:
    """Who has the port: those that locked it, else those that opened it, as far as this user may see.

    `others_only` leaves out this process.
    """
    try:
        status = Path(path).stat()
    except OSError:
        return []
    pids = _lockers(status) or _openers(status.st_rdev) - _far_ends(path)
    if others_only:
        pids.discard(os.getpid())
    return [holder for pid in sorted(pids) if (holder := process(pid))]


def shared_warning(path: str) -> str:
    """RIG-S02 when others have our locked port open all the same: they take part of the bytes. "" when nobody has."""
    try:
        pids = _openers(Path(path).stat().st_rdev) - _far_ends(path) - {os.getpid()}
    except OSError:
        return ""
    who = ", ".join(str(holder) for pid in sorted(pids) if (holder := process(pid)))
    return f"RIG-S02 warning: {who} also has {path} open; bytes may be lost" if who else ""


def _lockers(status: os.stat_result) -> set[int]:
    """Processes with an flock on the file. A line: `1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF`, hexadecimal device."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return {int(words[4]) for words in lines if words[1] == "FLOCK" and words[5] == device and int(words[4]) > 0}


def _openers(rdev: int) -> set[int]:
    return {int(entry.parts[2]) for entry in Path("/proc").glob("[0-9]*/fd/*") if _is_device(entry, rdev)}


def _far_ends(path: str) -> set[int]:
    """Of a PTY, the processes at its other end: the device itself, and what keeps its line open."""
    if not path.startswith("/dev/pts/"):
        return set()
    wanted = f"tty-index:\t{path.rpartition('/')[2]}\n"
    masters = (entry for entry in Path("/proc").glob("[0-9]*/fd/*") if _links_to(entry).endswith("ptmx"))
    return {int(entry.parts[2]) for entry in masters if wanted in _fdinfo(entry)}


def _links_to(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""


def _fdinfo(entry: Path) -> str:
    try:
        return (entry.parents[1] / "fdinfo" / entry.name).read_text()
    except OSError:
        return ""


def _is_device(entry: Path, wanted: int) -> bool:
    try:
        status = entry.stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == wanted


def process(pid: int) -> Holder | None:
    """Who that is; None when it is no more."""
    try:
        process = Path(f"/proc/{pid}")
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return Holder(pid, command, _user(process.stat().st_uid))
    except OSError:
        return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
