"""The contract in numbers, for who asks a device and who is one (firmware/proto/README.md).

Which rules of offload.cddl a command's request and reply satisfy, what the minimum profile has, how soon a device replies, and
how long a host may be silent. Command ids and codes are in numbers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rig.device.numbers import READ, WRITE, Command, PatternType, SlotFlag

REPLY_S = 0.3
"""From a request's last byte to its reply's first (section 7)."""
EMPTY = "empty_rsp"
"""A map of nothing."""
COUNTERS = "counters"
"""A map of names to numbers: the one reply that offload.cddl has no rule for."""


class CommandRules(NamedTuple):
    """Names of rules in offload.cddl."""

    request: str
    reply: str


RULES: Mapping[tuple[int, Command], CommandRules] = {
    (READ, Command.HELLO): CommandRules("hello_req", "hello_rsp"),
    (WRITE, Command.HELLO): CommandRules("attach_req", "attach_rsp"),
    (READ, Command.CAPABILITIES): CommandRules(EMPTY, "caps_rsp"),
    (READ, Command.TIME_SYNC): CommandRules("time_sync_req", "time_sync_rsp"),
    (READ, Command.COUNTERS): CommandRules(EMPTY, COUNTERS),
    (WRITE, Command.CLEAR_COUNTERS): CommandRules(EMPTY, EMPTY),
    (READ, Command.GET_LOG): CommandRules("get_log_req", "get_log_rsp"),
    (WRITE, Command.ADD_TCP_SLOT): CommandRules("add_tcp_slot_req", "slot_ref"),
    (WRITE, Command.REMOVE_TCP_SLOT): CommandRules("slot_ref", "slot_state_rsp"),
    (READ, Command.GET_TCP_SLOT): CommandRules("slot_ref", "slot_state_rsp"),
    (READ, Command.LIST_TCP_SLOTS): CommandRules(EMPTY, "slot_list_rsp"),
    (WRITE, Command.PAUSE_TCP_SLOT): CommandRules("slot_ref", EMPTY),
    (WRITE, Command.RESUME_TCP_SLOT): CommandRules("slot_ref", EMPTY),
    (WRITE, Command.UPDATE_TCP_SLOT): CommandRules("slot_update_req", EMPTY),
    (WRITE, Command.ADD_PATTERN): CommandRules("add_pattern_req", EMPTY),
    (WRITE, Command.REMOVE_PATTERN): CommandRules("pattern_ref", EMPTY),
    (READ, Command.LIST_PATTERNS): CommandRules(EMPTY, "pattern_list_rsp"),
    (WRITE, Command.ADD_OFFLOAD): CommandRules("add_offload_req", EMPTY),
    (WRITE, Command.REMOVE_OFFLOAD): CommandRules("offload_ref", EMPTY),
    (READ, Command.LIST_OFFLOADS): CommandRules(EMPTY, "offload_list_rsp"),
    (WRITE, Command.PREPARE): CommandRules("prepare_req", "power_rsp"),
    (WRITE, Command.COMMIT): CommandRules("epoch_req", "power_rsp"),
    (WRITE, Command.ABORT): CommandRules("epoch_req", "power_rsp"),
    (WRITE, Command.HOST_AWAKE): CommandRules("epoch_req", "power_rsp"),
    (READ, Command.DRAIN): CommandRules("drain_req", "drain_rsp"),
    (WRITE, Command.RELEASE): CommandRules(EMPTY, "release_rsp"),
    (READ, Command.STATUS): CommandRules(EMPTY, "status_rsp"),
    (READ, Command.EVENT_WAIT): CommandRules("event_wait_req", "event_rsp"),
    (WRITE, Command.FAULT_INJECT): CommandRules("fault_inject_req", EMPTY),
    (WRITE, Command.SET_CLOCK_SCALE): CommandRules("clock_scale_req", EMPTY),
}
"""Operation and command -> its rules."""

MINIMUM: Mapping[str, int] = {
    "MaxTcpSlots": 4,
    "NumTotalWoLPatterns": 8,
    "MaxWoLPatternSize": 128,
    "MaxWoLPatternOffset": 1514,
    "MaxWoLPacketSaveBuffer": 1514,
    "BufferedFrames": 8,
    "max_message": 512,
    "mtu": 1500,
}
"""Capabilities of the minimum profile, section 6."""
MINIMUM_FLAGS = (
    SlotFlag.WAKE_ON_DATA | SlotFlag.WAKE_ON_FIN | SlotFlag.WAKE_ON_RST | SlotFlag.WAKE_ON_TIMEOUT
    | SlotFlag.ANSWER_PEER_KA | SlotFlag.KEEP
)  # fmt: skip
MINIMUM_PATTERNS = (PatternType.BITMAP, PatternType.MAGIC)
KA_ALWAYS_MS = (1000, 3_600_000)
"""The shortest and the longest keep-alive interval that every device takes, section 6."""

LEASE_MIN_MS, LEASE_MAX_MS, LEASE_DEFAULT_MS = 1000, 86_400_000, 7_200_000
"""Of attach, offload.cddl; specification milliseconds."""
