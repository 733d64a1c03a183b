"""Where an app keeps what is its own: a folder beside the bench's timeline."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote


def data_of_apps(timeline: Path) -> Path:
    """Of all apps of the bench with that timeline."""
    return timeline.resolve().parent / "apps"


def data_of(data: Path, name: str) -> Path:
    """Of one app. No name of an app leads out of there."""
    quoted = quote(name, safe="")
    return data / (quoted if quoted.strip(".") else quoted.replace(".", "%2E") or "%")
