"""What this machine can do for the rig, what it lacks, and the command that mends each lack."""

from __future__ import annotations

import contextlib
import importlib.metadata as metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rig import open_files
from rig.device import bpf, signing_key
from rig.device.images import firmware, images_root, listed
from rig.device.port import is_built_in, visible_ports
from rig.errors import BenchError, RigError
from rig.net.device_port import TUN
from rig.peers import ftp, nginx, program
from rig.peers.program import MIRROR

State = Literal["ok", "warn", "no"]

NATIVE, QEMU, BOARD, BUILD = "run native", "run qemu", "run a board", "build firmware"
ABILITIES = (NATIVE, QEMU, BOARD, BUILD)
MAIN_JOB = NATIVE
"""What `make run` does."""

DISTRIBUTIONS = (
    *("cbor2", "imgtool", "jinja2", "pyroute2", "pyserial", "pytest"),
    *("python-pcapng", "rich", "scapy", "smp", "tabulate", "typer"),
)
MISSING_FEATURE = "boot a kernel with this feature, or load its module as root: modprobe {}"
PROBE_TIMEOUT_S = 20.0
SOCKETS = 10_000
"""That a host's broker can have."""


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    name: str
    state: State
    reason: str
    fix: str = ""
    needed_for: tuple[str, ...] = ()
    """Abilities that are gone unless `state` is "ok"."""


def examine() -> list[Check]:
    """All checks. Takes about a second; changes nothing."""
    return [*_python(), *_kernel(), *_tools(), *_firmware(), _signing_key(), *_serial(), *_nic()]


def abilities(checks: Iterable[Check]) -> dict[str, list[str]]:
    """Each ability to the names of the checks that stand in its way; an empty list: it can be used."""
    failed = [check for check in checks if check.state != "ok"]
    return {ability: [check.name for check in failed if ability in check.needed_for] for ability in ABILITIES}


# -- python ------------------------------------------------------------------------------------------------------------


