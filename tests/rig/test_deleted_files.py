"""The folder of a bench's files is deleted under it: it says so in words, and is torn down all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.errors import BenchError
from rig.net import userns
from tests.left_behind import namespace_mounts

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")


def test_the_rest_is_torn_down(tmp_path: Path) -> None:
    mounts, artefacts = namespace_mounts(), tmp_path / "artefacts"
    bench = Bench(BenchConfig(), artefacts)
    with bench:
        supervisor = bench.host.supervisor_pid
        shutil.rmtree(artefacts)
        bench.host.enter_standby()
        bench.host.exit_standby()
        with pytest.raises(BenchError, match=r"RIG-T03 the files of a test in .*artefacts could not be written") as caught:
            bench.__exit__()
    assert "No such file or directory" in caught.value.cause
    assert "nobody but rig may change" in caught.value.fix
    assert not Path(f"/proc/{supervisor}").exists()
    assert namespace_mounts() == mounts
    with Bench(BenchConfig(), artefacts) as bench:
        assert bench.host.link_stats()
