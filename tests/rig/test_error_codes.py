"""Codes of errors are for searching, so each stands for one thing: it has one class wherever it is raised, and one meaning."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from rig.cli import main
from rig.error_codes import AREAS, MEANINGS

SOURCES = Path(rig.__file__).parent
CODE = re.compile(r"RIG-[A-Z]\d\d")


def raised() -> Iterator[tuple[str, str]]:
    """(code, class) of every error that the rig's files make with a code of their own."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if CODE.fullmatch(code):
                    yield code, name


def test_a_code_has_one_class() -> None:
    classes = defaultdict(set)
    for code, name in raised():
        classes[code].add(name)
    assert len(classes) > 50
    assert {code: names for code, names in classes.items() if len(names) > 1} == {}


def test_a_code_that_is_used_has_its_line_in_the_table_and_no_other_has() -> None:
    """Also in texts that are no exceptions, and in what runs before anything is installed."""
    files = [path for path in SOURCES.rglob("*.py") if path.name != "error_codes.py"]
    used = {code for path in [*files, SOURCES.parent / ".ci" / "packages.sh"] for code in CODE.findall(path.read_text("utf-8"))}
    assert used - MEANINGS.keys() == set(), "say in rig/error_codes.py what they stand for"
    assert MEANINGS.keys() - used == set(), "nobody raises them any more"
    assert len(set(MEANINGS.values())) == len(MEANINGS)
    assert list(MEANINGS) == sorted(MEANINGS, key=lambda code: ([*AREAS].index(code[4]), code))


@pytest.mark.parametrize(
    ("topic", "said"), [("error-codes", "  RIG-S01  Another process"), ("RIG-S01", "RIG-S01  Another process")]
)
def test_help_tells_what_a_code_stands_for(capsys: pytest.CaptureFixture[str], topic: str, said: str) -> None:
    assert main(["help", topic]) == 0
    assert said in capsys.readouterr().out
