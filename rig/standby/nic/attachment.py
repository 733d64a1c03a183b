"""The device as this host's: attached, on the bench's clock, with what it answers for the host."""

from __future__ import annotations

from dataclasses import replace

from rig.device.numbers import SlotFlag
from rig.device.offload import OffloadClient
from rig.device.offload_types import Capabilities
from rig.device.payload import UNSAID_TOKENS_BYTES
from rig.standby.nic.protocol_offloads import ProtocolOffloads
from rig.standby.nic.settings import DriverSettings
from rig.standby.nic.tcp_slots import OWNER, PeersWord, TcpSlots, nothing_seen

LEASE_WAKE_PERCENT = 90
"""The host wakes when so much of its lease is over: what is left bears a slow line and a failed entry."""

YIELD_MS = 4000
"""Real time: more than AHEAD_US of wake.py and what host awake takes with all its repetitions on a line that loses bytes. Behind
a host that has died over its wake the device speaks again."""


class Attachment:
    """`boot_id` and `epoch`: of the last attach, 0 before the first."""

    def __init__(
        self, device: OffloadClient, settings: DriverSettings, offloads: ProtocolOffloads, flow_label_of: PeersWord
    ) -> None:
        self._device = device
        self._settings = settings
        self._offloads = offloads
        self._flow_label_of = flow_label_of
        self.boot_id = 0
        self.epoch = 0
        self.yield_ms = 0
        """That it is asked to yield the wire for; 0: it cannot."""
        self._can: Capabilities | None = None

    def attach(self) -> None:
        """Nothing of before is on the device afterwards. Raises BenchError."""
        attached = self._device.attach(OWNER, self._settings.lease_ms)
        self.boot_id, self.epoch = attached.boot_id, attached.epoch
        self.learn()
        self._device.set_clock_scale(self._settings.minute_us)
        self._offloads.forget()
        self._offloads.refresh()

    def learn(self) -> None:
        """What the device can: another image may run since. Raises BenchError."""
        self._can = can = self._device.capabilities()
        self.yield_ms = YIELD_MS if can.yield_max_ms >= YIELD_MS else 0

    def as_the_device_takes(self, slots: TcpSlots) -> TcpSlots:
        """Where the device knows flow labels they are given to it, and whose announcements to follow; of tokens no more than it
        has room for."""
        can = self._can
        assert can is not None, "it has been learnt"
        known = can.slot_flags or SlotFlag(0)
        return replace(
            slots,
            flow_label_of=self._flow_label_of if SlotFlag.FLOW_LABEL in known else nothing_seen,
            learn_next_hop=self._settings.learn_next_hop and (can.slot_flags is None or SlotFlag.LEARN_NEXT_HOP in known),
            token_bytes=UNSAID_TOKENS_BYTES if can.token_bytes is None else can.token_bytes,
        )

    def wake_timer_ms(self, wanted_ms: int) -> int:
        """No sleep is longer than the lease bears. `wanted_ms` 0: no wish."""
        longest_ms = self._settings.lease_ms * LEASE_WAKE_PERCENT // 100
        return min(wanted_ms, longest_ms) if wanted_ms else longest_ms
