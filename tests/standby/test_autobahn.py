"""Our WebSockets against the cases of Autobahn's test suite, from a fuzzing server on the bench's server.

The suite itself runs on Python 2 alone; kosoku plays its case files, unchanged but for that. Left out are those of compression,
12 and 13: we offer none.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.peers.authority import Flaw
from rig.peers.nginx import BEHIND
from rig.peers.program import Program, free_port
from rig.suite.programs import started

pytest.importorskip("kosoku", reason="kosoku is not installed, which has Autobahn's cases; fix: make")

AGENT = "rig"
RUN_LIMIT_S = 240.0
ECHO = "tests.standby.echo_app:EchoApp"
SERVE = "from kosoku._cli import main; main()"
RULES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
LIMITS = ("9.*",)
LARGEST = ("9.1.6", "9.2.6", "9.4.4", "9.6.1")
"""16 MiB of text and of bytes in one frame, 4 MiB in frames of 4 KiB, 1 MiB written 64 bytes at a time."""
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


def verdicts(bench: Bench, cases: tuple[str, ...], tls: bool) -> dict[str, dict[str, str]]:
    """Of each case, by its number: behavior, behaviorClose and more. `tls`: with nginx between."""
    machine = bench.network.topology.server
    namespace, reports = bench.network.namespaces[machine.name], bench.artefacts / "autobahn"
    port = free_port(namespace, machine.ip4)
    chosen = [word for case in cases for word in ("-i", case)]
    argv = [sys.executable, "-c", SERVE, "-m", "fuzzingserver", "-o", str(reports), *chosen, f"{machine.ip4}:{port}"]
    app = bench.host.start_app("echo", ECHO)
    with ExitStack() as stack:
        server = stack.enter_context(Program(argv, namespace, machine.ip4, bench.timeline, port))
        base = f"ws://{machine.ip4}:{port}/"
        if tls:
            nginx = stack.enter_context(started(lambda: bench.peers.nginx(behind=server, flaw=Flaw.NONE)))
            base = nginx.url(BEHIND, "ws")
        count = int(app.call("text_from", uri=f"{base}getCaseCount"))
        app.call("run_cases", uri=f"{base}runCase?case={{}}&agent={AGENT}", first=1, last=count, timeout_s=RUN_LIMIT_S)
        app.call("text_from", uri=f"{base}updateReports?agent={AGENT}")
        server.wait_ended()
    found: dict[str, dict[str, str]] = json.loads((reports / "index.json").read_text())[AGENT]
    assert len(found) == count
    return found


@pytest.mark.skipif(not userns.privileged(), reason="namespaces cannot be made here")
@pytest.mark.parametrize(
    ("cases", "tls"),
    [(RULES, False), (LIMITS, False), (RULES, True), (LARGEST, True)],
    ids=["rules", "limits", "rules over tls", "largest over tls"],
)
@pytest.mark.limit_s(300)
def test_our_client_passes_autobahns_cases(tmp_path: Path, cases: tuple[str, ...], tls: bool) -> None:
    with Bench(BenchConfig(), tmp_path) as bench:
        found = verdicts(bench, cases, tls)
    print(Counter((one["behavior"], one["behaviorClose"]) for one in found.values()))
    failed = {case: one for case, one in found.items() if not {one["behavior"], one["behaviorClose"]} <= PASSED}
    assert failed == {}
