"""The socket broker: what comes on a socket that an app has given away runs its task, whatever has become of the app."""

from __future__ import annotations

import hashlib
import random
import socket

import pytest

from rig.net.tcp_diag import KEEP_ALIVE_TIMER, timer_of
from rig.suite.broker_scene import BrokerScene
from rig.suite.scene import skip_behind_nat

OWN_PROCESS = pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])


@pytest.mark.requirement("SAT-013", "SAT-014", "SAT-020")
@OWN_PROCESS
@pytest.mark.host_alone
def test_data_runs_the_task_of_a_suspended_app_which_has_all_that_it_gave(broker: BrokerScene, own_process: bool) -> None:
    server = broker.give("news", own_process=own_process, context="who I am")
    broker.app.suspend()
    after = broker.timeline.mark()
    server.push(b"hello")
    task = broker.task(after=after)
    assert (task.id, task.reason, task.kind, task.context) == ("news", 1, 3, "who I am")
    assert task.task_id == broker.task_id
    read = broker.read("news", after=after)
    assert read.bytes == 5
    to_app = broker.timeline.wait("OWNERSHIP_TO_APP", after=after)
    assert task.seq < to_app.seq < broker.given_back(after=after).seq
    broker.app.resume()
    assert broker.app.call("kept", socket_id="news") == b"hello"


@pytest.mark.requirement("SAT-013", "SAT-014")
@pytest.mark.parametrize("dies", ["app", "system", "both"])
@pytest.mark.host_alone
def test_and_of_one_that_was_killed_or_whose_system_was(broker: BrokerScene, dies: str) -> None:
    server = broker.give("news", context="who I am")
    if dies in ("app", "both"):
        broker.app.terminate()
    if dies in ("system", "both"):
        broker.kill_system()
    after = broker.timeline.mark()
    server.push(b"hello")
    task = broker.task(after=after)
    assert (task.id, task.reason, task.context) == ("news", 1, "who I am")
    assert broker.read("news", after=after).bytes == 5


@pytest.mark.requirement("SAT-013")
@pytest.mark.host_alone
def test_a_socket_without_a_context_has_none_and_one_given_back_without_has_the_one_that_it_had(broker: BrokerScene) -> None:
    broker.give("plain")
    empty = broker.give("empty", context="")
    server = broker.give("news", context="who I am")
    given = {"plain": None, "empty": "", "news": "who I am"}
    assert {name: info[2] for name, info in broker.app.call("all_sockets").items()} == given
    empty.push(b"hello")
    assert broker.task(id="empty").context == "", "an empty context is one"
    broker.given_back(socket="empty", count=2)
    for _ in range(2):
        after = broker.timeline.mark()
        server.push(b"hello")
        assert broker.task(after=after).context == "who I am"
        broker.given_back(after=after)


@pytest.mark.requirement("SAT-014")
@pytest.mark.host_alone
def test_while_the_app_has_the_socket_what_comes_is_the_apps(broker: BrokerScene) -> None:
    server = broker.give("news")
    broker.app.call("take", socket_id="news")
    after = broker.timeline.mark()
    server.push(b"hello")
    assert broker.app.call("read", name="news") == b"hello"
    broker.assert_no_run(after)
    broker.app.call("transfer", name="news", socket_id="news")
    server.push(b"again")
    assert broker.read("news", after=after).bytes == 5


@pytest.mark.requirement("SAT-014")
@pytest.mark.host_alone
def test_what_the_app_has_not_read_when_it_gives_the_socket_back_runs_the_task_at_once(broker: BrokerScene) -> None:
    server = broker.give("news")
    broker.app.call("take", socket_id="news")
    server.push(b"left unread")
    assert broker.app.call("read", name="news", count=5) == b"left "
    after = broker.timeline.mark()
    broker.app.call("transfer", name="news", socket_id="news")
    assert broker.task(after=after).reason == 1
    assert broker.all_kept("news", 6) == b"unread"


HANDOVERS = 50
PIECE_BYTES = 20_972
"""A mebibyte in 50 pieces."""


