"""Where each device edge case is proved: edge_cases.toml as data, and a reader of the marks in test files.

The marks are read from the syntax trees, not by importing the tests: a file whose imports fail here would else look as if
it proved nothing.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("edge_cases.toml")
CASES = range(1, 109)


@dataclass(frozen=True)
class EdgeMap:
    """The map. Each case is in exactly one of `proved`, `open` and `not_applicable`."""

    proved: Mapping[int, frozenset[str]]
    """Folders with tests that prove it: suite, engine, device, net ..."""
    open: Mapping[int, str]
    """What is missing."""
    not_applicable: Mapping[int, str]
    """Why it cannot occur here."""
    remains: Mapping[int, str]
    """Parts of proved cases that no test covers."""

    @classmethod
    def load(cls, path: Path = DATA) -> EdgeMap:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        texts = {name: {int(key): str(text) for key, text in tables[name].items()} for name in cls.__annotations__}
        proved = {number: frozenset(text.split()) for number, text in texts.pop("proved").items()}
        return cls(proved=proved, **texts)


def marked(folder: Path) -> dict[int, list[str]]:
    """The tests of a folder by the cases that their marks name: {7: ["test_keepalive.py:12"]}."""
    found: dict[int, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for number, line in marks_in(path):
            found.setdefault(number, []).append(f"{path.name}:{line}")
    return found


def marks_in(path: Path) -> Iterator[tuple[int, int]]:
    """(case, line) of every `pytest.mark.edge(...)` in a file. Raises ValueError where a number is not written out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "pytest.mark.edge":
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, int)):
                    raise ValueError(f"{path}:{node.lineno}: edge() takes numbers, written out")
                yield argument.value, node.lineno
