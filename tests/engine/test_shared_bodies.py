"""The bodies of rig/suite that are written against a door, on the engine as a library and in virtual time."""

from __future__ import annotations

import pytest

from rig.suite.test_sleeping_answers import *  # noqa: F403
from rig.suite.test_sleeping_datagrams import *  # noqa: F403
from rig.suite.test_sleeping_dhcp import *  # noqa: F403
from rig.suite.test_sleeping_exactly import *  # noqa: F403
from rig.suite.test_sleeping_groups import *  # noqa: F403
from rig.suite.test_sleeping_intervals import *  # noqa: F403
from rig.suite.test_sleeping_mdns import *  # noqa: F403
from rig.suite.test_sleeping_patterns import *  # noqa: F403
from rig.suite.test_sleeping_probes import *  # noqa: F403
from rig.suite.test_sleeping_routers import *  # noqa: F403
from rig.suite.test_sleeping_segments import *  # noqa: F403
from rig.suite.test_sleeping_timestamps import *  # noqa: F403
from rig.suite.test_sleeping_windows import *  # noqa: F403
from rig.suite.test_sleeping_yields import *  # noqa: F403
from tests.engine.engine_lib import Engine
from tests.engine.library_door import LibraryDoor


@pytest.fixture
def door(eng: Engine) -> LibraryDoor:
    """In place of the suite's, which is a device on a wire."""
    return LibraryDoor(eng)
