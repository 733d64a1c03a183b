"""What a report must say about the run: versions, images, machine, commit, command line."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import rig
from rig.clock import Clock
from rig.config import BenchConfig, StandbyConfig
from rig.device.image import load
from rig.device.images import kind_of, listed
from rig.errors import RigError


def collect(devices: list[str], topologies: list[str], config: BenchConfig) -> dict[str, Any]:
    """The facts, each a short text; what cannot be found out is left out."""
    facts = {
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "host": platform.node(),
        "devices": ", ".join(devices),
        "board": _board(devices, config),
        "topologies": ", ".join(topologies),
        "profile": config.standby.profile,
        "bench config": _settings(config),
        "rig": rig.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}",
        "qemu": _first_line("qemu-system-arm", "--version") if "qemu" in map(kind_of, devices) else "",
        **{name: _version(name) for name in ("scapy", "pyroute2", "pytest", "smp")},
        **_images(devices),
    }
    return {name: value for name, value in facts.items() if value}


def _board(devices: list[str], config: BenchConfig) -> str:
    """Which board on which port and NIC: its USB description and serial number, where the port has one."""
    named = [name.partition(":")[2] or config.port for name in devices if name.partition(":")[0] == "board"]
    if not named:
        return ""
    from serial.tools.list_ports import comports

    known = {os.path.realpath(port.device): port for port in comports()}
    texts = []
    for path in named:
        port = known.get(os.path.realpath(path))
        words = [port.manufacturer, port.product, port.serial_number and f"serial number {port.serial_number}"] if port else []
        texts.append(" ".join([f"{path}:" if any(words) else path, *(word for word in words if word)]))
    return ", ".join(texts) + (f"; nic {config.nic}" if config.nic else "")


def _digest(path: Path) -> str:
    try:
        return load(path).digest.hex()[:12]
    except RigError:
        return "damaged"


def _settings(config: BenchConfig) -> str:
    """What --bench-config says other than the defaults."""
    parts = (("bench", config, BenchConfig()), ("clock", config.clock, Clock()), ("standby", config.standby, StandbyConfig()))
    return ", ".join(
        f"{section}.{field.name} = {value!r}"
        for section, ours, default in parts
        for field in fields(ours)
        if not is_dataclass(value := getattr(ours, field.name)) and value != getattr(default, field.name)
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.partition("\n")[0].strip()


def _commit() -> str:
    """The commit of the checkout that the rig runs from, marked when files differ from it."""
    if shutil.which("git") is None:
        return ""
    root = Path(rig.__file__).parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip()


def _images(devices: list[str]) -> dict[str, str]:
    """What was built for each device that was asked for: version, and digest as `rig flash`, `rig monitor` and other SMP clients
    show it. What it says itself takes its place once it was met."""
    found = {}
    for name, row in listed().items():
        if name not in devices:
            continue
        if row.signed is None:
            found[f"firmware {name}"] = row.version
        elif row.signed.is_file():
            found[f"firmware {name}"] = f"{row.version}, image {_digest(row.signed)}"
    return found
