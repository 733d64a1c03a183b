"""What it promises (section 6 of the contract), and the numbers of its messages."""

from __future__ import annotations

from rig.device.contract import MINIMUM, MINIMUM_FLAGS, MINIMUM_PATTERNS
from rig.device.numbers import WakeReason

SLOTS, PATTERNS = MINIMUM["MaxTcpSlots"], MINIMUM["NumTotalWoLPatterns"]
PATTERN_BYTES, MAX_OFFSET = MINIMUM["MaxWoLPatternSize"], MINIMUM["MaxWoLPatternOffset"]
FRAMES = 1 + MINIMUM["BufferedFrames"]
"""The waking one and those behind it."""
SAVED_BYTES = MINIMUM["MaxWoLPacketSaveBuffer"]
EVENT_FRAME_BYTES = 200
"""A waking frame up to this comes with its event."""
EVENTS = 8
MESSAGE_BYTES = 2048
KA_MIN_MS, KA_MAX_MS = 10, 86_400_000
CHALLENGES_A_SECOND, ANSWERS_A_SECOND = 10, 50

CAPABILITIES = {
    "mtu": MINIMUM["mtu"],
    "ka_max_ms": KA_MAX_MS,
    "ka_min_ms": KA_MIN_MS,
    "ns_flags": 0,
    "slot_flags": int(MINIMUM_FLAGS),
    "MaxTcpSlots": SLOTS,
    "max_message": MESSAGE_BYTES,
    "program_ops": 0,
    "token_bytes": 0,
    "offload_count": 0,
    "timer_res_us": 1000,
    "offload_types": 0,
    "pattern_types": sum(1 << kind for kind in MINIMUM_PATTERNS),
    "BufferedFrames": FRAMES - 1,
    "MaxWoLPatternSize": PATTERN_BYTES,
    "MinWoLPatternSize": 1,
    "MaxWoLPatternOffset": MAX_OFFSET,
    "NumTotalWoLPatterns": PATTERNS,
    "SupportedWakeUpEvents": 0,
    "MaxWoLPacketSaveBuffer": SAVED_BYTES,
    "SupportedProtocolOffloads": 0,
    "NumArpOffloadIPv4Addresses": 0,
    "SupportedWoLPacketPatterns": 0x1 | 0x2,
}

COUNTERS = """
rx_total rx_bad_len rx_bad_ip_csum rx_bad_l4_csum rx_not_us rx_vlan_drop rx_frag rx_offload_answered rx_slot_consumed rx_wake
rx_buffered rx_dropped_policy rx_overflow wake_packet wake_tcp_data wake_tcp_fin wake_tcp_rst wake_ka_timeout wake_host_timer
wake_unparseable wake_buffer_full wake_while_prepare wake_suppressed events_lost ka_tx ka_rx_ack ka_timeout lease_expired
peer_ka_answered zero_window_answered rst_in_window rst_out_of_window rst_challenged syn_challenged ack_invalid
tcp_out_of_window tcp_bad_flags tcp_no_ts paws_drop dup_data_acked ack_rate_limited tx_frames tx_busy_retry
""".split()
"""Those that it has: the first thirteen are what a frame can end in, and their sum."""
WAKE_COUNTERS = {WakeReason.UNPARSEABLE_IN_SLOT: "wake_unparseable"}
"""The others have their reason's name."""
