"""Processes of background transfers, one after the other, as the supervisor starts them: with the same line, forked from one that
has imported all.

python zygote.py LINE_FD STEPS_FD SETTINGS_IN_HEX       each line that it says is the pid of the next one
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from rig.process import die_with_this_parent
from rig.standby.supervisor.forked import live, with_only
from rig.standby.transfers.main import main
from rig.standby.transfers.settings import TransferSettings
from tests.small_disk import mount
from tests.standby.transfers.deadly import watch

SMALL_DISK = "SMALL_DISK"
"""In the environment: a folder that these processes have a small disk in."""
SMALL_DISK_KIB = 64


def serve(line_fd: int, steps_fd: int, settings: bytes) -> None:
    die_with_this_parent()
    if disk := os.environ.get(SMALL_DISK):
        mount(Path(disk), SMALL_DISK_KIB)
    timeline_fd = msgspec.msgpack.decode(settings, type=TransferSettings).timeline_fd

    def life() -> None:
        watch(steps_fd)
        main(settings, line_fd, "")

    while True:
        pid = os.fork()
        if pid == 0:
            die_with_this_parent()
            live(lambda: with_only({0, 1, 2, line_fd, steps_fd, timeline_fd}, life))
        os.write(1, b"%d\n" % pid)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
