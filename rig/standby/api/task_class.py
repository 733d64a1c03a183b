"""The class of a background task, by its entry point "module.Class": imported in the process that runs it."""

from __future__ import annotations

import importlib
from typing import Any

SUPPLIED = {"Windows.Networking.Sockets.WebSocketKeepAlive": "rig.standby.api.websockets.keep_alive.WebSocketKeepAlive"}
"""Of the system, by the names that apps have for them. It is this one name: another, such as "Windows.Sockets." before it, is
nobody's (B-08)."""


def task_class(entry_point: str) -> Any:
    """Raises LookupError for what is no such name, AttributeError for a class that is not there, and what the import raises."""
    module, _, name = SUPPLIED.get(entry_point, entry_point).rpartition(".")
    if not module:
        raise LookupError(f"entry point {entry_point!r} is no module.Class")
    return getattr(importlib.import_module(module), name)
