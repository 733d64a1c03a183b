"""XML as a tree of elements with their lines. Names without prefixes: fragments of manifests declare no namespaces.

expat reads it, inside an element of ours: so a fragment needs no root, and a DOCTYPE can stand nowhere: no entity is ever
declared, none expanded, nothing fetched.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

Refuse = Callable[[int, str], Exception]
"""Makes the error of a line."""

MAX_DEPTH = 32
"""A task's element is the seventh; what is deeper is no manifest."""
_OPENS, _CLOSES = b"<manifest>", b"</manifest>"
_DECLARATION = re.compile(r"<\?xml\s[^<>]*?\?>")
_ENCODING = re.compile(rb"""<\?xml\s[^<>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "windows-1252")
"""Those without a byte order mark; UTF-8 and UTF-16 are known by theirs."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass
class Element:
    """`prefix`: "uap" of uap:Extension. `own` has the attributes without a prefix, and `prefixed` the others by their whole name.
    `text_line`: where text stands in it that is no white space, 0 for nowhere."""

    name: str
    prefix: str
    line: int
    own: dict[str, str] = field(default_factory=dict)
    prefixed: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text_line: int = 0

    def all(self, name: str) -> list[Element]:
        """Children of that name."""
        return [child for child in self.children if child.name == name]


def read_elements(data: bytes, refuse: Refuse) -> Element:
    """An element without a name; its children are what stands at the top. Raises what `refuse` makes."""
    text = _text(data, refuse)
    return _Tree(refuse).read(_without_declaration(text))


def _text(data: bytes, refuse: Refuse) -> str:
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", ""))
    if not encoding:
        declared = _ENCODING.match(data)
        encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
        if encoding not in _ENCODINGS:
            known = ", ".join(_ENCODINGS)
            raise refuse(1, f'encoding = "{encoding}": expected one of {known}; or UTF-16 with a byte order mark')
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise refuse(line, f"is no {encoding.upper()} text: byte {error.start} {error.reason}") from error


def _without_declaration(text: str) -> str:
    """Its line stays."""
    declared = _DECLARATION.match(text)
    return "\n" * declared[0].count("\n") + text[declared.end() :] if declared else text


class _Tree:
    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._open: list[Element] = []
        self._all_given = False
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, text: str) -> Element:
        data = text.encode("utf-8")
        try:
            self._parser.Parse(_OPENS, False)
            top = self._open[0]
            self._parser.Parse(data, False)
            if len(self._open) != 1:
                raise self._refuse(self._open[-1].line, f"<{self._open[-1].name}> is not closed")
            self._all_given = True
            self._parser.Parse(_CLOSES, True)
        except expat.ExpatError as error:
            here = self._parser.ErrorByteIndex - len(_OPENS)
            around = data[max(0, here - len(b"<!")) :][: len(b"<!<!DOCTYPE")]
            raise self._refuse(error.lineno, _said(error, around, self._open)) from error
        return top

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > MAX_DEPTH:
            raise self._refuse(self._parser.CurrentLineNumber, f"elements lie {MAX_DEPTH} deep: that is no manifest")
        prefix, _, local = name.rpartition(":")
        element = Element(local, prefix, self._parser.CurrentLineNumber)
        for key, value in attributes.items():
            (element.prefixed if ":" in key else element.own)[key] = value
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        if len(self._open) == 1 and not self._all_given:
            raise self._refuse(self._parser.CurrentLineNumber, f"</{name}> closes nothing")
        self._open.pop()

    def _characters(self, text: str) -> None:
        if text.strip() and not self._open[-1].text_line:
            self._open[-1].text_line = self._parser.CurrentLineNumber


def _said(error: expat.ExpatError, around: bytes, open_elements: list[Element]) -> str:
    """In words of a manifest. An entity that nobody declares is one that nobody may declare."""
    if b"<!DOCTYPE" in around.upper():
        return "a DOCTYPE: a manifest has none, and its entities would not be read"
    if error.code == expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]:
        return "an entity that XML does not have: expected only &lt; &gt; &amp; &quot; &apos; and numbers"
    if error.code == expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH]:
        inside = open_elements[1:]
        return f"not XML: expected </{inside[-1].name}> of line {inside[-1].line} here" if inside else "closes nothing"
    return f"not XML: {expat.ErrorString(error.code)}"
