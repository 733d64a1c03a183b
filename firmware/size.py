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


def fits(program: str, size: dict[str, int], limit: dict[str, int], spare: dict[str, int]) -> bool:
    """Prints one line. False when it leaves less than `spare` of a limit."""
    over = any(size[memory] > limit[memory] - spare[memory] for memory in size)
    print(
        f"{program}: flash {size['flash']:6} of {limit['flash']} bytes, RAM {size['ram']:6} of {limit['ram']} bytes"
        + (f"  TOO LARGE: {spare['flash']} and {spare['ram']} are to be left" if over else "")
    )
    return not over


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-tool", required=True)
    parser.add_argument("--name", required=True, help="of the board")
    parser.add_argument("--flash-limit", type=int, required=True)
    parser.add_argument("--ram-limit", type=int, required=True)
    parser.add_argument("--flash-spare", type=int, default=0, help="bytes of the limit that have to be left")
    parser.add_argument("--ram-spare", type=int, default=0)
    parser.add_argument("elf", type=Path, nargs="+", help="offload-NAME.elf")
    args = parser.parse_args()
    good = [
        fits(
            f"{args.name} {elf.stem.removeprefix('offload-'):5}",
            program_sizes(args.size_tool, elf),
            {"flash": args.flash_limit, "ram": args.ram_limit},
            {"flash": args.flash_spare, "ram": args.ram_spare},
        )
        for elf in args.elf
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
