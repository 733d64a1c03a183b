"""The tables by which transfers run, and pause, on the network that there is."""

from __future__ import annotations

import pytest

from rig.standby.system.network import NetworkState
from rig.standby.system.situation import Situation
from rig.standby.system.transfers.policy import verdict
from rig.standby.wire.surroundings import NetworkCostType as Cost
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as Policy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status

COLUMNS = (Policy.UNRESTRICTED_ONLY, Policy.DEFAULT, Policy.ALWAYS)
RUN, COSTED, NONE, SYSTEM = (
    Status.RUNNING,
    Status.PAUSED_COSTED_NETWORK,
    Status.PAUSED_NO_NETWORK,
    Status.PAUSED_SYSTEM_POLICY,
)
FREE = Surroundings(cost=Cost.UNRESTRICTED)
METERED = Surroundings(cost=Cost.FIXED)
HEADING_OVER = Surroundings(cost=Cost.VARIABLE, approaching_data_limit=True)
ROAMING = Surroundings(cost=Cost.VARIABLE, roaming=True)
OVER = Surroundings(cost=Cost.FIXED, over_data_limit=True, background_data_restricted=True)
SAVES = Surroundings(ac=False, battery_percent=10, energy_saver=True)
CONNECTED = NetworkState(addresses=("192.0.2.10",))


def row(
    around: Surroundings, family: str = "phone", *, foreground: bool = False, network: NetworkState = CONNECTED
) -> tuple[Status, ...]:
    situation = Situation(around, network)
    return tuple(verdict(policy, situation, family=family, package="mail", foreground=foreground).status for policy in COLUMNS)


@pytest.mark.parametrize("foreground", [False, True])
@pytest.mark.parametrize(
    ("around", "expected"),
    [
        (FREE, (RUN, RUN, RUN)),
        (METERED, (COSTED, RUN, RUN)),
        (HEADING_OVER, (COSTED, COSTED, RUN)),
        (ROAMING, (COSTED, COSTED, RUN)),
        (Surroundings(cost=Cost.FIXED, over_data_limit=True), (COSTED, COSTED, SYSTEM)),
        (Surroundings(cost=Cost.UNKNOWN), (COSTED, RUN, RUN)),
        (Surroundings(cost=Cost.UNRESTRICTED, roaming=True), (COSTED, COSTED, RUN)),
        (Surroundings(cost=Cost.FIXED, roaming=True, approaching_data_limit=True), (COSTED, COSTED, RUN)),
        (Surroundings(cost=Cost.FIXED, roaming=True, over_data_limit=True), (COSTED, COSTED, SYSTEM)),
        (Surroundings(approaching_data_limit=True), (RUN, RUN, RUN)),
    ],
)
def test_the_phones_table(around: Surroundings, expected: tuple[Status, ...], foreground: bool) -> None:
    assert row(around, foreground=foreground) == expected


@pytest.mark.parametrize("around", [METERED, HEADING_OVER, ROAMING, Surroundings(cost=Cost.FIXED, over_data_limit=True)])
def test_on_a_desktop_only_unrestricted_only_minds_the_price(around: Surroundings) -> None:
    assert row(around, "desktop") == (COSTED, RUN, RUN)
    assert row(FREE, "desktop") == (RUN, RUN, RUN)


@pytest.mark.parametrize("family", ["phone", "desktop"])
def test_what_the_user_restricts_stands_above_every_policy(family: str) -> None:
    assert row(OVER, family) == (SYSTEM, SYSTEM, SYSTEM)
    assert row(Surroundings(background_data_restricted=True), family) == (SYSTEM, SYSTEM, SYSTEM)
    assert row(Surroundings(background_data_restricted=True), family, foreground=True) == (RUN, RUN, RUN)


@pytest.mark.parametrize("family", ["phone", "desktop"])
def test_a_host_that_saves_energy_runs_what_the_user_sees_and_what_he_has_exempted(family: str) -> None:
    assert row(SAVES, family) == (SYSTEM, SYSTEM, SYSTEM)
    assert row(SAVES, family, foreground=True) == (RUN, RUN, RUN)
    exempt = Surroundings(ac=False, battery_percent=10, energy_saver=True, energy_saver_exempt=("mail",))
    assert row(exempt, family) == (RUN, RUN, RUN)
    assert row(Surroundings(ac=True, battery_percent=10, energy_saver=True), family) == (RUN, RUN, RUN)


@pytest.mark.parametrize("around", [FREE, METERED, OVER, SAVES])
def test_without_a_network_nothing_else_counts(around: Surroundings) -> None:
    assert row(around, network=NetworkState()) == (NONE, NONE, NONE)
    assert row(around, network=NetworkState(link=False, addresses=("192.0.2.10",))) == (NONE, NONE, NONE)


def test_a_network_that_does_not_lead_to_the_internet_is_none() -> None:
    assert row(Surroundings(internet=False)) == (NONE, NONE, NONE)
