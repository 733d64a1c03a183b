"""Flash and RAM of a board's programs, against what the board has for each."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def program_sizes(size_tool: str, elf: Path) -> dict[str, int]:
    """Bytes of flash (code, constants, initial values) and RAM (data, bss, stack) of one program."""
    lines = subprocess.run([size_tool, "-A", str(elf)], check=True, capture_output=True, text=True).stdout.splitlines()
    section = {parts[0]: int(parts[1]) for line in lines if len(parts := line.split()) == 3 and parts[1].isdigit()}
    flash = section.get(".text", 0) + section.get(".ARM.exidx", 0) + section.get(".data", 0)
    return {"flash": flash, "ram": section.get(".data", 0) + section.get(".bss", 0) + section.get(".stack", 0)}


def fits(program: str, size: dict[str, int], flash_limit: int, ram_limit: int) -> bool:
    """Prints one line. False when it is over a limit."""
    over = size["flash"] > flash_limit or size["ram"] > ram_limit
    print(
        f"{program}: flash {size['flash']:6} of {flash_limit} bytes, RAM {size['ram']:6} of {ram_limit} bytes"
        + ("  TOO LARGE" if over else "")
    )
    return not over


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-tool", required=True)
    parser.add_argument("--name", required=True, help="of the board")
    parser.add_argument("--flash-limit", type=int, required=True)
    parser.add_argument("--ram-limit", type=int, required=True)
    parser.add_argument("elf", type=Path, nargs="+", help="offload-NAME.elf")
    args = parser.parse_args()
    good = [
        fits(
            f"{args.name} {elf.stem.removeprefix('offload-'):5}",
            program_sizes(args.size_tool, elf),
            args.flash_limit,
            args.ram_limit,
        )
        for elf in args.elf
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
