"""The socket broker: what comes on a socket that an app has given away runs its task, whatever has become of the app."""

from __future__ import annotations

import pytest

from rig.suite.broker_scene import BrokerScene

OWN_PROCESS = pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])


@pytest.mark.requirement("SAT-013", "SAT-014", "SAT-020")
@OWN_PROCESS
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
