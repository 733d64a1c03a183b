"""A task of completion groups that has a process of its own: what it was started with, as a fault, as it has no other way to its
test."""

from __future__ import annotations

import json

from rig.standby.api import BackgroundTaskInstance
from rig.suite.transfer_app import ended_states


class Tells:
    def run(self, instance: BackgroundTaskInstance) -> None:
        raise LookupError(json.dumps(ended_states(instance), sort_keys=True))
