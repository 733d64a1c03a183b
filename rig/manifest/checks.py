"""What both forms of a manifest ask of its values. Each check gives what is expected instead, or None."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from rig.errors import UsageError
from rig.manifest.manifest import NEVER_IN_APP, Manifest, TaskType, names_the_app

CODE = "RIG-C19"
FORM = "rig help manifest"
MAX_XML_BYTES = 256 * 1024
"""A manifest has a few kilobytes; one that is larger is another file."""
MAX_TOML_BYTES = 32 * 1024
"""The time of tomllib grows with the square of the parts of a key."""
TEXT_CHARS = 256
"""Most characters of a name, as the system takes them from an app (rig/standby/wire/from_app.py), and as appx has it."""
SHOWN_CHARS = 80
"""Of a wrong value: enough to find it by."""
_OTHER_WORDS: dict[str, str] = {"realTimeCommunication": TaskType.CONTROL_CHANNEL}
"""Said of one on a page of the platform's, and of the schema nowhere (B-30)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})\.(\d{1,5})", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def error(path: Path, line: int, text: str) -> UsageError:
    return UsageError(CODE, f"{path}:{line}: {text}", f"edit {path}; its form: {FORM}")


def shown(value: str) -> str:
    """A value that is shown in a message: what is long, or would move the terminal's cursor, is not shown as it is."""
    text = value if value.isprintable() else ascii(value)[1:-1]
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


def near(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """ "; did you mean timer?", or nothing."""
    names = list(known)
    folded = {name.lower(): name for name in names}
    close = get_close_matches(word[:TEXT_CHARS].lower(), folded, 1, cutoff)
    found = _OTHER_WORDS.get(word) or (folded[close[0]] if close else None)
    return f"; did you mean {found}?" if found in names else ""


def name_of(path: Path) -> str:
    """Of a package whose manifest does not tell its own, as a piece of one does not: the file's. Raises UsageError."""
    if expected := not_a_name(path.stem):
        raise error(path, 1, f'no name, and the file\'s "{shown(path.stem)}" is none for a package: expected {expected}')
    return path.stem


def not_a_name(value: str) -> str | None:
    """Of a package, as appx has it; a bit more."""
    fits = len(value) <= TEXT_CHARS and _NAME.fullmatch(value)
    return None if fits else f"letters, digits, dots and dashes, at most {TEXT_CHARS} of them, e.g. mail"


def not_a_version(value: str) -> str | None:
    numbers = _VERSION.fullmatch(value)
    fits = numbers and all(int(number) <= 0xFFFF for number in numbers.groups())
    return None if fits else "four numbers up to 65535, e.g. 1.2.0.0"


def not_an_entry(value: str) -> str | None:
    fits = len(value) <= TEXT_CHARS and _ENTRY.fullmatch(value)
    return None if fits else "module:Class of the app's process, e.g. mail.app:MailApp"


def not_an_entry_point(value: str) -> str | None:
    fits = 0 < len(value) <= TEXT_CHARS and value.strip() == value and value.isprintable()
    return None if fits else f"the name of a class or of an entry point, at most {TEXT_CHARS} characters, e.g. mail_tasks.Sync"


def check(manifest: Manifest) -> None:
    """Of one that was made by hand, or whose name and entry were. Raises UsageError."""
    entry = not_an_entry(manifest.entry) if manifest.entry else None
    wrong = {"name": not_a_name(manifest.name), "version": not_a_version(manifest.version), "entry": entry}
    for key, expected in wrong.items():
        if expected is not None:
            cause = f'the manifest\'s {key} = "{shown(getattr(manifest, key))}": expected {expected}'
            raise UsageError(CODE, cause, FORM)


def not_a_task_type(value: str) -> str | None:
    return None if value in [*TaskType] else f"one of {', '.join(TaskType)}{near(value, TaskType)}"


def not_in_the_app(types: Iterable[TaskType], executable: str | None) -> str | None:
    """Device tasks that are told to run in the app's own process."""
    device = sorted(NEVER_IN_APP.intersection(types))
    if not device or not names_the_app(executable):
        return None
    return f"none: tasks of type {' and '.join(device)} never run in the app's own process (BGT-006)"
