"""A manifest from its file."""

from __future__ import annotations

from pathlib import Path

from rig.errors import UsageError
from rig.manifest import checks
from rig.manifest.manifest import Manifest
from rig.manifest.toml import read_toml
from rig.manifest.xml import read_xml

XML_SUFFIXES = (".xml", ".appxmanifest")
SUFFIXES = (*XML_SUFFIXES, ".toml")


def read_manifest(path: Path) -> Manifest:
    """By its suffix. Raises UsageError RIG-C19, or RIG-C01 for a file that cannot be read or is no TOML."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise checks.error(path, 1, f'suffix "{suffix}": expected one of {", ".join(SUFFIXES)}{checks.near(suffix, SUFFIXES)}')
    if suffix in XML_SUFFIXES:
        return read_xml(path, _bytes(path, checks.MAX_XML_BYTES))
    _bytes(path, checks.MAX_TOML_BYTES)
    return read_toml(path)


def _bytes(path: Path, most: int) -> bytes:
    """All of it; of a file that never ends no more than a manifest may have."""
    if path.is_fifo():
        raise UsageError("RIG-C01", f"{path}: cannot be read: it is a pipe, and nobody may ever write to it", "name a file")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        fix = f"check the path and the permissions of {path}"
        raise UsageError("RIG-C01", f"{path}: cannot be read: {error.strerror}", fix) from error
    if len(data) > most:
        raise checks.error(path, data.count(b"\n") + 1, f"more than {most // 1024} KiB: that is no manifest")
    return data
