"""Codes of errors are for searching, so each stands for one thing: it has one class wherever it is raised, and a known letter."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import rig
from rig import errors

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


def test_the_letters_of_codes_are_explained() -> None:
    explained = set(re.findall(r"\b([A-Z]) [a-z]", (errors.__doc__ or "").partition("Codes are for searching")[2]))
    explained |= set(re.findall(r"RIG-([A-Z]) ", errors.__doc__ or ""))
    assert {code[4] for code, _ in raised()} <= explained
