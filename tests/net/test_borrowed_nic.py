"""A NIC that a bench borrows: whose it may be, and that it is given back as it was, however the run ends.

It is one end of a veth in a namespace that stands for the machine's first one. That namespace is the test's own.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import BenchConfig
from rig.errors import BenchError
from rig.net import borrowed_nic, links, userns
from rig.net.borrowed_nic import BorrowedNic, left_behind, restore_left
from rig.net.namespace import Namespace
from rig.net.nic_guard import in_use
from rig.net.nic_state import NicState
from tests.open_files import open_files

ROOT = Path(__file__).parents[2]
NIC, MAC, OTHER_END = "nic0", "02:00:00:00:aa:01", "wall0"
LINK_SCOPE = 253
"""rtnetlink.h"""
ADDRESS, GATEWAY, BEHIND = "192.0.2.10", "192.0.2.1", "198.51.100.0/24"

HOLD = """
import os, sys, time
from rig.net.borrowed_nic import BorrowedNic
from rig.net.namespace import Namespace
wire = Namespace("wire")
nic = BorrowedNic("nic0", wire, force=True)
try:
    print(wire.fd, flush=True)
    while True:
        time.sleep(1)
except BaseException:
    nic.give_back()
    raise
"""
"""A run that has the NIC, until a signal ends it."""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Namespace]:
    """Where the NIC lives, down and bare; the rig's notes of it are the test's own."""
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    monkeypatch.setenv("RIG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    with Namespace("machine") as namespace:
        namespace.run(_add_nic)
        yield namespace


def _add_nic() -> None:
    links.set_up("lo")
    with links.rtnetlink() as route:
        links.add_veth(route, NIC, MAC, OTHER_END, "02:00:00:00:aa:02")
    links.set_up(OTHER_END)


def furnish(*, up: bool = True) -> None:
    """All that an engineer's connection has: two addresses a family, a default route, others, settings, an alias."""
    with links.rtnetlink() as route:
        index = links.index_of(NIC)
        route.link("set", index=index, mtu=1400, state="up" if up else "down")
        route.link("property_add", index=index, altname="enp0s99")
        Path(f"/proc/sys/net/ipv4/conf/{NIC}/rp_filter").write_text("2")
        Path(f"/proc/sys/net/ipv6/conf/{NIC}/accept_ra").write_text("0")
        for address in (f"{ADDRESS}/24", "192.0.2.11/24", "203.0.113.5/32", "2001:db8::10/64"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            ip, _, prefix = address.partition("/")
            extra = {"flags": 0x02} if family == socket.AF_INET6 else {"label": NIC}
            route.addr("add", index=index, address=ip, prefixlen=int(prefix), family=family, **extra)
        if up:
            route.route("add", dst="0.0.0.0/0", gateway=GATEWAY, priority=100, prefsrc="192.0.2.11")
            route.route("add", dst=BEHIND, gateway="192.0.2.2", table=77)
            route.route("add", dst="2001:db8:1::/48", gateway="2001:db8::1", prefsrc="2001:db8::10", family=socket.AF_INET6)
        route.neigh("add", dst=GATEWAY, lladdr="02:00:00:00:aa:77", ifindex=index, state=0x80)
        deadline = Deadline(WAIT_S)
        while up and not route.get_addr(index=index, scope=LINK_SCOPE):  # the kernel's own comes when the carrier is heard of
            assert not deadline.expired
            deadline.pause()


def seen() -> dict[str, Any]:
    """The interface as a person sees it. Not the kernel's own IPv6 routes: it makes them from the addresses, some time later."""
    with links.rtnetlink() as route:
        index = links.index_of(NIC)
        link = route.get_links(index)[0]
        routes = [r for r in route.get_routes() if r.get_attr("RTA_OIF") == index and (r["family"], r["proto"]) != (10, 2)]
        parts = ("RTA_DST", "RTA_GATEWAY", "RTA_PREFSRC", "RTA_PRIORITY", "RTA_TABLE")
        return {
            "mac": link.get_attr("IFLA_ADDRESS"),
            "mtu": link.get_attr("IFLA_MTU"),
            "up": link["flags"] & 1,
            "altnames": link.get_attr("IFLA_PROP_LIST") and link.get_attr("IFLA_PROP_LIST").get_attrs("IFLA_ALT_IFNAME"),
            "master": link.get_attr("IFLA_MASTER"),
            "addresses": [(a.get_attr("IFA_ADDRESS"), a["prefixlen"], a["scope"]) for a in route.get_addr(index=index)],
            "routes": sorted(str([r["dst_len"], *map(r.get_attr, parts)]) for r in routes),
            "neighbour": [n.get_attr("NDA_LLADDR") for n in route.get_neighbours(ifindex=index, dst=GATEWAY)],
            "rp_filter": Path(f"/proc/sys/net/ipv4/conf/{NIC}/rp_filter").read_text(),
            "accept_ra": Path(f"/proc/sys/net/ipv6/conf/{NIC}/accept_ra").read_text(),
        }


def interfaces(namespace: Namespace) -> set[str]:
    return {name for _, name in namespace.run(socket.if_nameindex)}


# -- whose it is -------------------------------------------------------------------------------------------------------


def test_an_interface_in_use_is_refused_and_stays_as_it_is(machine: Namespace, tmp_path: Path) -> None:
    machine.run(furnish)
    before = machine.run(seen)
    bench = Bench(BenchConfig(device="board", port="/dev/null", nic=NIC), tmp_path)
    with pytest.raises(BenchError) as refused:
        machine.run(bench.__enter__)
    assert (refused.value.code, "nic_force = true" in refused.value.fix) == ("RIG-N15", True)
    for use in (f"the default route (via {GATEWAY})", f"the address {ADDRESS}/24", "the address 2001:db8::10/64"):
        assert use in refused.value.cause
    assert machine.run(seen) == before
    assert list(tmp_path.glob("state/*")) == []


def test_rig_run_refuses_it_before_the_first_test(machine: Namespace, tmp_path: Path) -> None:
    machine.run(furnish)
    config = tmp_path / "bench.toml"
    config.write_text(f'[bench]\ndevice = "board"\nport = "/dev/null"\nnic = "{NIC}"\n')
    options = ("--bench-config", str(config), "--reports", str(tmp_path / "reports"))
    done = machine_rig(machine, "run", *options)
    assert done.returncode == 6
    assert done.stderr.startswith(f"error: RIG-N15 the interface {NIC} is in use: it has the default route (via {GATEWAY})")


def test_an_idle_interface_is_nobodys(machine: Namespace) -> None:
    """Up, with the link-local address that the kernel gives to every interface."""
    machine.run(partial(_set, state="up"))
    assert machine.run(lambda: in_use(NIC)) == []


def test_a_place_in_a_bridge_is_a_use(machine: Namespace) -> None:
    machine.run(join_a_bridge)
    assert machine.run(lambda: in_use(NIC)) == ["a place in br7"]


def join_a_bridge() -> None:
    with links.rtnetlink() as route:
        links.add_bridge(route, "br7", "02:00:00:00:aa:70")
        route.link("set", index=links.index_of(NIC), state="up", master=links.index_of("br7"))


def test_what_stands_on_it_is_a_use(machine: Namespace) -> None:
    def build(kind: str, **settings: int) -> None:
        with links.rtnetlink() as route:
            route.link("add", ifname="on-top", kind=kind, link=links.index_of(NIC), **settings)

    for building in (partial(build, "vlan", vlan_id=5), partial(build, "macvlan"), partial(build, "ipvlan")):
        try:
            machine.run(building)
        except BenchError:  # a kernel without this kind
            continue
        assert machine.run(lambda: in_use(NIC)) == ["on-top on top of it"]
        return
    pytest.skip("this kernel has no kind of link that stands on another")


def test_this_login_is_a_use(machine: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its route leaves by the interface, which has no address of its own."""
    machine.run(route_without_an_address)
    assert machine.run(lambda: in_use(NIC)) == []
    monkeypatch.setenv("SSH_CONNECTION", "198.51.100.9 50123 203.0.113.1 22")
    assert machine.run(lambda: in_use(NIC)) == ["this login (ssh from 198.51.100.9)"]


def route_without_an_address() -> None:
    with links.rtnetlink() as route:
        route.addr("add", index=links.index_of("lo"), address="203.0.113.1", prefixlen=32)
        route.link("set", index=links.index_of(NIC), state="up")
        route.route("add", dst=BEHIND, oif=links.index_of(NIC), scope=253, prefsrc="203.0.113.1")


def test_an_established_connection_over_it_is_a_use(machine: Namespace) -> None:
    """sudo takes SSH_CONNECTION away; the connection itself still stands."""
    with Namespace("away") as away:
        machine.run(route_without_an_address)
        machine.run(partial(_set_of, OTHER_END, net_ns_fd=away.fd))
        away.run(be_far_away)
        tcp = (socket.AF_INET, socket.SOCK_STREAM)
        with away.socket(*tcp) as listener, machine.socket(*tcp) as ours:
            listener.bind(("198.51.100.9", 22))
            listener.listen()
            ours.bind(("203.0.113.1", 0))
            ours.connect(("198.51.100.9", 22))
            assert machine.run(lambda: in_use(NIC)) == ["a TCP connection with 198.51.100.9"]


def be_far_away() -> None:
    with links.rtnetlink() as route:
        route.addr("add", index=links.index_of(OTHER_END), address="198.51.100.9", prefixlen=24)
        route.link("set", index=links.index_of(OTHER_END), state="up")
        route.route("add", dst="203.0.113.1/32", oif=links.index_of(OTHER_END), scope=253)


def _set(**settings: Any) -> None:
    _set_of(NIC, **settings)


def _set_of(name: str, **settings: Any) -> None:
    with links.rtnetlink() as route:
        route.link("set", index=links.index_of(name), **settings)


# -- given back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_it_comes_back_as_it_was(machine: Namespace, tmp_path: Path, up: bool) -> None:
    machine.run(partial(furnish, up=up))
    before = machine.run(seen)
    with Namespace("wire") as wire:
        nic = machine.run(lambda: BorrowedNic(NIC, wire, force=True))
        assert (NIC in interfaces(machine), NIC in interfaces(wire)) == (False, True)
        wire.run(partial(_set, mtu=1500, state="up"))
        nic.give_back()
        nic.give_back()
    assert machine.run(seen) == before
    assert list((tmp_path / "state").iterdir()) == []


def test_it_comes_back_into_its_bridge(machine: Namespace) -> None:
    machine.run(join_a_bridge)
    before = machine.run(seen)
    with Namespace("wire") as wire:
        machine.run(lambda: BorrowedNic(NIC, wire, force=True)).give_back()
    assert before["master"]
    assert machine.run(seen) == before


@pytest.mark.parametrize("moved", [False, True], ids=["before the move", "after it"])
def test_ctrl_c_while_it_is_taken_gives_it_back(
    machine: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    machine.run(furnish)
    before = machine.run(seen)
    move, moves = borrowed_nic._move, []

    def interrupted(name: str, namespace_fd: int) -> None:
        moves.append(name)
        if moved or len(moves) > 1:
            move(name, namespace_fd)
        if len(moves) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(borrowed_nic, "_move", interrupted)
    with Namespace("wire") as wire, pytest.raises(KeyboardInterrupt):
        machine.run(lambda: BorrowedNic(NIC, wire, force=True))
    assert machine.run(seen) == before
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_gives_it_back(machine: Namespace, number: signal.Signals) -> None:
    """`rig` turns SIGTERM into the same interruption as Ctrl-C."""
    machine.run(furnish)
    before = machine.run(seen)
    run = hold(machine)
    run.send_signal(number)
    run.wait(30)
    assert machine.run(seen) == before


def test_after_a_kill_the_next_run_and_the_doctor_put_it_back(machine: Namespace) -> None:
    """The kernel moves a physical NIC home by itself, down and bare; a veth would go with its namespace, so the test moves it."""
    machine.run(furnish)
    before = machine.run(seen)
    run = hold(machine)
    assert machine.run(left_behind) == []
    with Namespace("wire", os.open(f"/proc/{run.pid}/fd/{wire_fd(run)}", os.O_RDONLY)) as wire:
        with pytest.raises(BenchError, match=f"RIG-N18 the board's NIC 'nic0' is in the bench of pid {run.pid}"):
            machine.run(lambda: BorrowedNic(NIC, wire))
        run.kill()
        run.wait(30)
        wire.run(partial(_set, net_ns_fd=machine.fd))
    assert machine.run(seen)["addresses"] == []
    doctor = machine_rig(machine, "doctor", "--json")
    row = next(check for check in json.loads(doctor.stdout)["checks"] if check["name"] == "board's NIC")
    assert (row["state"], row["fix"]) == ("no", "as root: rig doctor --restore")
    assert f"nic0 is bare: the run of pid {run.pid} was killed" in row["reason"]
    assert machine_rig(machine, "doctor", "--restore").stdout == "nic0 is as it was\n"
    assert machine.run(seen) == before
    assert machine.run(restore_left) == []


def test_a_failure_nobody_thought_of_is_no_success(machine: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the NIC had is kept, and the same process puts it back before it takes the NIC again: else it would save the rest."""
    machine.run(furnish)
    before = machine.run(seen)
    with Namespace("wire") as wire:
        nic = machine.run(lambda: BorrowedNic(NIC, wire, force=True))
        with monkeypatch.context() as broken:
            broken.setattr(NicState, "put_back", lambda _: 1 / 0)
            with pytest.raises(BenchError, match=r"RIG-N16 .*: ZeroDivisionError: "):
                nic.give_back()
        assert machine.run(seen)["addresses"] == []
        machine.run(lambda: BorrowedNic(NIC, wire, force=True)).give_back()
    assert machine.run(seen) == before
    assert list((tmp_path / "state").iterdir()) == []


def test_of_two_runs_at_once_the_second_leaves_the_firsts_file(machine: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second has seen the NIC before the first took it."""
    machine.run(furnish)
    read = NicState.read
    with Namespace("wire") as wire, Namespace("second") as second:
        firsts: list[BorrowedNic] = []

        def late(name: str) -> NicState:
            monkeypatch.setattr(NicState, "read", read)
            state = read(name)
            firsts.append(BorrowedNic(NIC, wire, force=True))
            return state

        monkeypatch.setattr(NicState, "read", late)
        with pytest.raises(BenchError, match=rf"RIG-N18 .* is in the bench of pid {os.getpid()}"):
            machine.run(lambda: BorrowedNic(NIC, second, force=True))
        file = next(Path(os.environ["RIG_STATE_DIR"]).iterdir())
        assert json.loads(file.read_text())["nic"]["addresses"]
        firsts[0].give_back()
        assert not file.exists()


@pytest.mark.parametrize(
    "damage",
    [
        {"name": 5},
        {"name": ""},
        {"addresses": ["zz"]},
        {"addresses": [""]},
        {"routes": ["00"]},
        {"mtu": "big"},
        {"mtu": 1 << 40},
        {"settings": [1]},
        {"altnames": None},
    ],
    ids=str,
)
def test_a_damaged_file_is_told_with_its_remedy(machine: Namespace, damage: dict[str, Any]) -> None:
    def leave() -> Path:
        file = borrowed_nic._write(NicState.read(NIC))
        table = json.loads(file.read_text())
        file.write_text(json.dumps(table | {"born": "0", "nic": table["nic"] | damage}))
        return file

    file = machine.run(leave)
    with pytest.raises(BenchError, match=rf"RIG-N16 .*cannot be put back: (?s:.*)rm {file}"):
        machine.run(restore_left)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "", "{}", "none of ours"], ids=["brackets", "nothing", "an empty object", "words"]
)
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_put_back(machine: Namespace, text: str) -> None:
    def leave() -> Path:
        file = borrowed_nic._write(NicState.read(NIC))
        file.write_text(json.dumps(json.loads(file.read_text()) | {"born": "0"}))
        damaged = file.with_name(file.name.replace(NIC, "nic00"))
        damaged.write_text(text)
        return damaged

    damaged = machine.run(leave)
    doctor = machine_rig(machine, "doctor", "--restore")
    assert doctor.returncode == 6
    assert f"RIG-N17 an interface may be bare: what a run left in {damaged} cannot be read" in doctor.stderr
    assert f"rm {damaged}" in doctor.stderr
    assert [left.file for left in machine.run(left_behind)] == [damaged]
    with Namespace("another") as another:
        assert another.run(left_behind) == []


@pytest.mark.parametrize("failing", ["NicState.read", "refuse_in_use", "_write", "os.open"])
def test_what_is_refused_half_way_leaves_no_descriptor_and_no_file(
    machine: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with Namespace("wire") as wire:
        machine.run(lambda: BorrowedNic(NIC, wire, force=True)).give_back()  # imports and caches are open now
        before = open_files()
        with monkeypatch.context() as broken:
            broken.setattr(f"rig.net.borrowed_nic.{failing}", fail)
            with pytest.raises((BenchError, OSError), match="Too many open files"):
                machine.run(lambda: BorrowedNic(NIC, wire))
        assert open_files() == before
    assert list(tmp_path.glob("state/*")) == []
    assert not borrowed_nic._held


def hold(machine: Namespace) -> subprocess.Popen[str]:
    """A process that has the NIC in a bench."""
    argv = [*machine.enter_command(), sys.executable, "-c", "import signal, rig.cli as c\nsignal.signal(15, c._interrupt)" + HOLD]
    environment, pipe, nowhere = {**os.environ, "PYTHONPATH": str(ROOT)}, subprocess.PIPE, subprocess.DEVNULL
    run = subprocess.Popen(argv, stdout=pipe, stderr=nowhere, text=True, pass_fds=[machine.fd], env=environment)
    assert run.stdout is not None
    run.wire_fd = int(run.stdout.readline())  # type: ignore[attr-defined]
    return run


def wire_fd(run: subprocess.Popen[str]) -> int:
    fd: int = run.wire_fd  # type: ignore[attr-defined]
    return fd


def machine_rig(machine: Namespace, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [*machine.enter_command(), sys.executable, "-m", "rig", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, capture_output=True, text=True, pass_fds=[machine.fd], env=environment, check=False, timeout=60)
