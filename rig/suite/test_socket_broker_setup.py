"""How an app's socket comes to the broker: the order, what is refused, and what the device is told of it."""

from __future__ import annotations

import pytest

from rig.config import StandbyConfig
from rig.standby.wire.hresult import HResult
from rig.suite.broker_scene import BrokerScene
from rig.timeline import Record

NO_STANDBY = pytest.mark.bench_config(standby=StandbyConfig(aoac=False))
REPLACES = pytest.mark.bench_config(standby=StandbyConfig(socket_id_twice="replace"))


@pytest.mark.requirement("SAT-002")
@pytest.mark.host_alone
def test_a_trigger_a_task_the_socket_enabled_for_it_and_only_then_connected(broker: BrokerScene) -> None:
    broker.give("news")
    registered = broker.timeline.wait("REGISTER", task_id=broker.task_id, kind="socket_activity")
    enabled = broker.timeline.wait("OWNERSHIP_ENABLED", task_id=broker.task_id, action="DO_NOT_WAKE")
    connected = broker.timeline.wait("socket-connected")
    assert registered.seq < enabled.seq < connected.seq < broker.given_back(socket="news").seq


@pytest.mark.requirement("SAT-002")
@pytest.mark.host_alone
def test_a_socket_that_is_connected_is_not_enabled_any_more_and_one_that_never_was_is_not_taken(broker: BrokerScene) -> None:
    task_id = broker.register()
    broker.app.call("make", name="late")
    broker.connect("late")
    broker.refused(HResult.ILLEGAL_METHOD_CALL, "enable", name="late", task_id=task_id)
    broker.refused(HResult.ILLEGAL_METHOD_CALL, "transfer", name="late", socket_id="late")
    assert broker.app.call("all_sockets") == {}


@pytest.mark.requirement("SAT-002")
@pytest.mark.host_alone
def test_a_socket_is_enabled_for_a_task_of_sockets_that_the_app_has_registered(broker: BrokerScene) -> None:
    another = broker.host.start_app("another", "rig.suite.task_app:TaskApp")
    another.call("request_access")
    timer = another.call("register", task="Quick")
    broker.app.call("make", name="news")
    for unknown in ("00000000-0000-0000-0000-000000000000", timer):
        broker.refused(HResult.ELEMENT_NOT_FOUND, "enable", name="news", task_id=unknown)
    broker.app.call("enable", name="news", task_id=broker.register())


def slots(broker: BrokerScene, event: str = "NIC_PATTERN_ADD") -> list[Record]:
    return broker.timeline.find(event, app="sockets")


@pytest.mark.requirement("SAT-003")
def test_the_device_has_a_slot_tagged_with_the_task_from_the_transfer_on_until_the_app_takes_the_socket(
    broker: BrokerScene,
) -> None:
    task_id = broker.register()
    broker.app.call("make", name="news")
    broker.app.call("enable", name="news", task_id=task_id, action="WAKE")
    broker.connect("news")
    assert not slots(broker)
    assert not broker.bench.device.slots()
    broker.app.call("transfer", name="news", socket_id="news")
    (added,) = slots(broker)
    assert (added.socket, added.task_id) == ("news", task_id)
    (there,) = broker.bench.device.slots()
    assert there.ref.slot == added.slot
    broker.app.call("take", socket_id="news")
    removed = broker.timeline.wait("NIC_PATTERN_DEL", app="sockets", socket="news")
    assert (removed.slot, removed.gen) == (added.slot, added.gen)
    assert not broker.bench.device.slots()


@pytest.mark.requirement("SAT-003")
@pytest.mark.parametrize("action", ["", "DO_NOT_WAKE"])
def test_the_device_hears_nothing_of_a_socket_that_does_not_wake(broker: BrokerScene, action: str) -> None:
    broker.give("news", action=action)
    assert not slots(broker)


