"""Why the task of a brokered socket runs besides data: its time is over, its peer has gone; and when nothing runs any more."""

from __future__ import annotations

import pytest

from rig.peers import PushConnection
from rig.suite.broker_scene import BrokerScene
from rig.timeline import Record

MINUTES = 10.0
"""Half a second of the bench's clock."""
LONGER = 25.0
"""For a push, or a call, that is to come first on a busy machine."""
ACTIVITY, EXPIRED, CLOSED = 1, 3, 4
ENDS = pytest.mark.parametrize("end", ["finish", "reset"])


def minutes_between(broker: BrokerScene, first: Record, second: Record) -> float:
    return (second.t_ns - first.t_ns) / 1e9 / broker.bench.config.clock.minutes_s(1)


@pytest.mark.requirement("SAT-016")
@pytest.mark.host_alone
def test_the_time_that_was_given_ends_again_and_again_as_long_as_the_app_gives_the_socket_back(broker: BrokerScene) -> None:
    server = broker.give("news", keep_alive_minutes=MINUTES)
    given = broker.given_back(socket="news")
    for turn in range(1, 4):
        task = broker.task(after=given.seq)
        assert (task.reason, task.id) == (EXPIRED, "news")
        assert minutes_between(broker, given, task) >= MINUTES
        given = broker.given_back(socket="news", after=task.seq)
        assert server.wait_received(5 * turn) == b"alive" * turn


@pytest.mark.requirement("SAT-016")
@pytest.mark.host_alone
def test_it_ends_once_for_an_app_that_does_not_give_the_socket_back(broker: BrokerScene) -> None:
    broker.give("news", task="Ignores", keep_alive_minutes=MINUTES / 5)  # shorter than what `assert_no_run` waits
    assert broker.task().reason == EXPIRED
    ended = broker.timeline.wait("TASK_END", task="Ignores")
    broker.assert_no_run(ended.seq)


@pytest.mark.requirement("SAT-016")
@pytest.mark.host_alone
def test_data_begins_it_anew_and_a_socket_without_a_time_has_none(broker: BrokerScene) -> None:
    server = broker.give("news", keep_alive_minutes=LONGER)
    server.push(b"hello")
    assert broker.task().reason == ACTIVITY
    given = broker.given_back(socket="news", count=2)
    task = broker.task(after=given.seq)
    assert task.reason == EXPIRED
    assert minutes_between(broker, given, task) >= LONGER
    broker.given_back(socket="news", after=task.seq)
    broker.app.call("take", socket_id="news")
    broker.app.call("transfer", name="news", socket_id="news", keep_alive_minutes=0)
    broker.assert_no_run(broker.timeline.mark())


@pytest.mark.requirement("SAT-016")
@pytest.mark.host_alone
def test_it_goes_on_when_the_system_dies(broker: BrokerScene) -> None:
    broker.give("news", keep_alive_minutes=MINUTES)
    given = broker.given_back(socket="news")
    broker.kill_system()
    task = broker.task(after=given.seq)
    assert task.reason == EXPIRED
    assert minutes_between(broker, given, task) >= MINUTES


@pytest.mark.requirement("SAT-017")
@ENDS
@pytest.mark.host_alone
def test_an_app_whose_peer_has_gone_connects_again_under_the_same_id(broker: BrokerScene, end: str) -> None:
    server = broker.bench.server
    broker.app.call("remember_server", host=server.address, port=server.port)
    first = broker.give("news", context="who I am")
    before, after = first.peer, broker.timeline.mark()
    getattr(first, end)()
    task = broker.task(after=after)
    assert (task.id, task.reason, task.kind) == ("news", CLOSED, 3)
    broker.given_back(socket="news", after=task.seq)
    second = server.connection(1)
    assert second.peer != before
    assert broker.app.call("all_sockets")["news"][2] == "who I am"
    after = broker.timeline.mark()
    second.push(b"back")
    task = broker.task(after=after)
    assert (task.id, task.reason) == ("news", ACTIVITY)
    broker.given_back(after=task.seq)
    assert broker.app.call("kept", socket_id="news") == b"back"


@pytest.mark.requirement("SAT-017")
@pytest.mark.host_alone
def test_what_the_peer_sent_before_it_went_comes_first(broker: BrokerScene) -> None:
    server = broker.give("news")
    broker.app.suspend()
    server.push(b"the last")
    server.finish()
    assert broker.task().reason == ACTIVITY
    assert broker.task(count=2).reason == CLOSED
    broker.app.resume()
    assert broker.app.call("kept", socket_id="news") == b"the last"


@pytest.mark.requirement("SAT-017")
@pytest.mark.host_alone
def test_an_app_that_does_not_know_where_to_connect_to_ends_quietly(broker: BrokerScene) -> None:
    server = broker.give("news")
    server.finish()
    task = broker.task()
    assert task.reason == CLOSED
    ended = broker.timeline.wait("TASK_END", after=task.seq)
    assert (ended.reason, ended.fault) == ("done", None)
    broker.assert_no_run(ended.seq)


def second_packet(broker: BrokerScene, server: PushConnection, task: str) -> None:
    """Comes when the run for the first one is over; nothing runs for it."""
    server.push(b"first")
    ended = broker.timeline.wait("TASK_END", task=task)
    server.push(b"second")
    broker.assert_no_run(ended.seq)


@pytest.mark.requirement("SAT-018")
def test_a_task_that_keeps_the_socket_hears_nothing_more_of_it_until_it_gives_it_back(broker: BrokerScene) -> None:
    server = broker.give("news", task="Keeps", own_process=False)
    second_packet(broker, server, "Keeps")
    assert broker.app.call("all_sockets") == {}
    after = broker.timeline.mark()
    broker.app.call("give_back_kept", socket_id="news")
    assert broker.task(after=after).reason == ACTIVITY
    broker.read("news", after=after)
    assert broker.app.call("kept", socket_id="news") == b"firstsecond"


@pytest.mark.requirement("SAT-018")
@pytest.mark.host_alone
def test_nor_does_a_task_that_does_not_even_take_it(broker: BrokerScene) -> None:
    """The broker has it still, with all that has come."""
    server = broker.give("news", task="Ignores")
    second_packet(broker, server, "Ignores")
    assert list(broker.app.call("all_sockets")) == ["news"]
    broker.app.call("take", socket_id="news")
    assert broker.app.call("read", name="news") == b"firstsecond"
    after = broker.timeline.mark()
    broker.app.call("transfer", name="news", socket_id="news")
    server.push(b"third")
    assert broker.task(after=after).reason == ACTIVITY


@pytest.mark.requirement("SAT-018")
@pytest.mark.host_alone
def test_a_second_packet_runs_the_task_of_an_app_that_gives_the_socket_back(broker: BrokerScene) -> None:
    server = broker.give("news")
    server.push(b"first")
    given = broker.given_back(socket="news", count=2)
    server.push(b"second")
    assert broker.task(after=given.seq).reason == ACTIVITY
