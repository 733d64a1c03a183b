"""Which transfers run on the network that there is: the phone's table, what the user and the battery restrict, and standby."""

from __future__ import annotations

from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.suite.transfer_scene import APP, HALF, TransferScene

UNHURRIED = 2_000_000
"""A loaded machine is to break no time limit of minutes."""
PHONE = pytest.mark.bench_config(minute_us=UNHURRIED, standby=StandbyConfig(family="phone"))
DESKTOP = pytest.mark.bench_config(minute_us=UNHURRIED)

COLUMNS = ("UNRESTRICTED_ONLY", "DEFAULT", "ALWAYS")
FREE: dict[str, Any] = {
    "cost": "unrestricted",
    "roaming": False,
    "over_data_limit": False,
    "approaching_data_limit": False,
    "background_data_restricted": False,
}
RUN, COSTED, SYSTEM, NO_NETWORK = "RUNNING", "PAUSED_COSTED_NETWORK", "PAUSED_SYSTEM_POLICY", "PAUSED_NO_NETWORK"
SAVES: dict[str, Any] = {"ac": False, "energy_saver": True, "battery_percent": 10}


def row(transfers: TransferScene, *expected: str) -> None:
    """One download of each policy: those that may run reach the server, no other one does. On a free network all end."""
    files = {policy: transfers.serve(policy, stops_at=HALF) for policy in COLUMNS}
    guids = {policy: transfers.fetch(policy, cost_policy=policy) for policy in COLUMNS}
    for policy, status in zip(COLUMNS, expected, strict=True):
        transfers.status(guids[policy], status)
        if status == RUN:
            transfers.wait_part(policy, HALF)
    asked = {policy for policy in COLUMNS if transfers.web.requests(f"/{policy}")}
    assert asked == {policy for policy, status in zip(COLUMNS, expected, strict=True) if status == RUN}
    transfers.host.levers.set(**FREE)
    for policy in COLUMNS:
        files[policy].go_on()
        transfers.over(policy)
        transfers.whole(policy)
        assert len(transfers.web.requests(f"/{policy}")) == 1, "what ran has gone on, what did not has begun"


@PHONE
@pytest.mark.requirement("BTR-009")
@pytest.mark.host_alone
def test_on_a_phone_with_wifi_all_run(transfers: TransferScene) -> None:
    row(transfers, RUN, RUN, RUN)


@PHONE
@pytest.mark.requirement("BTR-010")
@pytest.mark.levers(cost="fixed")
@pytest.mark.host_alone
def test_on_a_phone_with_a_metered_network(transfers: TransferScene) -> None:
    row(transfers, COSTED, RUN, RUN)


@PHONE
@pytest.mark.requirement("BTR-011")
@pytest.mark.levers(cost="variable", approaching_data_limit=True)
@pytest.mark.host_alone
def test_on_a_phone_whose_plan_will_be_exceeded(transfers: TransferScene) -> None:
    row(transfers, COSTED, COSTED, RUN)


@PHONE
@pytest.mark.requirement("BTR-012")
@pytest.mark.levers(cost="fixed", roaming=True)
@pytest.mark.host_alone
def test_on_a_phone_that_roams(transfers: TransferScene) -> None:
    row(transfers, COSTED, COSTED, RUN)


@PHONE
@pytest.mark.requirement("BTR-013")
@pytest.mark.levers(cost="fixed", over_data_limit=True)
@pytest.mark.host_alone
def test_on_a_phone_over_the_limit_of_its_plan(transfers: TransferScene) -> None:
    """ALWAYS would allow it: the user does not."""
    row(transfers, COSTED, COSTED, SYSTEM)


@DESKTOP
@pytest.mark.requirement("BTR-011", "BTR-012", "BTR-013")
@pytest.mark.parametrize("state", [{"approaching_data_limit": True}, {"roaming": True}, {"over_data_limit": True}], ids=str)
@pytest.mark.host_alone
def test_a_desktop_goes_by_another_table(transfers: TransferScene, state: dict[str, bool]) -> None:
    """B-24, and the phone's negative control: DEFAULT minds no price there."""
    transfers.host.levers.set(cost="fixed", **state)
    row(transfers, COSTED, RUN, RUN)


