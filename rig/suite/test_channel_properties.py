"""What the properties of a channel promise: their types, their ranges, which can be set, and what is left of them after close."""

from __future__ import annotations

from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"
INTERVAL = "server_keep_alive_interval_in_minutes"
READ_ONLY: dict[str, Any] = {
    "control_channel_trigger_id": "inbox",
    "current_keep_alive_interval_in_minutes": 15,
    "transport_object": "NoneType",
    "keep_alive_trigger": "ChannelKeepAlive",
    "push_notification_trigger": "ChannelPush",
    "is_wake_from_low_power_supported": True,
}
"""And what they say of a channel that has just been made: values, or their types."""


@pytest.fixture
def app(scene: Scene) -> AppHandle:
    """With a channel that has no transport yet."""
    app = scene.host.start_app("properties", APP)
    app.call("request_access")
    app.call("construct", channel="inbox", minutes=30, hardware=True)
    return app


def hresult_of(app: AppHandle, method: str, **arguments: Any) -> HResult:
    with pytest.raises(HostError) as error:
        app.call(method, channel="inbox", **arguments)
    return error.value.hresult


@pytest.mark.requirement("CCT-003", "CCT-009", "CCT-013", "CCT-036", "CCT-052")
@pytest.mark.host_alone
def test_read_only_properties_say_what_is_so_and_have_no_setter(app: AppHandle) -> None:
    assert {name: app.call("get", channel="inbox", name=name) for name in READ_ONLY} == READ_ONLY
    assert app.call("has_two_triggers", channel="inbox")
    for name in READ_ONLY:
        with pytest.raises(HostError, match="AttributeError"):
            app.call("set", channel="inbox", name=name, value=1)
    assert {name: app.call("get", channel="inbox", name=name) for name in READ_ONLY} == READ_ONLY
    app.call("bind", channel="inbox")
    assert app.call("transport_is_bound", channel="inbox")


@pytest.mark.requirement("CCT-004", "CCT-036")
@pytest.mark.host_alone
def test_the_server_interval_can_be_set_within_its_range_and_bounds_the_networks(app: AppHandle) -> None:
    for minutes in (15, 1439):
        app.call("set", channel="inbox", name=INTERVAL, value=minutes)
        assert app.call("get", channel="inbox", name=INTERVAL) == minutes
    for minutes in (14, 1440, 0, -1, 2**31 - 1):
        assert hresult_of(app, "set", name=INTERVAL, value=minutes) is HResult.INVALID_ARG
        assert app.call("get", channel="inbox", name=INTERVAL) == 1439
    assert 1 <= app.call("get", channel="inbox", name="current_keep_alive_interval_in_minutes") <= 15


@pytest.mark.requirement("CCT-036")
@pytest.mark.host_alone
@pytest.mark.bench_config(standby=StandbyConfig(network_ka_initial_min=60))
def test_the_network_interval_never_is_longer_than_the_servers(app: AppHandle) -> None:
    """Nor does it grow with that: the servers' word is a bound, and what a network bears is another matter."""
    interval = "current_keep_alive_interval_in_minutes"
    assert app.call("get", channel="inbox", name=interval) == 30, "the channel was made with 30"
    for minutes, network in ((1439, 30), (20, 20), (60, 20)):
        app.call("set", channel="inbox", name=INTERVAL, value=minutes)
        now = app.call("get", channel="inbox", name=interval)
        assert now == network, f"the network's interval is {now} minutes beside {minutes} of the server's"


@pytest.mark.requirement("CCT-044")
@pytest.mark.host_alone
def test_a_closed_channel_object_is_no_hand_on_the_next_one_of_its_id(scene: Scene, app: AppHandle) -> None:
    raised = app.call("close_the_one_before", channel="inbox")
    assert raised == ["", *["ELEMENT_NOT_FOUND"] * 5]
    assert app.call("get", channel="inbox", name=INTERVAL) == 1439
    app.call("bind", channel="inbox")
    app.call("connect", channel="inbox", host=scene.bench.server.address, port=scene.bench.server.port)
    assert Status(app.call("wait", channel="inbox")) is Status.SOFTWARE_SLOT_ALLOCATED
