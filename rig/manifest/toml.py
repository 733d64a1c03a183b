"""The easier form: TOML, with the same things under the same names.

name = "mail"
[[background_tasks]]
entry_point = "mail_tasks.Sync"
types = ["timer", "systemEvent"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from rig.manifest import checks
from rig.manifest.manifest import FIRST_VERSION, BackgroundTasksExtension, Manifest, TaskType
from rig.toml_checks import TomlFile

KEYS = ("name", "version", "entry", "privileged", "lock_screen", "background_tasks")
TASK_KEYS = ("entry_point", "types", "executable")
NotRight: TypeAlias = Callable[[str], str | None]


def read_toml(path: Path) -> Manifest:
    """Raises UsageError RIG-C01 for what is no TOML, RIG-C19 for what is wrong in it."""
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._file = TomlFile(path, checks.CODE, checks.FORM)

    def read(self) -> Manifest:
        content = self._file.content
        self._file.only(content, "", KEYS)
        return Manifest(
            name=self._text(content, "name", checks.not_a_name) if "name" in content else checks.name_of(self._file.path),
            version=self._text(content, "version", checks.not_a_version, default=FIRST_VERSION),
            entry=self._text(content, "entry", checks.not_an_entry, default=""),
            extensions=self._extensions(content),
            privileged=self._flag(content, "privileged"),
            lock_screen=self._flag(content, "lock_screen"),
        )

    def _extensions(self, content: Mapping[str, Any]) -> tuple[BackgroundTasksExtension, ...]:
        tables = content.get("background_tasks", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._file.refuse("background_tasks", tables, "tables [[background_tasks]]")
        found: dict[str, BackgroundTasksExtension] = {}
        for number, table in enumerate(tables):
            prefix = f"background_tasks.{number}"
            extension = self._extension(table, prefix)
            if extension.entry_point in found:
                expected = "each entry point once, with all its types"
                self._file.refuse(f"{prefix}.entry_point", extension.entry_point, expected)
            found[extension.entry_point] = extension
        return tuple(found.values())

    def _extension(self, table: Mapping[str, Any], prefix: str) -> BackgroundTasksExtension:
        self._file.only(table, prefix, TASK_KEYS)
        entry_point = self._text(table, f"{prefix}.entry_point", checks.not_an_entry_point)
        types = self._types(table, f"{prefix}.types")
        key = f"{prefix}.executable"
        executable = self._text(table, key, lambda _: None) if "executable" in table else None
        if expected := checks.not_in_the_app(types, executable):
            self._file.refuse(key, executable, expected)
        return BackgroundTasksExtension(entry_point, types, executable)

    def _types(self, table: Mapping[str, Any], key: str) -> frozenset[TaskType]:
        words = table.get("types")
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            self._file.refuse(key, words, f"a list of texts, one or more of {', '.join(TaskType)}")
        for word in words:
            if expected := checks.not_a_task_type(word):
                self._file.refuse(key, word, expected)
        return frozenset(map(TaskType, words))

    def _text(self, table: Mapping[str, Any], key: str, not_right: NotRight, default: str | None = None) -> str:
        """`not_right` says what would be right; a default is."""
        last = key.rpartition(".")[2]
        if last not in table and default is not None:
            return default
        value = self._file.text(table, key)
        if expected := not_right(value):
            self._file.refuse(key, checks.shown(value), expected)
        return value

    def _flag(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._file.refuse(key, value, "true or false")
        return value
