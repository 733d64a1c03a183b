"""What a forked process gets from the bench that it is forked for: descriptors, environment, folder, output.

A process that is exec'ed inherits these; a fork of the warm process has the warm process's. They travel as descriptors beside one
datagram: a file in memory with a `Birth`, the working folder, stdout and stderr (as they are at that moment: pytest
redirects both), then its own descriptors, which get the numbers that they have in the bench's process.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rig.decoders import decoded
from rig.process import close_all_fds_but

FORK = b"fork"
FDS = 64
"""Most descriptors beside the datagram: four of ours, its own, far below the kernel's 253."""


class Birth(msgspec.Struct, frozen=True):
    """`config` is for the one that is forked alone."""

    config: bytes
    environment: dict[bytes, bytes]
    umask: int
    numbers: list[int]
    """Of its own descriptors, in the order in which they came."""


def descriptors(config: bytes, fds: Sequence[int], environment: dict[bytes, bytes]) -> tuple[list[int], list[int]]:
    """All to send, and those among them that the caller closes afterwards."""
    birth = Birth(config, environment, _umask(), list(fds))
    file = os.memfd_create("birth", os.MFD_CLOEXEC)
    os.write(file, msgspec.msgpack.encode(birth))
    made = [file, os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), *(_output(fd) for fd in (1, 2))]
    return [*made, *fds], made


def be_born(fds: Sequence[int]) -> Birth:
    """In the fork: take over what came. No other descriptor of the process forked from stays open."""
    file, folder, out, err, *own = fds
    birth = decoded(Birth, _content(file))
    os.fchdir(folder)
    os.umask(birth.umask)
    os.environb.clear()
    os.environb.update(birth.environment)
    _place([out, err, *own], [1, 2, *birth.numbers])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it ends in any way: what it printed is not lost with it
            stream.reconfigure(line_buffering=True)
    return birth


def _place(fds: Sequence[int], numbers: Sequence[int]) -> None:
    """Give each descriptor its number. By way of high ones, as a number may be taken by another of them."""
    above = max([*fds, *numbers]) + 1
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, above) for fd in fds]
    close_all_fds_but([0, *high])
    for fd, number in zip(high, numbers, strict=True):
        os.dup2(fd, number, inheritable=number in (1, 2))
    close_all_fds_but([0, *numbers])


def _content(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


def _output(fd: int) -> int:
    try:
        return os.dup(fd)
    except OSError:  # the bench's process has none
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _umask() -> int:
    """There is no other way to ask for it, but this file, which needs no change of it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.partition(":")[2], 8) for line in lines if line.startswith("Umask:")), 0o022)
