"""A reply of counters: a map of whatever names the device has for them."""

from __future__ import annotations

from typing import Any

from rig.device.brief import brief


def violations(body: Any) -> list[str]:
    """As `cddl.Rules.violations`: what is wrong with each; [] when nothing is."""
    if not isinstance(body, dict):
        return ["body is no map of counters"]
    return [
        f"{brief(name)}: {brief(value, 40)} is no counter"
        for name, value in body.items()
        if not isinstance(name, str) or type(value) is not int or not 0 <= value < 2**64
    ]
