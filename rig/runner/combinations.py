"""Which devices and topologies a test runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rig.config import DEVICE_KINDS
from rig.device.images import NOT_BUILT, kind_of, listed, no_such_device
from rig.errors import BenchError, UsageError

if TYPE_CHECKING:
    from rig.config import BenchConfig


ASKED: pytest.StashKey[list[str]] = pytest.StashKey()
"""Set on a session's config here: its devices."""


@dataclass(frozen=True)
class Combination:
    """One combination; `id` is what stands in the test's name."""

    device: str
    topology: str

    @property
    def id(self) -> str:
        return f"{self.device.replace('/', '_')}-{Path(self.topology).stem}"


def combinations(config: pytest.Config, needed: Sequence[Sequence[str]] = ()) -> list[Combination]:
    """Every device with every topology; `needed` are the arguments of the test's topology marks, which win over --topology."""
    topologies = [name for names in needed for name in names] or words_of_topologies(config)
    return [Combination(device, topology) for device in asked_devices(config) for topology in topologies]


def asked_devices(config: pytest.Config) -> list[str]:
    """Those of --device, else the one of --bench-config, else native. Looked for once: each test function of a session asks."""
    if ASKED not in config.stash:
        config.stash[ASKED] = devices(words_of_devices(config))
    return config.stash[ASKED]


def words_of_devices(config: pytest.Config) -> list[str]:
    """The same, with `auto` as it stands."""
    return config.getoption("rig_device") or [base(config).device]


def words_of_topologies(config: pytest.Config) -> list[str]:
    """Those of --topology, else the one of --bench-config, else flat."""
    return config.getoption("rig_topology") or [base(config).topology]


def base(config: pytest.Config) -> BenchConfig:
    """What --bench-config says, else the defaults; --profile wins. Raises UsageError RIG-C01."""
    from rig.config import BenchConfig, load

    file, profile = config.getoption("rig_bench_config"), config.getoption("rig_profile")
    found = load(file) if file else BenchConfig()
    return replace(found, standby=replace(found.standby, profile=profile)) if profile else found


def devices(asked: Sequence[str]) -> list[str]:
    """The devices meant by words of --device; `auto` is those without a variant that the build has and this machine can run."""
    found: list[str] = []
    for name in asked:
        found += _auto() if name == "auto" else [name]
    return list(dict.fromkeys(found))


def check(device: str) -> None:
    """Raise when this machine cannot run the device: RIG-C10 unknown kind, RIG-T01 no QEMU, RIG-N03 no TAP."""
    if check_word(device) == "qemu":
        _check_qemu()


def check_word(device: str) -> str:
    """The kind that a word of --device names, whether it runs here or not. Raises RIG-C10."""
    kind, rows = kind_of(device), listed()
    if kind not in DEVICE_KINDS or (kind not in NOT_BUILT and rows and device not in rows):
        raise no_such_device(device)
    return kind


def boards(asked: Sequence[str]) -> list[str]:
    """Those among the words of --device."""
    return [device for device in asked if kind_of(device) == "board"]


def refuse_board_in_workers(asked: Sequence[str]) -> None:
    """Raise UsageError RIG-C16 for a board with -n: there is one, so its tests run one after the other."""
    for device in boards(asked):
        cause = f"{device} is one board: its tests run one after the other, not -n at a time"
        raise UsageError("RIG-C16", cause, "leave -n out, or run native and qemu with -n and the board by itself")


def left_out() -> dict[str, BenchError]:
    """The devices that `auto` leaves out on this machine, each with what it lacks."""
    try:
        _check_qemu()
    except BenchError as lack:
        return {"qemu": lack}
    return {}


def insist_on_auto(asked: Sequence[str], *, strict: bool) -> None:
    """Raise BenchError RIG-R13 when `auto` leaves a device out and nobody would look: with --strict, or with CI=true."""
    in_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    if "auto" in asked and (strict or in_ci):
        for name, lack in left_out().items():
            because = "--strict" if strict else "CI is set"
            raise BenchError(
                "RIG-R13", f"--device auto would leave out {name}, and {because}: {lack.cause}", f"{lack.fix}; or --device native"
            )


def _auto() -> list[str]:
    built = [name for name in listed() if ":" not in name] or ["native"]  # nothing is: native says so
    return [name for name in built if name not in left_out()]


def _check_qemu() -> None:
    if shutil.which("qemu-system-arm") is None:
        raise BenchError("RIG-T01", "qemu-system-arm is not installed", "apt-get install -y qemu-system-arm")
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        cause = f"no TAP interface can be made: /dev/net/tun: {error.strerror}"
        raise BenchError("RIG-N03", cause, "use --device native, or: modprobe tun && chmod 0666 /dev/net/tun") from error
