"""What a control channel counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stats:
    """Counts since the link was opened."""

    requests: int = 0
    retries: int = 0
    replies: int = 0
    unmatched: int = 0
    """Replies that nobody waits for any more: late, doubled, or to another program."""
    bad_replies: int = 0
    """Frames with a right CRC that are no SMP reply."""
    bad_frames: int = 0
    events: int = 0
    repeated_events: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    text_lines: int = 0
    text_bytes: int = 0
