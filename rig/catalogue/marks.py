"""Which tests prove a requirement, read from the marks `requirement("CCT-030")` and `edge(7)` in test files.

The marks are read from the syntax trees, not by importing the tests: a file whose imports fail here would else look as if
it proved nothing, and nothing has to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.catalogue import edge_id

KINDS = {"pytest.mark.requirement": str, "pytest.mark.edge": int}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mark:
    """One id in one mark of one test."""

    id: str
    path: Path
    line: int
    test: str
    """The test's name, "TestClass::test_x" in a class; "" where the mark is on no test."""

    @property
    def place(self) -> str:
        """As pytest takes it: "test_keepalive.py::test_the_answer_does_not_wake"."""
        return f"{self.path.name}::{self.test}" if self.test else f"{self.path.name}:{self.line}"


def marked(folder: Path) -> dict[str, list[Mark]]:
    """The marks of a folder's test files by id. Raises as `marks_in`."""
    found: dict[str, list[Mark]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for mark in marks_in(path):
            found.setdefault(mark.id, []).append(mark)
    return found


def marks_in(path: Path) -> Iterator[Mark]:
    """The marks of a file. Raises ValueError where an id is not written out."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    tests = [(name, {inner for part in reach for inner in ast.walk(part)}) for name, reach in _tests(tree, "")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for id_ in _ids(node, path):
                for name in [name for name, reach in tests if node in reach] or [""]:
                    yield Mark(id_, path, node.lineno, name)


def _ids(node: ast.Call, path: Path) -> list[str]:
    """The ids that a call names, if it is a mark that names any."""
    kind = KINDS.get(ast.unparse(node.func))
    if kind is None:
        return []
    values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    if len(values) != len(node.args) or not all(type(value) is kind for value in values):
        raise ValueError(f"{path}:{node.lineno}: {ast.unparse(node.func)} takes ids, written out")
    return [edge_id(value) if isinstance(value, int) else str(value) for value in values]


def _tests(body: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, list[ast.AST]]]:
    """(name, the parts of the file whose marks are the test's) of each test: itself, its class's and the file's pytestmark."""
    common = [*_common(body), *(body.decorator_list if isinstance(body, ast.ClassDef) else [])]
    for node in body.body:
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            yield prefix + node.name, [node, *common]
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for name, reach in _tests(node, f"{prefix}{node.name}::"):
                yield name, [*reach, *common]


def _common(body: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    """What `pytestmark` is set to."""
    for node in body.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            yield node.value