@pytest.mark.requirement("SAT-014")
def test_a_mebibyte_over_fifty_hand_overs_between_app_broker_and_device_arrives_as_it_was_sent(broker: BrokerScene) -> None:
    """Every second piece comes while the host sleeps: the device's frames first, and what the peer sends again behind them."""
    server = broker.give("news", action="WAKE")
    pieces = [random.Random(number).randbytes(PIECE_BYTES) for number in range(HANDOVERS)]
    broker.host.enter_standby()
    for number, piece in enumerate(pieces):
        if number % 2:
            broker.timeline.wait("SLEEP_ENTER", count=number // 2 + 1)
        server.push(piece)
        broker.wait_read("news", (number + 1) * PIECE_BYTES)
    assert len(broker.timeline.find("OWNERSHIP_TO_APP")) >= HANDOVERS
    assert len(broker.timeline.find("NIC_WAKE", socket="news")) >= HANDOVERS // 2
    broker.host.exit_standby()
    assert broker.app.call("digest", socket_id="news") == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.requirement("SAT-020")
@pytest.mark.host_alone
def test_a_socket_is_the_apps_from_the_access_on(broker: BrokerScene) -> None:
    server = broker.give("news")
    assert list(broker.app.call("all_sockets")) == ["news"]
    assert not broker.timeline.find("OWNERSHIP_TO_APP")
    broker.app.call("take", socket_id="news")
    assert broker.timeline.wait("OWNERSHIP_TO_APP").kind == "STREAM_SOCKET"
    broker.app.call("write", name="news", data=b"mine")
    assert server.wait_received(4) == b"mine"


@pytest.mark.requirement("SAT-020")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_socket_that_is_the_apps_again_has_the_keep_alives_of_tcp_that_it_had(broker: BrokerScene, wanted: bool) -> None:
    """While the broker has one that wakes they are the device's, and the kernel sends none. The control: none were wanted."""
    skip_behind_nat(broker.bench)
    broker.register()
    broker.app.call("make", name="news")
    broker.app.call("enable", name="news", task_id=broker.task_id, action="WAKE")
    broker.connect("news")
    connection = broker.bench.server.connection()
    broker.app.call("set_option", name="news", level=socket.SOL_SOCKET, option=socket.SO_KEEPALIVE, value=int(wanted))

    def kernel_sends_them() -> bool:
        ends = connection.peer, connection.sock.getsockname()[:2]
        return broker.bench.network.host.run(lambda: timer_of(*ends)) == KEEP_ALIVE_TIMER

    assert kernel_sends_them() is wanted, "the app has it"
    broker.app.call("transfer", name="news", socket_id="news")
    assert not kernel_sends_them(), "the broker has it"
    broker.app.call("take", socket_id="news")
    assert kernel_sends_them() is wanted, "the app has it again"


@pytest.mark.requirement("SAT-021")
@pytest.mark.host_alone
def test_a_new_process_of_the_app_finds_its_sockets_and_can_use_them(broker: BrokerScene) -> None:
    server = broker.give("news", context="who I am")
    broker.give("plain")
    task_id = broker.task_id
    broker.app.terminate()
    broker.app = broker.start("sockets")
    assert broker.app.call("all_sockets") == {"news": [3, task_id, "who I am"], "plain": [3, task_id, None]}
    broker.app.call("take", socket_id="news")
    broker.app.call("write", name="news", data=b"back")
    assert server.wait_received(4) == b"back"
    assert list(broker.app.call("all_sockets")) == ["plain"]


@pytest.mark.requirement("SAT-021")
@pytest.mark.host_alone
def test_another_app_sees_nothing_of_them_and_an_app_that_is_uninstalled_leaves_none(broker: BrokerScene) -> None:
    broker.installed("mail")
    server = broker.give("news")
    assert broker.start("another").call("all_sockets") == {}
    broker.host.uninstall("mail")
    server.wait_closed()
    assert broker.installed("mail").call("all_sockets") == {}