def _python() -> list[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    missing = [name for name in DISTRIBUTIONS if not _installed(name)]
    checks = [Check("Python", "ok", version), _dependencies(missing)]
    if _installed("pyserial-labgrid"):
        reason = "pyserial-labgrid has overwritten pyserial's files"
        checks.append(
            Check("pyserial", "no", reason, "pip uninstall pyserial-labgrid && pip install --force-reinstall pyserial", ABILITIES)
        )
    return checks


def _dependencies(missing: list[str]) -> Check:
    if missing:
        return Check("Python packages", "no", f"missing: {', '.join(missing)}", "make", ABILITIES)
    return Check("Python packages", "ok", f"{len(DISTRIBUTIONS)} found")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


# -- kernel ------------------------------------------------------------------------------------------------------------


def _kernel() -> list[Check]:
    found = probe_kernel()
    every = (NATIVE, QEMU, BOARD)
    checks = [_privileges(found.get("namespaces", "the probe gave no answer"))]
    for name, module in (("veth", "veth"), ("bridge", "bridge"), ("AF_PACKET", "af_packet"), ("TCP_REPAIR", "")):
        if name in found:
            fix = MISSING_FEATURE.format(module) if module else "boot a kernel with CONFIG_CHECKPOINT_RESTORE"
            checks.append(_feature(name, found[name], fix, every))
    if "PID namespaces" in found:
        reason, _, fix = found["PID namespaces"].partition("\n")
        checks.append(_feature("PID namespaces", reason, fix, every))
    return [*checks, _tap(found), *_nat(found), *_shaping(found), _open_files()]


def probe_kernel() -> dict[str, str]:
    """See rig.kernel_probe; runs it in a process of its own."""
    argv = [sys.executable, "-m", "rig.kernel_probe"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return {"namespaces": f"the probe failed: {error}"}
    return found


def _open_files() -> Check:
    """Only very many brokered sockets need them."""
    hard = open_files.hard_limit()
    many = f"{hard:,} in a process"
    if hard < SOCKETS + open_files.RESERVED:
        return Check("open files", "warn", f"{many}: a host's broker has room for fewer than {SOCKETS:,} sockets", open_files.FIX)
    return Check("open files", "ok", many)


def _privileges(refused: str) -> Check:
    reason, _, fix = refused.partition("\n")
    if refused:
        return Check("namespaces", "no", reason, fix or "sudo rig ...", (NATIVE, QEMU, BOARD))
    how = "as root" if os.geteuid() == 0 else "in a user namespace of your own"
    return Check("namespaces", "ok", how)


def _feature(name: str, refused: str, fix: str, needed_for: tuple[str, ...]) -> Check:
    return Check(name, "no", refused, fix, needed_for) if refused else Check(name, "ok", "works")


def _tap(found: dict[str, str]) -> Check:
    refused = found.get("tun node") or found.get("tap", "")
    if not refused:
        return Check("TAP", "ok", "/dev/net/tun works")
    return Check("TAP", "no", refused, _tap_fix(), (QEMU,))


def _tap_fix() -> str:
    sudo = "sudo " if os.geteuid() else ""
    if not TUN.exists():
        made = f"{sudo}mkdir -p {TUN.parent} && {sudo}mknod {TUN} c 10 200"
        return f"{made} && sudo chmod 0666 {TUN}" if sudo else made
    return f"sudo rig ... (or: sudo chmod 0666 {TUN})" if sudo else "modprobe tun"


def _nat(found: dict[str, str]) -> list[Check]:
    """Only topologies with a NAT need it; nothing to say where namespaces cannot be tried."""
    reason, _, fix = found.get("NAT", "").partition("\n")
    if reason:
        return [Check("NAT", "warn", reason, fix)]
    return [Check("NAT", "ok", "connection tracking and nftables work")] if "NAT" in found else []


def _shaping(found: dict[str, str]) -> list[Check]:
    """Of cables, for bench.wire and topologies that lose frames or keep them: without netem a process of the rig does it."""
    if "netem" not in found:
        return []
    how = "a process of the rig shapes cables: this kernel has no netem" if found["netem"] else "netem shapes cables"
    return [Check("shaped cables", "ok", how)]


# -- tools and firmware ------------------------------------------------------------------------------------------------


def _tools() -> list[Check]:
    return [
        _tool("C compiler", ("cc", "gcc", "clang"), "apt install gcc libc6-dev", (BUILD,)),
        _tool("make", ("make",), "apt install make", (BUILD,)),
        _tool("ARM compiler", ("arm-none-eabi-gcc",), "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi", (BUILD,)),
        _tool("QEMU", ("qemu-system-arm",), "apt install qemu-system-arm", (QEMU,)),
        _tool("setpriv", ("setpriv",), "apt install util-linux", (QEMU,)),
        _libpcap(),
        _peer(nginx.COMMAND, nginx.PACKAGE),
        _peer(ftp.COMMAND, ftp.PACKAGE),
        _peer(MIRROR, MIRROR),
    ]


def _peer(command: str, package: str) -> Check:
    """Only tests with that peer need it, and are skipped without."""
    try:
        return Check(command, "ok", program.find(command, package))
    except BenchError as error:
        return Check(command, "warn", error.cause, error.fix)


def _libpcap() -> Check:
    """Only filter expressions need it."""
    try:
        bpf.libpcap()
    except BenchError as error:
        return Check("libpcap", "warn", error.cause, error.fix)
    return Check("libpcap", "ok", bpf.LIBRARY)


def _tool(name: str, programs: tuple[str, ...], fix: str, needed_for: tuple[str, ...]) -> Check:
    found = next((path for program in programs if (path := shutil.which(program))), None)
    if found is None:
        return Check(name, "no", f"{programs[0]} is not installed", fix, needed_for)
    return Check(name, "ok", f"{found}: {_first_line([found, '--version'])}")


def _first_line(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return done.stdout.partition("\n")[0]


def _firmware() -> list[Check]:
    """Of every device that there is firmware for; those that everybody runs also when it is not built."""
    needed = {"native": (NATIVE,), "qemu": (QEMU,)}
    names = list(needed)
    with contextlib.suppress(RigError):  # of a broken list each device's own row tells
        names += listed()
    return [_image(name, needed.get(name, ())) for name in dict.fromkeys(names)]


def _image(name: str, needed_for: tuple[str, ...]) -> Check:
    try:
        built = firmware(name)
    except RigError as error:
        return Check(f"{name} firmware", "no", error.cause, error.fix, needed_for)
    return Check(f"{name} firmware", "ok", f"{built.version or 'unknown version'} in {images_root()}")


def _signing_key() -> Check:
    try:
        key = signing_key.path()
        there = key.exists()
    except (BenchError, OSError) as error:
        return Check("signing key", "no", str(error).partition("\n")[0], "rig help signing-key", (BUILD,))
    if not there:
        if os.environ.get("RIG_SIGNING_KEY"):
            return Check(
                "signing key", "no", f"RIG_SIGNING_KEY names {key}, which does not exist", "rig help signing-key", (BUILD,)
            )
        return Check("signing key", "ok", f"none yet: the first build makes {key}")
    try:
        reason = f"{signing_key.fingerprint(key)} in {key}"
    except Exception as error:  # imgtool raises what its parsers do
        return Check("signing key", "no", f"{key} is no key to sign with: {error}", "rig help signing-key", (BUILD,))
    if signing_key.readable_by_others(key):
        return Check("signing key", "warn", f"others can read {key}", f"chmod 600 {key}")
    return Check("signing key", "ok", reason)


# -- serial ------------------------------------------------------------------------------------------------------------


def _serial() -> list[Check]:
    ports = visible_ports()
    if not ports:
        return [Check("serial ports", "warn", "no board is connected", "connect one, then: rig devices", (BOARD,))]
    if all(map(is_built_in, ports)):
        reason = f"only the machine's own, {', '.join(ports)}: nothing tells of a board there"
        return [Check("serial ports", "warn", reason, "connect a board by USB, or ask who answers: rig devices", (BOARD,))]
    closed = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        fix = "sudo usermod -aG dialout $USER, then log in again"
        return [Check("serial ports", "no", f"no permission on {', '.join(closed)}", fix, (BOARD,))]
    return [Check("serial ports", "ok", ", ".join(ports))]


def _nic() -> list[Check]:
    """Nothing to say where no killed run with a board left an interface bare."""
    from rig.net.borrowed_nic import left_behind

    left = "; ".join(map(str, left_behind()))
    return [Check("board's NIC", "no", left, "as root: rig doctor --restore", (BOARD,))] if left else []
