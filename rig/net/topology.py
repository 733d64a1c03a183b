"""A topology: which machines there are, read from a TOML file.

    name = "flat"                        optional, the file's name otherwise
    description = "one sentence"         optional
    [wire]                               optional
    bridge = "br0"
    far_bridge = "br1"
    [hosts.NAME]                         NAME is also the namespace's name
    role = "host" | "server" | "peer" | "router"
                                         one host, at least one server, any number of peers and routers
    mac = "02:00:00:00:01:10"            locally administered, so that it can never be a real NIC's
    ipv4 = "192.0.2.10/24"               at least one of the two
    ipv6 = "2001:db8:0:1::10/64"
    [hosts.NAME.cable]                   optional, not of the host: what its cable does to frames, each way
    loss_percent = 1.5                   by chance
    delay_ms = 40
    jitter_ms = 10                       the delay is as much shorter or longer
    rate_kbit = 2000                     it carries so much a second
    [hosts.NAME.far]                     a router's leg in the network behind it: mac, ipv4, ipv6
    [hosts.NAME.nat]                     optional: the router translates the host's IPv4 addresses to its far one
    established_s = 2                    how long it remembers an idle connection, seconds
    forgotten = "remap" | "drop"         what it does with a segment of a connection that it has forgotten

A machine sits where its addresses belong: on the host's bridge, or on the one behind the routers. The first router is the
host's gateway and that of the machines behind it. Bad files raise UsageError RIG-C01 that names file, line and key.
"""

from __future__ import annotations

from pathlib import Path

from rig.errors import UsageError
from rig.net.machines import Topology
from rig.net.topology_file import Reader


def load(name_or_path: str | Path) -> Topology:
    """Read a topology by name ("flat") or path. Raises UsageError RIG-C01 (file, line and key) or RIG-C03 (not found)."""
    return Reader(find(name_or_path)).topology()


def find(name_or_path: str | Path) -> Path:
    """A path as given, else ./netns/NAME.toml, the checkout's netns/, the packaged copy. UsageError RIG-C03 if none."""
    given = Path(name_or_path)
    if given.suffix == ".toml" or given.parent != Path():
        candidates = [given]
    else:
        candidates = [folder / f"{given.name}.toml" for folder in _folders()]
    for path in candidates:
        if path.is_file():
            return path
    raise UsageError(
        "RIG-C03", f"no topology {str(name_or_path)!r}", f"use one of {', '.join(names())}, or the path of a TOML file"
    )


def names() -> list[str]:
    """Of the topologies that need no path."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def _folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    return [Path("netns"), package.parent / "netns", package / "_netns"]