@pytest.mark.requirement("BTR-010", "BTR-012")
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param({"cost": "unknown"}, (COSTED, RUN, RUN), marks=PHONE, id="a phone, no price known"),
        pytest.param({"cost": "unknown"}, (COSTED, RUN, RUN), marks=DESKTOP, id="a desktop, no price known"),
        pytest.param({"roaming": True}, (COSTED, COSTED, RUN), marks=PHONE, id="a phone, roaming without a price"),
        pytest.param({"roaming": True}, (COSTED, RUN, RUN), marks=DESKTOP, id="a desktop, roaming without a price"),
    ],
)
@pytest.mark.host_alone
def test_what_is_not_known_to_be_free_is_not(transfers: TransferScene, state: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Without a price, or on a network of others."""
    transfers.host.levers.set(**state)
    row(transfers, *expected)


@PHONE
@pytest.mark.requirement("BTR-010", "BTR-012")
@pytest.mark.host_alone
def test_what_runs_is_paused_when_the_phone_begins_to_roam_and_resumed_after_it(transfers: TransferScene) -> None:
    episode = transfers.halfway("episode")
    guid = transfers.app.call("state", name="episode")["guid"]
    after = transfers.timeline.mark()
    transfers.host.levers.set(cost="fixed", roaming=True)
    transfers.status(guid, COSTED, after=after)
    transfers.request("episode").connection.wait_closed()
    transfers.host.levers.set(roaming=False)
    transfers.status(guid, RUN, after=after)
    episode.go_on()
    transfers.over("episode")
    assert transfers.request("episode", 1).header("Range") == f"bytes={HALF}-"
    transfers.whole("episode")


# -- the user and the battery ------------------------------------------------------------------------------------------


@DESKTOP
@pytest.mark.requirement("BTR-014")
@pytest.mark.parametrize("restriction", [SAVES, {"background_data_restricted": True}], ids=["saver", "the user"])
@pytest.mark.host_alone
def test_what_nobody_looks_at_is_paused_although_its_policy_is_always(
    transfers: TransferScene, restriction: dict[str, Any]
) -> None:
    """In the foreground it runs."""
    transfers.host.levers.set(**restriction)
    episode = transfers.halfway("episode", cost_policy="ALWAYS")
    guid = transfers.app.call("state", name="episode")["guid"]
    after = transfers.timeline.mark()
    transfers.app.suspend()
    transfers.status(guid, SYSTEM, after=after)
    transfers.request("episode").connection.wait_closed()
    transfers.app.resume()
    transfers.status(guid, RUN, after=after)
    episode.go_on()
    transfers.over("episode")
    transfers.whole("episode")


@DESKTOP
@pytest.mark.requirement("BTR-014")
@pytest.mark.parametrize(
    "spared", [{**SAVES, "ac": True}, {**SAVES, "battery_percent": 50}, {**SAVES, "energy_saver_exempt": (APP,)}], ids=str
)
@pytest.mark.host_alone
def test_without_that_pressure_it_goes_on_in_the_background(transfers: TransferScene, spared: dict[str, Any]) -> None:
    """The negative control: each time one thing is otherwise."""
    transfers.host.levers.set(**spared)
    episode = transfers.halfway("episode")
    guid = transfers.app.call("state", name="episode")["guid"]
    transfers.app.suspend()
    episode.go_on()
    transfers.status(guid, "COMPLETED")
    assert not transfers.timeline.find("TRANSFER_STATUS", id=guid, status=SYSTEM)
    assert len(transfers.web.requests("/episode")) == 1


# -- standby -----------------------------------------------------------------------------------------------------------


@DESKTOP
@pytest.mark.requirement("BTR-014")
@pytest.mark.levers(ac=False)
def test_on_battery_it_rests_while_the_host_sleeps(transfers: TransferScene) -> None:
    """Its connection is closed before the gate is: the server is left with none that nobody answers."""
    episode = transfers.halfway("episode", cost_policy="ALWAYS")
    guid = transfers.app.call("state", name="episode")["guid"]
    after = transfers.timeline.mark()
    transfers.host.enter_standby()
    transfers.request("episode").connection.wait_closed()
    paused = transfers.status(guid, SYSTEM, after=after)
    assert paused.seq < transfers.timeline.wait("GATE_CLOSED", after=after).seq
    transfers.timeline.wait("SLEEP_ENTER", after=after)
    assert not transfers.timeline.find("SLEEP_REFUSED", after=after)
    transfers.host.exit_standby()
    episode.go_on()
    transfers.over("episode")
    transfers.whole("episode")


@DESKTOP
@pytest.mark.requirement("BTR-014")
@pytest.mark.levers(ac=True)
def test_on_external_power_it_keeps_the_host_awake_by_its_apps_name(transfers: TransferScene) -> None:
    episode = transfers.halfway("episode")
    guid = transfers.app.call("state", name="episode")["guid"]
    after = transfers.timeline.mark()
    transfers.host.begin_standby()
    transfers.timeline.wait("SLEEP_REFUSED", holder=f"transfer of {APP}", after=after)
    episode.go_on()
    ended = transfers.status(guid, "COMPLETED", after=after)
    assert ended.seq < transfers.timeline.wait("SLEEP_ENTER", after=after).seq
    assert not transfers.timeline.find("TRANSFER_STATUS", id=guid, status=SYSTEM)
    transfers.whole("episode")
