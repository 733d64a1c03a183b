"""What a killed run or bench may have left on the machine: processes that carry its mark, namespaces that are mounted."""

from __future__ import annotations

from pathlib import Path

MARK = "RIG_TEST_KILLED"
"""Variable of the environment that all that a run starts inherits; its value tells runs apart."""


def processes_of(mark: str) -> set[int]:
    """Processes that inherited the mark in their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment:
                found.add(int(entry.name))
    return found


def namespace_mounts() -> list[str]:
    """Named namespaces: a namespace that no process is in or holds open lives on only if something is mounted on it."""
    return [line for line in Path("/proc/mounts").read_text().splitlines() if line.startswith("nsfs ")]
