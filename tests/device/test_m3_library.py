"""The Cortex-M3's 64-bit division and string functions, which the board port brings along instead of libgcc's and newlib's."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rig.device.qemu import QEMU

from .kinds import without_qemu

PROGRAM = Path(__file__).parents[2] / "firmware" / "build" / "mps2" / "m3-library.elf"
LIMIT_S = 60
pytestmark = without_qemu


def test_quotients_of_all_widths_and_bytes_at_all_distances() -> None:
    assert PROGRAM.is_file(), "make firmware builds it"
    argv = ["timeout", str(LIMIT_S), QEMU, "-M", "mps2-an385", "-kernel", str(PROGRAM), "-display", "none", "-monitor", "none"]
    argv += ["-nic", "none", "-serial", "stdio"]
    said: list[str] = []
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as qemu:
        assert qemu.stdout is not None
        for line in qemu.stdout:
            said.append(line)
            if line == "done\n":
                break
        qemu.terminate()
    assert said == ["done\n"]
