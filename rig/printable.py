"""What others say, as it may stand on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Without control characters: what a device, an app or a line at the wrong speed says is no command for the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\t" else repr(letter)[1:-1] for letter in text)