@pytest.mark.requirement("SAT-003")
def test_where_the_device_has_no_room_the_transfer_is_refused_and_the_socket_stays_the_apps(broker: BrokerScene) -> None:
    """And none that was taken before is lost for it (CCT-041, B-33)."""
    server = broker.bench.server
    task_id = broker.register()
    room = broker.bench.device.capabilities().max_tcp_slots
    for number in range(room):
        broker.give(f"socket {number}", action="WAKE")
    broker.app.call("make", name="late")
    broker.app.call("enable", name="late", task_id=task_id, action="WAKE")
    broker.connect("late")
    late = server.connection(room)
    broker.refused(HResult.NO_SLOT, "transfer", name="late", socket_id="late")
    assert broker.timeline.find("NIC_REFUSED", app="sockets", socket="late")
    broker.app.call("write", name="late", data=b"still mine")
    assert late.wait_received(10) == b"still mine"
    assert len(broker.app.call("all_sockets")) == room
    assert not slots(broker, "NIC_PATTERN_DEL")
    broker.app.call("take", socket_id="socket 0")
    broker.app.call("transfer", name="late", socket_id="late")


@pytest.mark.requirement("SAT-004")
@NO_STANDBY
@pytest.mark.host_alone
def test_wake_is_not_to_be_had_without_connected_standby_and_its_opposite_is(broker: BrokerScene) -> None:
    task_id = broker.register()
    broker.app.call("make", name="news")
    broker.refused(HResult.ELEMENT_NOT_FOUND, "enable", name="news", task_id=task_id, action="WAKE")
    broker.app.call("enable", name="news", task_id=task_id, action="DO_NOT_WAKE")
    broker.connect("news")
    broker.app.call("transfer", name="news", socket_id="news")
    after = broker.timeline.mark()
    broker.bench.server.push(b"hello")
    assert broker.task(after=after).reason == 1


@pytest.mark.requirement("SAT-004")
def test_wake_is_to_be_had_with_it(broker: BrokerScene) -> None:
    broker.give("news", action="WAKE")
    assert broker.given_back(socket="news").action == "WAKE"


@pytest.mark.requirement("SAT-012")
@pytest.mark.host_alone
def test_a_task_is_told_the_id_of_the_socket_that_has_something(broker: BrokerScene) -> None:
    servers = {name: broker.give(name) for name in ("left", "right")}
    for name in ("right", "left"):
        after = broker.timeline.mark()
        servers[name].push(name.encode())
        assert broker.task(after=after).id == name
        broker.given_back(after=after, socket=name)
        assert broker.app.call("kept", socket_id=name) == name.encode()


@pytest.mark.requirement("SAT-012")
@pytest.mark.host_alone
def test_an_id_that_a_socket_has_is_refused_to_another_one(broker: BrokerScene) -> None:
    first = broker.give("news")
    broker.app.call("make", name="second")
    broker.app.call("enable", name="second", task_id=broker.task_id)
    broker.connect("second")
    broker.refused(HResult.INVALID_STATE, "transfer", name="second", socket_id="news")
    after = broker.timeline.mark()
    first.push(b"first")
    assert broker.task(after=after).id == "news"
    broker.given_back(after=after)
    assert broker.app.call("kept", socket_id="news") == b"first"
    broker.app.call("transfer", name="second", socket_id="other")


@pytest.mark.requirement("SAT-012")
@REPLACES
def test_or_it_takes_the_place_of_the_one_that_had_it(broker: BrokerScene) -> None:
    first = broker.give("news", action="WAKE")
    second = broker.give("news", action="WAKE")
    first.wait_closed()
    assert broker.timeline.find("SOCKET_DROPPED", app="sockets", socket="news")
    after = broker.timeline.mark()
    second.push(b"second")
    assert broker.task(after=after).id == "news"
    broker.given_back(after=after)
    assert broker.app.call("kept", socket_id="news") == b"second"


@pytest.mark.requirement("SAT-012")
@pytest.mark.host_alone
def test_two_apps_may_have_sockets_of_one_id(broker: BrokerScene) -> None:
    broker.give("news")
    another = broker.start("another")
    server = broker.bench.server
    task_id = another.call("register")
    another.call("give", name="news", host=server.address, port=server.port, task_id=task_id)
    assert list(another.call("all_sockets")) == list(broker.app.call("all_sockets")) == ["news"]
    after = broker.timeline.mark()
    server.connection(1).push(b"to the other")
    assert broker.task(after=after).app == "another"
