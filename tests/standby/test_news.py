"""What the bench knows of the host's processes: their pids, which its tests signal."""

from __future__ import annotations

import pytest

from rig.clock import Deadline
from rig.standby.news import HostGone, News
from rig.standby.wire import supervision
from rig.standby.wire.line import Line, pair


@pytest.mark.parametrize("said_in_time", [True, False], ids=["said in time", "gone before"])
@pytest.mark.parametrize("companion", [None, supervision.DRIVER])
def test_a_pid_that_is_not_known_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, companion: str | None, said_in_time: bool
) -> None:
    """A system may answer before its supervisor came to say that it has been started: 0 would be the test's own process group."""
    ours, theirs = pair()
    line: Line[supervision.ToBench] = Line(theirs, supervision.ToBench)

    def said_late(_deadline: object) -> None:
        if said_in_time:
            started = supervision.SystemStarted(1, 4711), supervision.CompanionStarted(supervision.DRIVER, 4712)
            line.send_notice(started[companion is not None])
        else:
            line.close()

    monkeypatch.setattr(Deadline, "pause", said_late)
    heard = News(ours)
    if said_in_time:
        assert heard.known_pid(companion) == (4711 if companion is None else 4712)
        line.close()
    else:
        with pytest.raises(HostGone):
            heard.known_pid(companion)
    heard.close()
