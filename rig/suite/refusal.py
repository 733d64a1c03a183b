"""What the system says no to, as the app hears it that has asked."""

from __future__ import annotations

from typing import Any

import pytest

from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HostError, HResult


def assert_refused(app: AppHandle, hresult: HResult, method: str, **arguments: Any) -> None:
    """The app's call raises that."""
    with pytest.raises(HostError) as raised:
        app.call(method, **arguments)
    assert raised.value.hresult is hresult, raised.value
