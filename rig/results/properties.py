"""What a test says of itself by pytest's `record_property`, such as a seed: as texts, whatever it said."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 50
"""Of one attempt."""
MOST_LETTERS = 500
"""Of a name or a value: a screen and three reports show them."""


def texts(said: Iterable[object]) -> list[tuple[str, str]]:
    """(name, value), in their order; a name may come twice. Raises nothing: no property costs its test the record."""
    return [_pair(entry) for entry, _ in zip(said, range(MOST), strict=False)]


def _pair(entry: object) -> tuple[str, str]:
    """pytest's own are pairs; a plugin may have put anything in their place."""
    name, value = entry if isinstance(entry, tuple) and len(entry) == 2 else ("property", entry)
    return _text(name), _text(value)


def _text(value: object) -> str:
    try:
        text = str(value).encode(errors="backslashreplace").decode()  # half a pair goes through no line to a controller
    except Exception as error:
        text = f"a {type(value).__name__} of which str() raises {type(error).__name__}"
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."
