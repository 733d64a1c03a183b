"""What a right device does with one segment, and by which text."""

from __future__ import annotations

from dataclasses import dataclass

from rig.device.numbers import WakeReason


@dataclass(frozen=True)
class Outcome:
    """`free`: the texts leave a choice; this is the project's own, and no other device is held against it."""

    text: str
    """"RFC 5961 3.2: a reset at RCV.NXT": shown when a device does something else."""
    wake: WakeReason = WakeReason.NONE
    answered: bool = False
    """With <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, within the limit of so many a second."""
    challenge: bool = False
    """Of the answer: at most 10 a second of these, not 50 (contract, section 4)."""
    counters: tuple[str, ...] = ()
    """Each one more, beside `ends_in`."""
    ends_in: str = "rx_slot_consumed"
    free: bool = False
