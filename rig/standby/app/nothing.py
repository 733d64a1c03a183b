"""The task of a run that is a rehearsal."""

from __future__ import annotations

from rig.standby.api.task_instance import BackgroundTaskInstance


class Nothing:
    """Imported and made as an app's is."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        pass
