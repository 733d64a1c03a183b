"""What may happen to the host's line to its push service: the device restarts, the cable is out, the service lies."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from dataclasses import dataclass

import pytest

from rig.clock import Deadline
from rig.peers import PushConnection, PushServer
from rig.push_line import (
    FRAME_BYTES,
    LENGTH,
    FrameReader,
    FromHost,
    Hello,
    LineFault,
    Notify,
    Ping,
    Pong,
    Welcome,
    frame,
)
from rig.standby.calls import SystemRestarted
from rig.standby.wire.hresult import HostError
from rig.suite.broker_scene import BrokerScene
from rig.suite.push_scene import PushScene

NOTICE_S = 20.0
"""The host asks after a second of silence; a restart takes some 50 ms."""
LIES = {
    "too long": LENGTH.pack(FRAME_BYTES + 1),
    "noise": LENGTH.pack(4) + b"\xff\xfe\xfd\xfc",
    "half a frame": frame(Notify(1, "mail", b"x" * 1000))[:500],
    "a request": frame(Hello("0123456789abcdef")),
    "numbers back and twice": b"".join(frame(Notify(number, "mail", b"lie")) for number in (3, 1, 2, 3, 0)) + LENGTH.pack(0),
}


@dataclass
class Liar:
    """A server of bytes where the host looks for its push service."""

    server: PushServer

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def line_port(self) -> int:
        return self.server.port

    def take_in(self, push: PushScene) -> PushConnection:
        """The host believes it."""
        known = len(self.server.connections)
        using = threading.Thread(target=push.host.use_push_service, args=(self,))
        using.start()
        connection = self.server.connection(known)
        connection.push(frame(Welcome("liar", 0)))
        using.join()
        return connection


def answer_pings(connection: PushConnection, done: threading.Event) -> None:
    """As long as it is a good service: the host sleeps when its word is heard."""
    answered = set[int]()
    while not done.wait(0.005):
        reader: FrameReader[FromHost] = FrameReader(FromHost)
        try:
            heard = reader.feed(connection.received)
        except LineFault:
            continue
        for ping in (message for message in heard if isinstance(message, Ping) and message.number not in answered):
            answered.add(ping.number)
            connection.push(frame(Pong(ping.number)))


@pytest.mark.requirement("RAW-001")
@pytest.mark.parametrize("lie", LIES)
def test_a_service_that_lies_to_a_sleeping_host_keeps_it_awake_for_a_moment_and_hurts_nobody(push: PushScene, lie: str) -> None:
    push.register()
    done = threading.Event()
    connection = Liar(push.bench.server).take_in(push)
    answers = threading.Thread(target=answer_pings, args=(connection, done))
    answers.start()
    push.host.enter_standby()
    done.set()
    answers.join()
    after = push.timeline.mark()
    connection.push(LIES[lie])
    lost = push.timeline.wait("PUSH_LOST", after=after, timeout_s=20)
    push.timeline.wait("SLEEP_ENTER", after=lost.seq, timeout_s=20)
    assert push.contents() in ([], [b"lie"]), "what a service says in order is believed, once"
    push.host.exit_standby()
    push.host.use_push_service(push.service)
    uri = push.open()
    push.host.enter_standby()
    push.post(uri, b"the truth")
    push.task(b"the truth")


@pytest.mark.requirement("RAW-017")
@pytest.mark.parametrize("exempt", ["mail", "another", ""])
@pytest.mark.host_alone
def test_battery_saver_holds_also_where_the_service_does_not_keep_to_it(push: PushScene, exempt: str) -> None:
    """It has been told, and sends all the same. The control: an app that is exempt, itself and no other."""
    push.register()
    connection = Liar(push.bench.server).take_in(push)
    push.host.levers.set(ac=False, battery_percent=10, energy_saver=True, energy_saver_exempt=(exempt,) if exempt else ())
    after = push.timeline.mark()
    connection.push(frame(Notify(1, "mail", b"saved")))
    if exempt == "mail":
        push.task(b"saved", after=after)
        return
    assert push.dropped(app="mail", after=after) == "battery saver"
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-001")
def test_a_device_that_restarts_asleep_is_given_the_line_anew(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.bench.microcontroller.reset()
    required = push.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    push.timeline.wait("SLEEP_ENTER", after=required.seq)
    push.post(uri, b"on the new boot")
    push.task(b"on the new boot")
    assert len(push.timeline.find("PUSH_CONNECTED")) == 1


@pytest.mark.requirement("RAW-001")
def test_what_comes_while_the_cable_is_out_comes_when_it_is_in_again(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.host.enter_standby()
    push.host.levers.link(False)
    reply = push.send(uri, b"into the void")
    after = push.timeline.mark()
    push.assert_no_run(after)
    push.host.levers.link(True)
    push.host.exit_standby()
    push.task(b"into the void", timeout_s=30)
    push.service.delivered(reply)
    after = push.timeline.mark()
    push.host.enter_standby()
    push.post(uri, b"and on")
    push.task(b"and on", after=after)
    assert push.contents() == [b"into the void", b"and on"]


@pytest.mark.requirement("RAW-001", "RAW-009")
def test_system_and_driver_die_by_turns_and_each_notification_runs_its_task_once(push: PushScene) -> None:
    push.register(own_process=False)
    uri = push.open()
    push.host.enter_standby()
    contents = [b"%d" % number for number in range(6)]
    for number, content in enumerate(contents):
        push.send(uri, content)
        if number % 2:
            push.kill_system()
        else:
            push.kill_driver()
        push.task(content, timeout_s=20)
    push.timeline.wait("TASK_END", count=len(contents))
    assert push.contents() == contents
    deadline = Deadline(10)
    while not push.service.notifications[-1].delivered_ns:
        assert not deadline.expired
        deadline.pause()


@pytest.mark.requirement("RAW-001", "RAW-009")
@pytest.mark.parametrize("own_process", [True, False])
def test_whatever_dies_at_whatever_moment_each_runs_its_task_once_in_order(push: PushScene, own_process: bool) -> None:
    """System and driver are killed, and the screen goes off and on, at random moments of its own choice each."""
    push.register(own_process=own_process)
    uri, over = push.open(), threading.Event()
    chance = random.Random(own_process)
    whiles = [threading.Thread(target=work, args=(push, chance, over)) for work in (_kill_at_random, _switch_at_random)]
    for work in whiles:
        work.start()
    contents = [b"%d" % number for number in range(40)]
    for content in contents:
        push.send(uri, content)
        over.wait(chance.random() * 0.1)  # the random moment itself
    over.set()
    for work in whiles:
        work.join()
    for content in contents:
        push.task(content, timeout_s=30)
    push.service.delivered(push.send(uri, b"last"))
    push.task(b"last")
    assert push.contents() == [*contents, b"last"]


def _kill_at_random(push: PushScene, chance: random.Random, over: threading.Event) -> None:
    """Systems that have served: a busy machine has one killed before it does, and the fifth of them in a row is given up."""
    while not over.wait(0.05 + chance.random() * 0.4):
        try:
            push.host.link_stats()
        except (HostError, SystemRestarted):
            continue
        with contextlib.suppress(ProcessLookupError):  # the one before has just ended
            os.kill(push.host.pid if chance.random() < 0.7 else push.host.driver_pid, signal.SIGKILL)


def _switch_at_random(push: PushScene, chance: random.Random, over: threading.Event) -> None:
    """A call that a system did not live to answer has been done, or has not."""
    while not over.wait(chance.random() * 0.3):
        with contextlib.suppress(HostError, SystemRestarted):
            push.host.begin_standby()
        over.wait(chance.random() * 0.3)
        with contextlib.suppress(HostError, SystemRestarted):
            push.host.exit_standby()


@pytest.mark.requirement("RAW-001")
def test_a_device_that_is_full_leaves_the_host_deaf_until_it_has_a_place(broker: BrokerScene) -> None:
    """The negative of the line's place in the device: what is posted then waits until the host is awake."""
    room = broker.bench.device.capabilities().max_tcp_slots
    for number in range(room):
        broker.give(f"socket {number}", action="WAKE")
    with broker.bench.peers.push_service() as service:
        push = PushScene(broker.bench, service)
        assert push.timeline.wait("PUSH_DEAF").places == {"brokered sockets": room}
        push.register()
        uri = push.open()
        push.host.enter_standby()
        after = push.timeline.mark()
        push.send(uri, b"unheard")
        push.assert_no_run(after)
        push.host.exit_standby()
        push.task(b"unheard")
        broker.app.call("take", socket_id="socket 0")
        push.host.enter_standby()
        after = push.timeline.mark()
        push.post(uri, b"heard")
        push.task(b"heard", after=after)
        assert push.timeline.find("NIC_WAKE", app="push client", after=after)


@pytest.mark.requirement("RAW-001")
def test_a_service_that_starts_anew_counts_its_notifications_from_the_beginning(push: PushScene) -> None:
    """What it sends then is news, whatever number the one before had come to."""
    push.register()
    uri = push.open()
    for content in (b"one", b"two", b"three"):
        push.post(uri, content)
    before, after = push.service, push.timeline.mark()
    before.close()
    push.timeline.wait("PUSH_LOST", after=after)
    with push.bench.peers.push_service(port=before.port, line_port=before.line_port) as push.service:
        push.timeline.wait("PUSH_CONNECTED", after=after)
        push.post(push.open(), b"of another life")
        push.task(b"of another life")
        push.timeline.wait("TASK_END", count=4)
