"""What a command, or a run of tests, ends with: pytest's own codes, and two more."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """`meaning` is what `rig help exit-codes` prints."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    PASSED = 0, "all passed"
    FAILED = 1, "a requirement failed"
    INTERRUPTED = 2, "interrupted"
    BUG = 3, "a bug of the rig: please report it"
    USAGE = 4, "wrong usage, configuration or image"
    NOTHING_RAN = 5, "nothing ran"
    BENCH_ERROR = 6, "the bench misbehaved (port, board, kernel, process) and no requirement failed"
    FLAKY = 7, "only flaky tests, with --strict"


def page() -> str:
    """For `rig help`."""
    return "\n".join(["Exit codes:", *(f"  {code.value}  {code.meaning}" for code in Exit)])
