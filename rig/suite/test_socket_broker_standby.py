"""Brokered sockets in connected standby: those that wake, and those that do not."""

from __future__ import annotations

import pytest

from rig.suite.broker_scene import BrokerScene

ACTIVITY, EXPIRED, CLOSED = 1, 3, 4


@pytest.mark.requirement("SAT-006")
@pytest.mark.parametrize("action", ["", "DO_NOT_WAKE"])
def test_a_socket_that_does_not_wake_has_its_data_when_the_user_is_back(broker: BrokerScene, action: str) -> None:
    server = broker.give("news", action=action)
    broker.host.enter_standby()
    after = broker.timeline.mark()
    server.push(b"a")
    server.push(b"b" * 1000)
    broker.assert_no_run(after)
    assert not broker.timeline.find("SLEEP_EXIT", after=after)
    broker.host.exit_standby()
    assert broker.task(after=after).reason == ACTIVITY
    assert broker.all_kept("news", 1001) == b"a" + b"b" * 1000


@pytest.mark.requirement("SAT-006")
def test_nor_while_the_host_is_awake_in_standby_for_somebody_else(broker: BrokerScene) -> None:
    quiet, loud = broker.give("quiet", action="DO_NOT_WAKE"), broker.give("loud", action="WAKE")
    broker.host.enter_standby()
    after = broker.timeline.mark()
    quiet.push(b"first")
    loud.push(b"wake up")
    assert broker.task(after=after).id == "loud"
    broker.timeline.wait("SLEEP_ENTER", after=after)
    assert not broker.timeline.find("socket-task", id="quiet")
    broker.host.exit_standby()
    assert broker.task(after=after, id="quiet").reason == ACTIVITY


@pytest.mark.requirement("SAT-006", "SAT-016")
def test_nor_does_its_time_end_in_standby(broker: BrokerScene) -> None:
    broker.give("news", action="DO_NOT_WAKE", keep_alive_minutes=20)  # a second: the screen is off by then
    broker.host.enter_standby()
    broker.timeline.wait("SOCKET_WAITS", socket="news")
    assert not broker.timeline.find("RUN_ENTER")
    broker.host.exit_standby()
    assert broker.task().reason == EXPIRED


@pytest.mark.requirement("SAT-007")
@pytest.mark.parametrize("app", ["suspended", "terminated"])
def test_a_packet_wakes_the_host_and_runs_the_task_whatever_has_become_of_the_app(broker: BrokerScene, app: str) -> None:
    server = broker.give("news", action="WAKE", context="who I am")
    if app == "terminated":
        broker.app.terminate()
    broker.host.enter_standby()
    after = broker.timeline.mark()
    server.push(b"hello")
    run = broker.timeline.wait("RUN_ENTER", after=after)
    woke = broker.timeline.wait("NIC_WAKE", after=after)
    assert woke.seq < run.seq
    assert (woke.socket, woke.task_id) == ("news", broker.task_id)
    assert broker.task(after=after).context == "who I am"
    assert broker.read("news", after=after).bytes == 5
    broker.timeline.wait("SLEEP_ENTER", after=after)
    assert bool(broker.timeline.find("APP_TERMINATED", app="sockets")) == (app == "terminated")
    after = broker.timeline.mark()
    server.push(b"again")
    assert broker.read("news", after=after).bytes == 5


@pytest.mark.requirement("SAT-016")
def test_the_time_of_a_socket_that_wakes_ends_in_standby_too(broker: BrokerScene) -> None:
    server = broker.give("news", action="WAKE", keep_alive_minutes=15)
    broker.host.enter_standby()
    for turn in range(1, 3):
        assert broker.task(count=turn).reason == EXPIRED
        assert server.wait_received(5 * turn) == b"alive" * turn


@pytest.mark.requirement("SAT-017")
@pytest.mark.parametrize("end", ["finish", "reset"])
def test_a_peer_that_goes_while_the_host_sleeps_is_found_by_the_device(broker: BrokerScene, end: str) -> None:
    server = broker.bench.server
    broker.app.call("remember_server", host=server.address, port=server.port)
    first = broker.give("news", action="WAKE")
    broker.app.terminate()
    broker.host.enter_standby()
    after = broker.timeline.mark()
    getattr(first, end)()
    assert broker.task(after=after).reason == CLOSED
    assert broker.timeline.find("NIC_WAKE", after=after)[0].socket == "news"
    broker.given_back(after=after)
    broker.timeline.wait("SLEEP_ENTER", after=after)
    after = broker.timeline.mark()
    server.connection(1).push(b"back")
    assert broker.task(after=after).reason == ACTIVITY
