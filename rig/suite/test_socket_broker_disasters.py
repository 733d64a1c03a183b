"""What happens to brokered sockets when something dies while the host sleeps: the peer, the system, the driver, the device."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.suite.broker_scene import BrokerScene

ACTIVITY, CLOSED = 1, 4
MISSED = {"standby": StandbyConfig(network_ka_retry_min=12, network_ka_probes=3), "clock": Clock(50_000)}
"""As tests of keep-alives have it."""
NOTICE_S = 10.0
"""The host asks a device after a second of silence; a restart takes some 50 ms."""


@pytest.mark.requirement("SAT-017")
@pytest.mark.bench_config(**MISSED)
def test_a_peer_that_does_not_answer_any_more_is_found_by_the_device_and_closed(broker: BrokerScene) -> None:
    broker.give("news", action="WAKE")
    broker.host.enter_standby()
    after = broker.timeline.mark()
    with broker.bench.network.unplugged("server"):
        woke = broker.timeline.wait("NIC_WAKE", after=after)
        assert (woke.reason, woke.socket) == ("KA_TIMEOUT", "news")
        assert broker.task(after=after).reason == CLOSED
        broker.timeline.wait("SLEEP_ENTER", after=woke.seq)
    assert not broker.bench.device.slots()


def kill_system(broker: BrokerScene) -> None:
    broker.kill_system()


def kill_driver(broker: BrokerScene) -> None:
    os.kill(broker.host.driver_pid, signal.SIGKILL)


def kill_both(broker: BrokerScene) -> None:
    kill_system(broker)
    kill_driver(broker)


def restart_device(broker: BrokerScene) -> None:
    after = broker.timeline.mark()
    broker.bench.microcontroller.reset()
    required = broker.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    broker.timeline.wait("SLEEP_ENTER", after=required.seq)


@pytest.mark.requirement("SAT-007", "SAT-014")
@pytest.mark.parametrize("disaster", [kill_system, kill_driver, kill_both, restart_device])
def test_a_packet_wakes_the_host_and_runs_the_task_after_all(
    broker: BrokerScene, disaster: Callable[[BrokerScene], None]
) -> None:
    server = broker.give("news", action="WAKE", context="who I am")
    broker.app.terminate()
    broker.host.enter_standby()
    for data in (b"first", b"second"):
        disaster(broker)
        after = broker.timeline.mark()
        server.push(data)
        task = broker.task(after=after)
        assert (task.reason, task.context) == (ACTIVITY, "who I am")
        read = broker.read("news", after=after)
        assert read.bytes == len(data)
        broker.timeline.wait("SLEEP_ENTER", after=read.seq)
    assert len(broker.timeline.find("socket-read")) == 2
    assert len(broker.bench.device.slots()) == 1
