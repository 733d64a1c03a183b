"""A push service as apps' servers and hosts see one: HTTP in, one long-lived line to each host out (rig/push_line.py)."""

from rig.peers.push_service.hosts import Presence
from rig.peers.push_service.priorities import Priority
from rig.peers.push_service.service import PushService

__all__ = ["Presence", "Priority", "PushService"]
