"""A peer that a test closes is the test's own doing: the FIN that its kernel sends may wake the host."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rig.net import userns
from tests import forked

ROOT = Path(__file__).parents[2]
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
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    words = ["-p", "no:cacheprovider", "--device", "native", "--topology", "flat", "--rig-reports", "out", "test_theirs.py"]
    done = forked.run(lambda: pytest.main(words), tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100)
    rows = [json.loads(line) for line in (tmp_path / "out/latest/results.jsonl").read_text().splitlines()]
    attempts = [row for row in rows if "attempt" in row]
    assert len(attempts) == 2, done.stdout + done.stderr
    theirs, kernels = attempts
    assert theirs["verdict"] == "passed", done.stdout
    planned = [(wake["reason"], wake["planned"]) for wake in theirs["wakes"]]
    said = "of the test's own server or lever"
    assert planned == [("TCP_FIN", f"PEER_{what} {said}") for what in ("CLOSED", "FIN", "CLOSED")]
    assert kernels["verdict"] == "failed"
    assert "unplanned wake 1: TCP_FIN" in " ".join(phase.get("error", "") for phase in kernels["phases"])
