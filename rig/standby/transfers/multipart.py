"""A multi-part body (RFC 2046 5.1, RFC 7578), streamed: its texts are in memory, its files are read as they are sent.

What parts the parts must stand in none of them. One that is made here is random, so that nobody who wrote a part can have known
it, and is looked for all the same, as one of the app's own is: in texts and headers before anything is sent, in files as they go
by. One that is found ends the upload before the server has the whole of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.standby.transfers.bodies import BodyChanged, FileBody
from rig.standby.transfers.options import line_of
from rig.standby.wire.transfer_types import ContentPart, TransferSpec

BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", re.ASCII)
SUBTYPE = re.compile(r"[0-9A-Za-z!#$&^_.+-]{1,127}", re.ASCII)
QUOTED = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A", 0: "%00"}
"""In a name between quotes, as forms of HTML do."""


@dataclass(frozen=True)
class _File:
    path: Path
    length: int


_Piece = bytes | _File


class MultipartBody:
    """Of parts in their order. Raises OSError of a file, ValueError for a boundary or a header that cannot be."""

    def __init__(self, spec: TransferSpec) -> None:
        boundary = spec.boundary or f"rig-{secrets.token_hex(16)}"
        if not BOUNDARY.fullmatch(boundary) or not SUBTYPE.fullmatch(spec.subtype):
            raise ValueError(f"no multipart/{spec.subtype[:64]} with boundary {boundary[:80]!r}")
        self.media_type = f"multipart/{spec.subtype}; boundary={_value(boundary)}"
        self._delimiter = b"\n--" + boundary.encode()
        self._pieces = _pieces(spec.parts, self._delimiter)
        self.length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in self._pieces)
        self._open: FileBody | None = None
        self._data = self._stream()

    def read(self, limit_bytes: int) -> bytes:
        """Pieces as they are: fewer than wanted is not the end."""
        self._limit_bytes = limit_bytes
        return next(self._data, b"")

    def rewind(self) -> None:
        self.close()
        self._data = self._stream()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _stream(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield from self._from_memory(piece)
            else:
                yield from self._from_disk(piece)

    def _from_memory(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            now, piece = piece[: self._limit_bytes], piece[self._limit_bytes :]
            yield now

    def _from_disk(self, file: _File) -> Iterator[bytes]:
        """A delimiter that reaches over two of the pieces is found too."""
        self._open = FileBody(file.path)
        if self._open.length != file.length:
            raise BodyChanged(f"{file.path} has {self._open.length} bytes and had {file.length}")
        before = b"\n"
        while data := self._open.read(self._limit_bytes):
            if self._delimiter in before + data:
                raise ValueError(f"{file.path} has the boundary in it")
            before = (before + data)[1 - len(self._delimiter) :]
            yield data
        self.close()


def _pieces(parts: tuple[ContentPart, ...], delimiter: bytes) -> list[_Piece]:
    """`delimiter`: as it begins a line, whoever ends lines with a line feed alone."""
    pieces: list[_Piece] = []
    for part in parts:
        head, text = _head(part), part.text.encode()
        if delimiter in b"\n" + head or delimiter in b"\n" + text:
            raise ValueError(f"the part {part.name!r} has the boundary in it")
        pieces.append(delimiter[1:] + b"\r\n" + head + b"\r\n")
        pieces.append(text if part.path is None else _file(part.path))
        pieces.append(b"\r\n")
    return [*pieces, delimiter[1:] + b"--\r\n"]


def _file(path: str) -> _File:
    return _File(Path(path), Path(path).stat().st_size)


def _head(part: ContentPart) -> bytes:
    headers = {name.lower(): line_of((name, value)) for name, value in part.headers}
    if part.name and "content-disposition" not in headers:
        names = [("name", part.name), *([("filename", part.file_name)] if part.file_name else [])]
        said = "".join(f'; {key}="{value.translate(QUOTED)}"' for key, value in names)
        headers = {"content-disposition": f"Content-Disposition: form-data{said}", **headers}
    if part.path is not None and "content-type" not in headers:
        headers["content-type"] = "Content-Type: application/octet-stream"
    return "".join(f"{line}\r\n" for line in headers.values()).encode()


def _value(boundary: str) -> str:
    """RFC 9110 5.6.6."""
    return boundary if re.fullmatch(r"[0-9A-Za-z'+_.-]+", boundary, re.ASCII) else f'"{boundary}"'
