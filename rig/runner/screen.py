"""Lines on the screen as they come, and on a terminal one more below them that says what is going on now."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import TextIO

ERASE = "\r\x1b[K"
GONE = (errno.EPIPE, errno.EIO)
"""Who reads has enough (`rig run | head`), or the terminal was closed."""


class Screen:
    """Writes to `out`; in colour on a terminal, without NO_COLOR (no-color.org). When nobody reads any more, to nowhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a letter that the terminal's encoding has not ends no run
        terminal = out.isatty()
        self._colour = terminal and not os.environ.get("NO_COLOR")
        self._has_status = terminal and os.environ.get("TERM") not in (None, "", "dumb")
        self._status = ""

    def say(self, text: str) -> None:
        """A line or more, above the status."""
        self._write(f"{ERASE if self._status else ''}{text}\n")
        self._status = ""

    def status(self, text: str) -> None:
        """What stands below until the next line; nothing where the output is no terminal. Cut to the terminal's width."""
        if self._has_status:
            self._status = text[: shutil.get_terminal_size().columns - 1]
            self._write(ERASE + self._status)

    def coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=self._out, flush=True)
        except OSError as error:
            if error.errno not in GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)
