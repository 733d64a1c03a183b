"""How many protocol offloads a test needs room for: those that the host itself gives the device are there first.

@pytest.mark.device_can(offload=OffloadType.NATT, offloads=OF_FLAT_HOST + 1)
"""

from __future__ import annotations

OF_FLAT_HOST = 2
"""ARP and echo of its IPv4 address."""
OF_ADDRESSES = 6
"""Of a host with both families: ARP, NS of two addresses, and echo of all three."""
OF_HOST = OF_ADDRESSES + 2
"""And the two groups of neighbour discovery that its kernel has joined."""
