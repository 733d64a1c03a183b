"""A value of a device that may answer anything, as it may stand in a sentence."""

from __future__ import annotations

from typing import Any


def brief(value: Any, most: int = 60) -> str:
    """Its repr, up to so many characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        text = f"{type(value).__name__} too long to be shown"
    return text if len(text) <= most else f"{text[: most - 3]}..."
