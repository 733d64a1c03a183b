"""The state machines of power and slots: every legal edge is taken by something a host or a peer can do, no other ever.

The random sequences of test_state_machine.py run over the same library: there an illegal edge ends the process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet import IP

from tests.engine.engine_lib import (
    AWAKE,
    D0,
    D3,
    EXPIRED,
    HOST_IP,
    HOST_PORT,
    KEEP,
    LIBRARY,
    MACHINES,
    OK,
    PEER_IP,
    POWER_MACHINE,
    PREPARED,
    STATES,
    WOKEN,
    Edge,
    Engine,
)
from tests.engine.packets import tcp

CORE = LIBRARY.parents[1] / "core"
IDLE_S, LEASE_S = 60, 300
"""The lease ends before the probes do."""
RCV_NXT = 5000
ALWAYS_WAKES = 0x1F
POWERS = (D0, PREPARED, D3, WOKEN, AWAKE)


class Host:
    """An engine with one kept slot and a lease; what its methods do is all within the rules."""

    def __init__(self) -> None:
        self.eng = Engine(now_us=1_000_000)
        self.eng.attach(LEASE_S * 1000)
        self.add()

    def add(self) -> None:
        rc, *self.slot = self.eng.slot_add(
            rcv_nxt=RCV_NXT, flags=ALWAYS_WAKES | KEEP, ka_idle_ms=IDLE_S * 1000, ka_intvl_ms=IDLE_S * 1000, ka_cnt=9
        )
        assert rc == OK

    def sleep(self) -> None:
        """The slot is live."""
        assert self.eng.prepare() == OK
        self.add()
        assert self.eng.commit() == OK

    def hears(self, flags: str, payload: bytes = b"") -> None:
        self.eng.rx(tcp(flags, dport=HOST_PORT, seq=RCV_NXT, payload=payload))

    def passes(self, seconds: float) -> None:
        self.eng.run_until(self.eng.now_us + int(seconds * 1e6))

    def pause(self) -> None:
        assert self.eng.slot_pause(*self.slot) == OK

    def resume(self) -> None:
        assert self.eng.slot_resume(*self.slot) == OK

    def to(self, power: int) -> None:
        """From D0 by the commands of a standby; WOKEN by the slot's data."""
        if power == PREPARED:
            assert self.eng.prepare() == OK
            self.add()
        elif power != D0:
            self.sleep()
        if power == WOKEN:
            self.hears("PA", b"news")
        if power == AWAKE:
            assert self.eng.host_awake() == OK
        assert self.eng.status.power == power

    def ends_standby(self) -> None:
        assert self.eng.host_awake() == OK
        assert self.eng.release()[0] == OK


def attach_and_expiry() -> list[Host]:
    """Both may come in any power state; the lease ends nothing in D0."""
    hosts = [Host() for _ in range(2 * len(POWERS))]
    for host, power in zip(hosts[: len(POWERS)], POWERS, strict=True):
        host.to(power)
        host.eng.attach()
    for host, power in zip(hosts[len(POWERS) :], POWERS, strict=True):
        host.to(power)
        host.passes(LEASE_S + 1)
        assert host.eng.status.power == (D0 if power == D0 else EXPIRED)
        host.eng.attach()
    return hosts


def standbys() -> list[Host]:
    """Each way through a standby: woken, by the host itself, given up, and never slept for a captured frame."""
    woken, early, given_up, captured = hosts = [Host() for _ in range(4)]
    woken.to(WOKEN)
    woken.ends_standby()
    early.sleep()
    early.ends_standby()
    given_up.to(PREPARED)
    assert given_up.eng.abort() == OK
    captured.to(PREPARED)
    captured.hears("PA", b"news")
    captured.eng.commit()
    assert captured.eng.status.power == AWAKE
    assert captured.eng.release()[0] == OK
    return hosts


