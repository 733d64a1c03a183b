"""What the driver is told once, when it starts. Descriptors are inherited."""

from __future__ import annotations

from dataclasses import dataclass

from rig.mac import mac_bytes


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """Numbers only: it crosses to the driver's process as a msgpack map."""

    timeline_fd: int
    host_ns_fd: int
    wire_ns_fd: int
    port: str
    baudrate: int
    interface: str
    device_port: str
    bridge: str
    mac: str
    ipv4: str
    minute_us: int
    lease_min: int
    probe_retry_min: float
    probes: int
    learn_next_hop: bool
    tape: str = ""
    """File that gets what is said on the line (rig/device/tape.py); none if empty."""

    @property
    def local_mac(self) -> bytes:
        return mac_bytes(self.mac)

    @property
    def lease_ms(self) -> int:
        return self.lease_min * 60_000
