"""Sizes of the board's firmware against their limits, and the manifest of what was delivered."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path


def program_sizes(size_tool: str, elf: Path) -> dict[str, int]:
    """Bytes of flash (code, constants, initial values) and RAM (data, bss, stack) of one program."""
    lines = subprocess.run([size_tool, "-A", str(elf)], check=True, capture_output=True, text=True).stdout.splitlines()
    section = {parts[0]: int(parts[1]) for line in lines if len(parts := line.split()) == 3 and parts[1].isdigit()}
    flash = section.get(".text", 0) + section.get(".ARM.exidx", 0) + section.get(".data", 0)
    return {"flash": flash, "ram": section.get(".data", 0) + section.get(".bss", 0) + section.get(".stack", 0)}


def manifest(version: str, sizes: dict[str, dict[str, int]]) -> dict[str, object]:
    """Paths are relative to the manifest."""
    return {
        "native": {
            "version": version,
            "board": "native",
            "image": "native/offload.signed.bin",
            "boot": "native/offload-boot",
        },
        "mps2-an385": {
            "version": version,
            "board": "mps2-an385",
            "image": "mps2/offload.signed.bin",
            "boot": "mps2/offload-boot.elf",
        },
        "sizes": sizes,
    }


def check(sizes: dict[str, dict[str, int]], flash_limit: int, ram_limit: int) -> bool:
    """Prints one line a program. False when one is over a limit."""
    good = True
    for name, size in sizes.items():
        over = size["flash"] > flash_limit or size["ram"] > ram_limit
        good = good and not over
        print(
            f"mps2-an385 {name:5}: flash {size['flash']:6} of {flash_limit} bytes, RAM {size['ram']:6} of {ram_limit} bytes"
            + ("  TOO LARGE" if over else "")
        )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-tool", required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--boot", type=Path, required=True)
    parser.add_argument("--version")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--flash-limit", type=int, default=65536)
    parser.add_argument("--ram-limit", type=int, default=131072)
    args = parser.parse_args()
    sizes = {name: program_sizes(args.size_tool, elf) for name, elf in (("image", args.image), ("boot", args.boot))}
    if args.out:
        args.out.write_text(json.dumps(manifest(args.version, sizes), indent=2) + "\n")
        return 0
    return 0 if check(sizes, args.flash_limit, args.ram_limit) else 1


if __name__ == "__main__":
    sys.exit(main())
