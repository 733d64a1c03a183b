"""A peer that a test closes is the test's own doing: the FIN that its kernel sends may wake the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.net import userns
from tests.rig.their_tests import attempts_of

THEIRS = """
import socket, sys
from rig.clock import Deadline
from rig.peers.program import Program, free_port

ACCEPTS = '''
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listener:
    accepted = []
    while True:
        accepted.append(listener.accept())
'''

def program(bench):
    machine = bench.network.topology.server
    namespace = bench.network.namespaces[machine.name]
    port = free_port(namespace, machine.ip4)
    argv = [sys.executable, "-c", ACCEPTS, machine.ip4, str(port)]
    return Program(argv, namespace, machine.ip4, bench.timeline.writer(machine.name), port)

def woken_by(bench, server, close, channel="inbox"):
    # the test itself looks at nothing that comes of it
    app = bench.host.start_app(channel, "rig.suite.chat_app:ChatApp")
    app.call("open_channel", channel=channel, host=server.address, port=server.port)
    bench.host.enter_standby()
    seen = bench.timeline.mark()
    close()
    deadline = Deadline(10)
    while not any(record.event == "NIC_WAKE" for record in bench.timeline.records(seen)):
        assert not deadline.expired
        deadline.pause()
    bench.host.exit_standby()

def test_that_closes_its_peers(bench):
    whole, of_one, process = bench.peers.push_server(), bench.peers.push_server(), program(bench)
    woken_by(bench, whole, whole.close, "whole")
    woken_by(bench, of_one, lambda: of_one.connection().close(), "of_one")
    woken_by(bench, process, process.close, "process")
    of_one.close()

def test_whose_kernel_sends_a_fin_by_itself(bench, server):
    woken_by(bench, server, lambda: server.connection().sock.shutdown(socket.SHUT_WR))
"""


@pytest.mark.skipif(not userns.privileged(), reason="namespaces cannot be made here")
def test_a_wake_by_a_peer_that_the_test_closes_is_planned(tmp_path: Path) -> None:
    theirs, kernels = attempts_of(THEIRS, tmp_path, 2)
    assert theirs["verdict"] == "passed", theirs
    planned = [(wake["reason"], wake["planned"]) for wake in theirs["wakes"]]
    said = "of the test's own server or lever"
    assert planned == [("TCP_FIN", f"PEER_{what} {said}") for what in ("CLOSED", "FIN", "CLOSED")]
    assert kernels["verdict"] == "failed"
    assert "unplanned wake 1: TCP_FIN" in " ".join(phase.get("error", "") for phase in kernels["phases"])
