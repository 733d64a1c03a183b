"""Whether a device has the room that it is measured with: figures of another load would not be comparable."""

from __future__ import annotations

from rig.benchmarks.core import PATTERNS
from rig.benchmarks.wire import SLOTS
from rig.device import mcumgr
from rig.device.factory import alone
from rig.device.images import kind_of
from rig.device.link import Link
from rig.device.offload import OffloadClient
from rig.device.prepared import prepared_flash
from rig.errors import UsageError


def insist_on_room(device: str) -> None:
    """Raises UsageError RIG-C05. What has no variant's name is built with everything, and not asked."""
    if device == kind_of(device):
        return
    with alone(device, prepared_flash(device)) as running, Link(running.port) as link:
        mcumgr.wait_ready(link)
        can = OffloadClient(link).capabilities()
    if can.max_tcp_slots < SLOTS or can.max_patterns < PATTERNS:
        has = f"{device} has {can.max_tcp_slots} TCP slots and {can.max_patterns} patterns"
        fix = f"--device {kind_of(device)}; what a smaller one does right: rig run --device {device}"
        raise UsageError("RIG-C05", f"{has}, rig bench measures with {SLOTS} and {PATTERNS}", fix)
