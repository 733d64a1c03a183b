"""The form of the platform: appx, whole or in pieces, as it stands in its documents.

A whole `Package`, an `Application`, its `Extensions`, or one `Extension` after another. Of what the rig has no use for
(resources, tiles, capabilities, other kinds of extensions) nothing is asked; what is around background tasks is read strictly.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rig.errors import UsageError
from rig.manifest import checks
from rig.manifest.elements import Element, read_elements
from rig.manifest.manifest import FIRST_VERSION, BackgroundTasksExtension, Manifest, TaskType

BACKGROUND_TASKS = "windows.backgroundTasks"
TOPS = ("Package", "Applications", "Application", "Extensions", "Extension")
OWN_KEYS = ("rig:Entry", "rig:Privileged")
"""Attributes of Application that are the rig's."""
_OF_TASKS = ("Category", "EntryPoint", "StartPage", "Executable", "ResourceGroup")
"""Attributes of an extension of background tasks; StartPage is what an app of web pages has for an EntryPoint."""


def read_xml(path: Path, data: bytes) -> Manifest:
    """`path`: for what is said of it, and the name of a piece that names no package is its stem. Raises UsageError RIG-C19."""
    return _Reader(path).read(data)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, data: bytes) -> Manifest:
        top = read_elements(data, self._error)
        if not top.children:
            raise self._error(1, f"no element: expected one of <{'>, <'.join(TOPS)}>")
        self._only(top, TOPS, "at the top")
        for other in top.children[1:]:
            if other.name != "Extension" or top.children[0].name != "Extension":
                raise self._error(other.line, f"<{other.name}>: expected one element at the top, or one Extension after another")
        package = top.children[0] if top.children[0].name == "Package" else Element("", "", 1)
        application = self._application(top)
        name, version = self._identity(package)
        return Manifest(
            name=name,
            version=version,
            entry=self._entry(application),
            extensions=self._extensions(package, application),
            privileged=self._flag(application, "rig:Privileged"),
            lock_screen=any(visual.all("LockScreen") for visual in application.all("VisualElements")),
        )

    def _application(self, top: Element) -> Element:
        """The one that there is; one without anything when only a part of it is there."""
        first = top.children[0]
        if first.name == "Extensions":
            return Element("Application", "", first.line, children=[first])
        if first.name == "Extension":
            extensions = Element("Extensions", "", first.line, children=top.children)
            return Element("Application", "", first.line, children=[extensions])
        if first.name == "Application":
            return first
        parents = [first] if first.name == "Applications" else first.all("Applications")
        applications = [application for parent in parents for application in parent.all("Application")]
        if len(applications) != 1:
            where = applications[1].line if applications else first.line
            raise self._error(where, f"{len(applications)} Application elements: expected one, a manifest is of one app")
        return applications[0]

    def _identity(self, package: Element) -> tuple[str, str]:
        """Name and version. A piece has neither: its file's name tells its package's."""
        if not package.name:
            return checks.name_of(self._path), FIRST_VERSION
        identities = package.all("Identity")
        if len(identities) != 1:
            line = identities[1].line if identities else package.line
            raise self._error(line, f"{len(identities)} Identity elements: expected one, with Name and Version")
        name = self._required(identities[0], "Name", checks.not_a_name)
        return name, self._required(identities[0], "Version", checks.not_a_version)

    def _entry(self, application: Element) -> str:
        for key in application.prefixed:
            if key.startswith("rig:") and key not in OWN_KEYS:
                hint = checks.near(key, OWN_KEYS)
                raise self._error(application.line, f"Application {key} is not known: expected only {', '.join(OWN_KEYS)}{hint}")
        entry = application.prefixed.get("rig:Entry", "")
        if "rig:Entry" in application.prefixed and (expected := checks.not_an_entry(entry)):
            self._wrong(application, "rig:Entry", entry, expected)
        return entry

    def _flag(self, application: Element, key: str) -> bool:
        value = application.prefixed.get(key, "false")
        if value not in ("true", "false"):
            self._wrong(application, key, value, "true or false")
        return value == "true"

    def _extensions(self, package: Element, application: Element) -> tuple[BackgroundTasksExtension, ...]:
        for element in (element for parent in package.all("Extensions") for element in parent.all("Extension")):
            if element.own.get("Category") == BACKGROUND_TASKS:
                raise self._error(element.line, "Extension of background tasks: expected in Application, not in Package")
        found: list[BackgroundTasksExtension] = []
        lines: dict[str, int] = {}
        for parent in application.all("Extensions"):
            self._only(parent, ("Extension",), "in Extensions")
            for element in parent.children:
                if not self._is_of_tasks(element):
                    continue
                extension = self._extension(element)
                name = extension.entry_point
                if name in lines:
                    expected = f"each entry point once, with all its types; it stands in line {lines[name]} too"
                    self._wrong(element, "EntryPoint", name, expected)
                lines[name] = element.line
                found.append(extension)
        return tuple(found)

    def _is_of_tasks(self, element: Element) -> bool:
        """A category of another kind is the platform's affair; one that is nearly ours is a slip of the pen."""
        category = self._required(element, "Category", lambda value: None if value else f"e.g. {BACKGROUND_TASKS}")
        if category != BACKGROUND_TASKS and (hint := checks.near(category, (BACKGROUND_TASKS,), cutoff=0.9)):
            self._wrong(element, "Category", category, f"{BACKGROUND_TASKS}, or another extension's category{hint}")
        return category == BACKGROUND_TASKS

    def _extension(self, element: Element) -> BackgroundTasksExtension:
        self._known_keys(element, _OF_TASKS)
        if "StartPage" in element.own and "EntryPoint" in element.own:
            self._wrong(element, "StartPage", element.own["StartPage"], "it or EntryPoint, not both")
        key = "StartPage" if "StartPage" in element.own else "EntryPoint"
        entry_point = self._required(element, key, checks.not_an_entry_point)
        executable = element.own.get("Executable")
        if executable == "":
            self._wrong(element, "Executable", executable, "a file's name, or no Executable for a task host's process")
        types = self._types(element)
        if expected := checks.not_in_the_app(types, executable):
            self._wrong(element, "Executable", executable or "", expected)
        return BackgroundTasksExtension(entry_point, types, executable)

    def _types(self, extension: Element) -> frozenset[TaskType]:
        self._only(extension, ("BackgroundTasks",), "in an Extension of background tasks")
        lists = extension.children
        if len(lists) != 1:
            line = lists[1].line if lists else extension.line
            raise self._error(line, f"Extension has {len(lists)} BackgroundTasks elements: expected one")
        self._only(lists[0], ("Task",), "in BackgroundTasks")
        if not lists[0].children:
            raise self._error(lists[0].line, 'BackgroundTasks is empty: expected one <Task Type="..."/> or more')
        return frozenset(self._task(task) for task in lists[0].children)

    def _task(self, task: Element) -> TaskType:
        self._known_keys(task, ("Type",))
        self._only(task, (), "in Task")
        return TaskType(self._required(task, "Type", checks.not_a_task_type))

    def _only(self, parent: Element, known: tuple[str, ...], where: str) -> None:
        """Refuse other elements, and text."""
        expected = f"expected only {', '.join(known)}" if known else "expected nothing"
        if parent.text_line:
            raise self._error(parent.text_line, f"text {where}: {expected}")
        for child in parent.children:
            if child.name not in known:
                raise self._error(child.line, f"<{child.name}> {where} is not known: {expected}{checks.near(child.name, known)}")

    def _known_keys(self, element: Element, known: tuple[str, ...]) -> None:
        """Keys with prefixes are of newer schemas."""
        for key in element.own:
            if key not in known and key != "xmlns":
                hint = checks.near(key, known)
                raise self._error(element.line, f"{element.name} {key} is not known: expected only {', '.join(known)} here{hint}")

    def _required(self, element: Element, key: str, not_right: Callable[[str], str | None]) -> str:
        """The value of an attribute. `not_right` says what would be."""
        value = element.own.get(key)
        if value is None:
            raise self._error(element.line, f"{element.name} {key} is missing: expected {not_right('') or 'a text'}")
        if expected := not_right(value):
            self._wrong(element, key, value, expected)
        return value

    def _wrong(self, element: Element, key: str, value: str, expected: str) -> NoReturn:
        raise self._error(element.line, f'{element.name} {key} = "{checks.shown(value)}": expected {expected}')

    def _error(self, line: int, text: str) -> UsageError:
        return checks.error(self._path, line, text)
