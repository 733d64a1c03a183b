"""A folder for what benches write while they are measured: nobody reads it afterwards, so nothing of it stays.

A process that is killed cleans up nothing. So a shell of its own session makes the folder, waits at a pipe whose other end is
only ours, and deletes the folder when that end closes: at the end of the block, or because the kernel closed it for us.
"""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig import temporary
from rig.errors import BenchError

KEEPER = 'trap "" INT HUP TERM; mkdir -m 700 -- "$1" && echo made && cat; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }'
"""Once more, as a process that dies with us may have made one more file meanwhile."""


@contextmanager
def scratch() -> Iterator[Path]:
    """The folder. Raises BenchError RIG-T03 when there is none to be had."""
    temporary.settle()
    path = Path(tempfile.gettempdir()) / f"rig-bench-{secrets.token_hex(6)}"
    pipe = subprocess.PIPE
    command = ["sh", "-c", KEEPER, "sh", str(path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True) as keeper:
        assert keeper.stdout is not None  # Popen closes stdin, and waits
        if not keeper.stdout.readline():
            raise BenchError("RIG-T03", f"cannot make the folder {path}", "make room there, or name another in TMPDIR")
        yield path
