"""Device kinds as pytest parameters; QEMU is skipped, with the reason, where it is not installed."""

from __future__ import annotations

import shutil

import pytest

without_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
KINDS = ["native", pytest.param("qemu", marks=without_qemu)]
