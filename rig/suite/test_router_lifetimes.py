"""A host that sleeps for longer than its router's lifetime keeps its default route, as long as the router goes on advertising.

The judge is the host's kernel, whose clock is real: it counts the lifetime of what it has heard itself, and looks up a route.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether

from rig.clock import Deadline
from rig.device.numbers import NsFlag, OffloadType
from rig.inject.frames import pad
from rig.inject.injector import Injector
from rig.net import links
from rig.net.namespace import Namespace
from rig.suite.scene import Scene

pytestmark = [pytest.mark.topology("dual-stack"), pytest.mark.edge(88), pytest.mark.limit_s(120)]

LIFETIME_S = 6
EVERY_S = 0.3
"""Of the last sixth of a lifetime a busy machine has all but this to be late with: the device wakes for the first word in it."""
SLEEP_S = 2 * LIFETIME_S
LOOK_EVERY_S = 0.05
FAR_AWAY = "2001:db8:ffff::1"
WAKES_MOST = SLEEP_S // (LIFETIME_S * 5 / 6) + 1
"""One in five sixths of a lifetime, and one that the beginning of the sleep may have been due to anyway."""


class Router:
    """Advertises itself from a namespace's interface until it is told to stop. `parts`: prefixes, an advertisement for each."""

    def __init__(self, namespace: Namespace, mac: str, parts: int) -> None:
        self._frames = [_advertisement(mac, f"2001:db8:{part + 0x100:x}::") for part in range(parts)]
        self._injector = Injector.on(namespace)
        self._silent = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="router", daemon=True)
        self.said = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._silent.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        self.stop()
        self._injector.close()

    def _speak(self) -> None:
        while True:
            for frame in self._frames:
                self._injector.send(frame)
            self.said += 1
            if self._silent.wait(EVERY_S):
                return


def _advertisement(mac: str, prefix: str) -> bytes:
    packet = Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::7", dst="ff02::1", hlim=255)
    option = ICMPv6NDOptPrefixInfo(
        prefix=prefix, prefixlen=64, A=0, validlifetime=LIFETIME_S, preferredlifetime=LIFETIME_S
    )  # fmt: skip
    return pad(bytes(packet / ICMPv6ND_RA(routerlifetime=LIFETIME_S) / option))


def has_default_route(scene: Scene) -> bool:
    """A lookup, as the table also lists routes whose time is over."""

    def look() -> bool:
        with links.rtnetlink() as route:
            try:
                return bool(route.route("get", dst=FAR_AWAY, family=socket.AF_INET6))
            except NetlinkError:
                return False

    return scene.bench.network.host.run(look)


def wait_for_route(scene: Scene, there: bool, timeout_s: float) -> None:
    deadline = Deadline(timeout_s)
    while has_default_route(scene) is not there:
        assert not deadline.expired, f"the default route is {'not there' if there else 'still there'} after {timeout_s} s"
        time.sleep(LOOK_EVERY_S)


@pytest.fixture
def parts() -> int:
    """Advertisements that the router's prefixes are split over (RFC 4861 6.2.3). Function scope."""
    return 1


@pytest.fixture
def router(scene: Scene, parts: int) -> Iterator[Router]:
    """Speaks, and the host's kernel has heard it; the device knows that the host listens. Function scope."""
    network = scene.bench.network
    network.host.run(partial(links.set_sysctl, "net/ipv6/conf/eth0/accept_ra", 1))
    scene.sleep()
    scene.host.exit_standby()
    assert not has_default_route(scene)
    opened = Router(network.namespaces["peer"], network.topology.hosts["peer"].mac, parts)
    try:
        opened.start()
        wait_for_route(scene, there=True, timeout_s=20)
        yield opened
    finally:
        opened.close()


def router_wakes(scene: Scene, after: int) -> int:
    wakes = [wake.reason for wake in scene.timeline.find("NIC_WAKE", after=after)]
    assert set(wakes) <= {"ROUTER_CHANGED"}
    return len(wakes)


@pytest.mark.parametrize("parts", [1, 2], ids=["one advertisement", "prefixes split over two"])
@pytest.mark.device_can(ns_flag=NsFlag.RA_WAKE)
def test_a_router_that_goes_on_advertising_stays_the_default_route(scene: Scene, router: Router, parts: int) -> None:
    """At every look, asleep or awake; with a wake in five sixths of the lifetime, not one for each advertisement."""
    after, said, deadline = scene.sleep(), router.said, Deadline(SLEEP_S)
    while not deadline.expired:
        assert has_default_route(scene), f"the route was lost {SLEEP_S - deadline.remaining_s:.1f} s after the host fell asleep"
        time.sleep(LOOK_EVERY_S)
    wakes = router_wakes(scene, after)
    assert 2 <= wakes <= WAKES_MOST
    assert router.said - said > 2 * wakes
    scene.host.exit_standby()
    assert has_default_route(scene)


def test_a_router_that_falls_silent_is_forgotten(scene: Scene, router: Router) -> None:
    """The negative control: its last word wakes once at most, and its route is gone when that is over."""
    after = scene.sleep()
    router.stop()
    wait_for_route(scene, there=False, timeout_s=3 * LIFETIME_S)
    assert router_wakes(scene, after) <= 1
    scene.host.exit_standby()
    assert not has_default_route(scene)


def test_a_device_that_does_not_watch_lets_the_route_go(scene: Scene, router: Router) -> None:
    """The negative control of the lifetime: the router speaks on, and the sleeping host hears nothing of it."""
    after = scene.sleep()
    for offload in scene.device.offloads():
        if offload.type is OffloadType.NS:
            scene.device.remove_offload(offload.id)
    said = router.said
    wait_for_route(scene, there=False, timeout_s=3 * LIFETIME_S)
    assert router_wakes(scene, after) == 0
    assert router.said > said