def slots() -> list[Host]:
    """What the wire, time and the host make of a slot."""
    answered, reset, reset_woken, paused, paused_probing, kept, fragment, reset_probing, again = hosts = [
        Host() for _ in range(9)
    ]
    answered.sleep()
    answered.passes(2.5 * IDLE_S)  # two probes
    answered.hears("A")
    answered.passes(1.5 * IDLE_S)
    answered.ends_standby()
    reset.sleep()
    reset.hears("R")
    reset.ends_standby()
    reset_woken.to(WOKEN)
    reset_woken.hears("R")
    again.to(WOKEN)
    again.hears("PA", b"new")
    paused.sleep()
    paused.pause()
    paused.resume()
    paused_probing.sleep()
    paused_probing.passes(1.5 * IDLE_S)
    paused_probing.pause()
    kept.pause()
    kept.resume()
    kept.pause()
    kept.add()
    fragment.sleep()
    fragment.passes(1.5 * IDLE_S)
    fragment.eng.rx(tcp("PA", dport=HOST_PORT, seq=RCV_NXT, payload=b"news", l3=IP(src=PEER_IP, dst=HOST_IP, flags="MF")))
    assert fragment.eng.status.power == WOKEN
    reset_probing.sleep()
    reset_probing.passes(1.5 * IDLE_S)
    reset_probing.hears("R")
    return hosts


def test_every_legal_edge_is_taken() -> None:
    """An edge that nothing takes does not belong into the table."""
    seen: dict[Edge, bool] = {}
    for host in attach_and_expiry() + standbys() + slots():
        for edge, taken in host.eng.edges().items():
            seen[edge] = taken or seen.get(edge, False)
    assert {machine for machine, _, _ in seen} == set(MACHINES)
    assert [edge for edge, taken in sorted(seen.items()) if not taken] == []


def power_edges() -> set[tuple[int, int]]:
    host = Host()
    host.sleep()
    return {(old, new) for machine, old, new in host.eng.edges() if machine == POWER_MACHINE}


ILLEGAL = [(old, new) for old in POWERS for new in range(STATES) if (old, new) not in power_edges()]

FORCED = """
from tests.engine.test_edges import Host
host = Host()
host.to({old})
host.eng.set_power({new})
event = host.eng.event()
print(host.eng.status.power, event.kind, event.reason, event.subreason)
"""


def forced(old: int, new: int, library: Path) -> subprocess.CompletedProcess[str]:
    """An engine that takes this edge past the commands' checks, in a process of its own."""
    environment = {**os.environ, "RIG_ENGINE_LIB": str(library)}
    script = FORCED.format(old=old, new=new)
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)


def test_there_are_illegal_edges() -> None:
    assert (D0, D3) in ILLEGAL
    assert (D3, PREPARED) in ILLEGAL


@pytest.mark.parametrize(("old", "new"), [(D0, D3), (AWAKE, WOKEN), (D3, 2)])
def test_a_test_build_stops_at_an_illegal_edge(old: int, new: int) -> None:
    ended = forced(old, new, LIBRARY)
    assert -ended.returncode in (signal.SIGILL, signal.SIGTRAP), ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def release_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("release") / "libengine.so"
    sources = [str(source) for source in (*CORE.glob("*.c"), CORE.parent / "tests" / "engine_driver.c")]
    options = ["-shared", "-fPIC", "-std=c11", "-O1", "-DENG_NOTE_EDGES", f"-I{CORE}"]
    subprocess.run([compiler, *options, "-o", str(library), *sources], check=True)
    return library


@pytest.mark.parametrize(("old", "new"), [(D0, D3), (D3, PREPARED)])
def test_a_release_build_refuses_an_illegal_edge_and_tells(release_library: Path, old: int, new: int) -> None:
    """A FAULT event: whose edge, the old state times 256 plus the refused one."""
    ended = forced(old, new, release_library)
    assert ended.stdout.split() == [str(n) for n in (old, 3, POWER_MACHINE, old << 8 | new)], ended.stderr
