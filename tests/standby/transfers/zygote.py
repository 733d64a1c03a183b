"""Processes of background transfers, one after the other, as the supervisor starts them: with the same line, forked from one that
has imported all.

python zygote.py LINE_FD SETTINGS_IN_HEX       each line that it says is the pid of the next one
"""

from __future__ import annotations

import os
import sys

from rig.process import die_with_this_parent
from rig.standby.supervisor.forked import live, with_only
from rig.standby.transfers.main import main


def serve(line_fd: int, settings: bytes, timeline_fd: int) -> None:
    die_with_this_parent()
    while True:
        pid = os.fork()
        if pid == 0:
            die_with_this_parent()
            live(lambda: with_only({0, 1, 2, line_fd, timeline_fd}, lambda: main(settings, line_fd, "")))
        os.write(1, b"%d\n" % pid)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]))
