"""A program of several processes, run as a peer: when it is closed all of it is over, and its port another one's."""

from __future__ import annotations

import sys

from rig.net.network import Network
from rig.peers.program import Program, free_port
from rig.timeline import Timeline

ENDS_LATER = """
import os, socket, sys, time
parent = os.getppid()
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listener:
    listener.settimeout(0.01)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.sendall(str(os.getpid()).encode())
        connection.close()
    time.sleep(0.3)
"""
"""It says who it is to each client, and listens for a moment longer than who has started it lives."""


def who_answers(program: Program) -> bytes:
    with program.connect() as client:
        return client.recv(100)


def test_it_is_closed_when_the_last_of_its_processes_listens_no_more(network: Network, timeline: Timeline) -> None:
    address = network.topology.server.ip4
    port = free_port(network.server, address)
    argv = ["sh", "-c", '"$@" & wait', "sh", sys.executable, "-c", ENDS_LATER, address, str(port)]
    with Program(argv, network.server, address, timeline, port) as program:
        first = who_answers(program)
        program.restart()
        assert who_answers(program) not in (first, b"")
    with Program(argv, network.server, address, timeline, port) as again:
        assert who_answers(again)
