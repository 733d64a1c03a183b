"""The manifest of what was built: each device by the name that the rig's --device takes, with its files and how it is started.

The rig's rig/device/images.py reads it. Its rows come from each port's devices.toml:

    ["KIND" or "KIND:VARIANT"]   kind: native, qemu, or board for one that is on a desk
    build, board                 folder of the built files; the board's name, as hello gives it
    boot                         what is started: a program, or an ELF file for QEMU
    image                        what is flashed; left out where there is no flash to write
    machine                      kind qemu: its name
    flash_memory_bytes           kind qemu: the machine's memory whose begin stands for the flash; left out: there is none

The size of the flash is flash_layout.h's, the profile port.mk's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from size import program_sizes

KEYS = {"build", "board", "boot", "image", "machine", "flash_memory_bytes"}
NEEDED = ("build", "board", "boot")


def flash_bytes(port: Path) -> int:
    """PORT_FLASH_BYTES; 0 for a board without a flash to write."""
    found = re.search(r"#define PORT_FLASH_BYTES (0x[0-9A-Fa-f]+|\d+)", (port / "flash_layout.h").read_text())
    return int(found[1], 0) if found else 0


def read(listed: Path) -> dict[str, Any]:
    """Ends the program for what is no TOML, with path and line."""
    try:
        return tomllib.loads(listed.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{listed}: {error}")


def check(where: str, given: object) -> None:
    """Ends the program for a row that the rig could not start."""
    if not isinstance(given, dict):
        sys.exit(f'{where}: a device is a table, ["KIND:VARIANT"] and its keys on lines of their own')
    if unknown := given.keys() - KEYS:
        sys.exit(f"{where}: no key {', '.join(sorted(unknown))}; there are {', '.join(sorted(KEYS))}")
    if missing := [key for key in NEEDED if key not in given]:
        sys.exit(f"{where}: {', '.join(missing)} missing")
    for key, value in given.items():
        kind = int if key == "flash_memory_bytes" else str
        if type(value) is not kind:
            sys.exit(f"{where}: {key} = {value!r} is no {'whole number' if kind is int else 'text'}")


def rows(
    listed: Path, build: Path, version: str, size_tool: str, profiles: dict[str, str]
) -> Iterator[tuple[str, dict[str, object]]]:
    """The devices of one devices.toml. Paths are relative to the manifest."""
    for name, given in read(listed).items():
        check(f"{listed}: {name}", given)
        folder = given.pop("build")
        row = given | {
            "version": version,
            "profile": profiles.get(folder, "full"),
            "flash_bytes": flash_bytes(listed.parent) if "image" in given else 0,
        }
        row |= {key: f"{folder}/{given[key]}" for key in ("boot", "image") if key in given}
        programs = {program: build / folder / f"offload-{program}.elf" for program in ("image", "boot")}
        sizes = {program: program_sizes(size_tool, elf) for program, elf in programs.items() if elf.exists()}
        yield name, row | ({"sizes": sizes} if sizes else {})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True)
    parser.add_argument("--size-tool", required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--profile", action="append", default=[], metavar="BUILD=NAME", help="of a build that is not full")
    parser.add_argument("listed", type=Path, nargs="+", help="port/*/devices.toml")
    args = parser.parse_args()
    profiles = dict(each.split("=", 1) for each in args.profile)
    devices: dict[str, dict[str, object]] = {}
    for listed in args.listed:
        for name, row in rows(listed, args.build, args.version, args.size_tool, profiles):
            if name in devices:
                sys.exit(f"{listed}: there is another device {name}")
            devices[name] = row
    in_order = dict(sorted(devices.items(), key=lambda device: (":" in device[0], device[0])))
    args.out.write_text(json.dumps({"devices": in_order}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
