"""Carrier and addresses as the kernel has them, and its word that they changed; in namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv6Interface

import pytest

from rig.net import links
from rig.net.interface_news import InterfaceNews, InterfaceState
from rig.net.network import HOST_IFNAME, Network
from rig.readable import readable

WAIT_S = 5.0
QUIET_S = 0.05


@pytest.fixture
def news(dual_stack: Network) -> Iterator[InterfaceNews]:
    found = dual_stack.host.run(lambda: InterfaceNews(HOST_IFNAME))
    yield found
    found.close()


@contextmanager
def announced(news: InterfaceNews) -> Iterator[None]:
    news.drain()
    yield
    assert readable(news.fileno(), WAIT_S)
    news.drain()


def add(address: str) -> None:
    with links.rtnetlink() as route:
        links.add_address(route, HOST_IFNAME, IPv6Interface(address))


def remove(address: str) -> None:
    with links.rtnetlink() as route:
        found = IPv6Interface(address)
        route.addr("del", index=links.index_of(HOST_IFNAME), address=str(found.ip), prefixlen=found.network.prefixlen)


def test_the_addresses_are_those_that_lead_beyond_the_link(dual_stack: Network, news: InterfaceNews) -> None:
    host = dual_stack.topology.host
    assert set(news.read().addresses) == {host.ip4, host.ip6}, "neither loopback nor link-local ones"
    assert news.read().carrier


def test_the_cable_out_and_in_is_announced(dual_stack: Network, news: InterfaceNews) -> None:
    with announced(news):
        dual_stack.set_host_port(up=False)
    assert not news.read().carrier
    with announced(news):
        dual_stack.set_host_port(up=True)
    assert news.read().carrier


def test_an_address_that_comes_and_goes_is_announced(dual_stack: Network, news: InterfaceNews) -> None:
    with announced(news):
        dual_stack.host.run(partial(add, "2001:db8::77/64"))
    assert "2001:db8::77" in news.read().addresses
    with announced(news):
        dual_stack.host.run(partial(remove, "2001:db8::77/64"))
    assert "2001:db8::77" not in news.read().addresses


def test_the_kernel_is_asked_once_for_each_change(
    dual_stack: Network, news: InterfaceNews, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[InterfaceState] = []
    read = news.read

    def counted() -> InterfaceState:
        asked.append(read())
        return asked[-1]

    monkeypatch.setattr(news, "read", counted)
    before = news.now()
    for change, step in ((add, {"2001:db8::77"}), (remove, {"2001:db8::77"})):
        with_it = set(news.now().addresses) ^ step
        dual_stack.host.run(partial(change, "2001:db8::77/64"))
        assert readable(news.fileno(), WAIT_S)
        assert set(news.now().addresses) == with_it
    asked.clear()
    assert [news.now() for _ in range(3)] == [before] * 3
    assert not asked


def test_a_hundred_announcements_that_nobody_reads_harm_nobody(dual_stack: Network, news: InterfaceNews) -> None:
    for _ in range(100):
        dual_stack.host.run(partial(add, "2001:db8::77/64"))
        dual_stack.host.run(partial(remove, "2001:db8::77/64"))
    news.drain()
    assert not readable(news.fileno(), QUIET_S)
    assert news.read().carrier


def test_the_gate_is_no_change_of_the_hosts_link(dual_stack: Network, news: InterfaceNews) -> None:
    news.drain()
    dual_stack.gate().close()
    dual_stack.gate().open()
    assert not readable(news.fileno(), QUIET_S)
    assert news.read().carrier
