"""The pytest plugin: fixtures for anyone's own tests, and the options the suite runs with.

It is loaded into every pytest of an environment that has the rig, so it imports nothing of the rig but `rig.ours`
until a test asks for one of its fixtures or marks, or an option is given.

    def test_push_wakes(bench, host, server): ...

| fixture            | scope    | what                                                              |
|--------------------|----------|-------------------------------------------------------------------|
| `bench`            | function | the whole bench, torn down after the test; once for each device   |
| `device`           | function | typed commands to the microcontroller                             |
| `host`             | function | the connected-standby host                                        |
| `server`           | function | the remote end                                                    |
| `websocket_server` | function | a WebSocket server beside it                                      |
| `http_server`      | function | an HTTP server beside it                                          |
| `inject`           | function | frames from the wire                                              |
| `timeline`         | function | the ordered record of everything that happened                    |
| `capture`          | function | frames of every link                                              |
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig.ours import COMBINATION, is_ours

if TYPE_CHECKING:
    from rig.bench import Bench
    from rig.report import Drawn

MARKS = (
    "requirement(*ids): the requirements a test proves, such as CCT-030",
    "edge(*numbers): the device edge cases a test proves, 1 to 108",
    "limit_s(seconds): time limit of set-up, call and teardown each; 60 by default",
    "alone: needs the machine for itself: where tests run in workers (-n), it comes last and runs beside none",
    "host_alone: the device has no part in what is tested: it runs on the first of them only",
    "device_can(**needs): what the device must have, such as slots=16 or offload=OffloadType.ARP; skipped on one that has less",
    "wakes(*reasons): wakes that the test neither makes nor waits for, such as 'KA_TIMEOUT'; without a reason any",
    "topology(*names): the topologies a test needs; flat by default",
    "levers(**values): what is around the host when the test begins, such as ac=False or cost='fixed': rig help levers",
    "profile(name): which Windows the host behaves as in this test, win10 or win8",
    "bench_config(**fields): keys of bench.toml that this test needs otherwise, such as lease_min=60 or standby={...}",
)

ASSERTING = (
    "rig.suite.scene",
    "rig.suite.ping_protocols",
    "rig.suite.standby_door",
    "rig.suite.wire_door",
    "rig.suite.peer_frames",
)
"""What tests of the suite share: a failed assertion there shows its values, as in a test file."""


class Hooks:
    """Hooks that this plugin calls."""

    def pytest_rig_start(self, run_dir: Path | None, tests: int) -> None:
        """Tests are collected and about to run; `run_dir` is None without --rig-reports."""

    def pytest_rig_attempt(self, attempt: Mapping[str, Any]) -> None:
        """One attempt of a test ended; `attempt` is its line in results.jsonl."""

    def pytest_rig_reports(self, run_dir: Path, drawn: Drawn) -> None:
        """The reports of the run have been written; `drawn`: what stands in them."""

    def pytest_rig_no_room(self, error: Exception) -> None:
        """The run ended early, exit code 6: its files found no more room. What there is of reports has been written."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


OPTIONS: dict[str, dict[str, Any]] = {
    "device": {
        "action": "append",
        "metavar": "KIND",
        "help": "native, qemu, reference, auto or board:PORT; repeatable (default: native)",
    },
    "topology": {
        "action": "append",
        "metavar": "NAME",
        "help": "a name from netns/ or a TOML file; repeatable (default: flat)",
    },
    "profile": {"choices": ("win10", "win8"), "help": "which Windows the host behaves as (default: win10)"},
    "bench-config": {"type": Path, "metavar": "FILE", "help": "bench.toml to start from"},
}
"""--rig-device ..., and --device ... where no conftest or other plugin has an option of that name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    pytest.register_assert_rewrite(*ASSERTING)  # before a conftest imports them
    add = parser.getgroup("rig", "network offload rig").addoption
    for name, settings in OPTIONS.items():
        add(f"--rig-{name}", **settings)
    add("--rig-requirements", action="append", type=Path, metavar="FILE", help="requirements of your own; repeatable")
    parser.addini("rig_requirements", "files of requirements of your own, relative to this file", type="paths")
    add("--rig-reports", type=Path, metavar="DIR", help="write results, artefacts and reports into DIR/<run>")
    add(
        "--rig-strict",
        action="store_true",
        help="exit 7 when only flaky tests spoil the run; exit 6 when --device auto leaves a device out, as with CI=true",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Add the short options last of all, each where its name is free. Their values are no paths of tests meanwhile."""
    values = {value for option, value in itertools.pairwise(args) if option.removeprefix("--") in OPTIONS}
    known = early_config.known_args_namespace
    known.file_or_dir = [path for path in known.file_or_dir if path not in values]
    result = yield
    group = parser.getgroup("rig")
    taken = {name for other in parser._groups for option in other.options for name in option.names()}
    taken |= {name for option in parser._anonymous.options for name in option.names()}
    for name, settings in OPTIONS.items():
        if f"--{name}" not in taken:
            group.addoption(f"--{name}", dest=f"rig_{name.replace('-', '_')}", **{**settings, "help": f"--rig-{name}"})
    return result


def pytest_configure(config: pytest.Config) -> None:
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    if any(config.getoption(f"rig_{name.replace('-', '_')}") for name in OPTIONS):
        from rig.runner.combinations import base, insist_on_auto, words_of_devices, words_of_topologies
        from rig.runner.endings import usage_error
        from rig.runner.preconditions import check_words

        with usage_error():
            base(config)
            check_words(words_of_devices(config), words_of_topologies(config))
            insist_on_auto(words_of_devices(config), strict=config.getoption("rig_strict"))
    if hasattr(config, "workerinput") or getattr(config.option, "tx", None):
        _configure_workers(config)


def _has_option(config: pytest.Config) -> bool:
    return any(config.getoption(f"rig_{name.replace('-', '_')}") for name in (*OPTIONS, "reports"))


def _configure_workers(config: pytest.Config) -> None:
    """pytest -n, of xdist: here, or in one of the processes that it starts."""
    if "rig" in getattr(config, "workerinput", {}):
        from rig.runner.worker import obey

        obey(config)
    elif _has_option(config):
        from rig.runner.combinations import refuse_board_in_workers, words_of_devices
        from rig.runner.endings import usage_error
        from rig.runner.parallel import Workers, is_controller

        if is_controller(config):
            with usage_error():
                refuse_board_in_workers(words_of_devices(config))
            config.pluginmanager.register(Workers(config), "rig-workers")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """-n auto of pytest, where a run is the rig's, maybe among others; `rig run` says how many."""
    from rig.runner.worker_count import WITH_OTHERS, auto_workers

    return auto_workers(WITH_OTHERS) if _has_option(config) else None


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:
    """A worker died in a run that has no record; a run that has one decides by that."""
    if sched.config.pluginmanager.get_plugin("rig-runner") is None:
        from rig.runner.dead_worker import repeat_once

        repeat_once(sched.config, crashitem, report, sched)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: tests that must be alone come last, and wait for that."""
    if hasattr(config, "workerinput") and any(item.get_closest_marker("alone") for item in items):
        from rig.runner.alone import take_turns

        take_turns(config, items)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What --device auto leaves out."""
    if "auto" not in (config.getoption("rig_device") or []):
        return []
    from rig.runner.combinations import left_out

    line = "rig: --device auto leaves out {}: {} {}; fix: {}"
    return [line.format(name, lack.code, lack.cause, lack.fix) for name, lack in left_out().items()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the reports are, and why a run ended early; `rig run` says both itself."""
    runner = config.pluginmanager.get_plugin("rig-runner")
    if runner is None or config.getoption("no_summary"):
        return
    if runner.drawn is not None:
        from rig.report.table import shown_path

        terminalreporter.write_line(f"rig report: {shown_path(runner.drawn / 'report.html')}")
    if runner.no_room is not None:
        terminalreporter.write_line(f"error: {runner.no_room}", red=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if COMBINATION in metafunc.fixturenames:
        from rig.runner.combinations import combinations

        chosen = combinations(metafunc.config, [m.args for m in metafunc.definition.iter_markers("topology")])
        if metafunc.definition.get_closest_marker("host_alone") is not None:
            chosen = [one for one in chosen if one.device == chosen[0].device]
        metafunc.parametrize(COMBINATION, chosen, ids=[one.id for one in chosen], indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Take part only when there is something to do."""
    wanted = session.config.getoption("rig_reports") is not None
    ours = [item for item in session.items if is_ours(item)]
    if (ours or wanted) and not session.config.getoption("collectonly"):
        from rig.runner.endings import usage_error
        from rig.runner.worker import runner_of

        with usage_error():
            runner = runner_of(session.config, ours)
        session.config.pluginmanager.register(runner, "rig-runner")


@pytest.fixture
def rig_combination(request: pytest.FixtureRequest) -> Any:
    """(device, topology) that the test runs on."""
    return request.param


@pytest.fixture
def bench(request: pytest.FixtureRequest, rig_combination: Any) -> Iterator[Bench]:
    """Topology, device, standby host and peers; always torn down."""
    from rig.runner.bench_fixture import open_bench

    with open_bench(request, rig_combination) as opened:
        yield opened


@pytest.fixture
def device(bench: Bench) -> Any:
    """Typed commands to the microcontroller (`rig.device.offload.OffloadClient`)."""
    return bench.device


@pytest.fixture
def host(bench: Bench) -> Any:
    """The connected-standby host."""
    return bench.host


@pytest.fixture
def server(bench: Bench) -> Any:
    """The remote end of the host's connections."""
    return bench.server


@pytest.fixture
def websocket_server(bench: Bench) -> Iterator[Any]:
    """A WebSocket server on the same machine (`rig.peers.websocket.WebSocketServer`)."""
    with bench.peers.websocket_server() as server:
        yield server


@pytest.fixture
def http_server(bench: Bench) -> Iterator[Any]:
    """An HTTP server on the same machine (`rig.peers.http.HttpServer`)."""
    with bench.peers.http_server() as server:
        yield server


@pytest.fixture
def inject(bench: Bench) -> Any:
    """Sends frames from the wire (`rig.inject.Injector`)."""
    return bench.inject


@pytest.fixture
def timeline(bench: Bench) -> Any:
    """The ordered record of everything that happened (`rig.timeline.Timeline`)."""
    return bench.timeline


@pytest.fixture
def capture(bench: Bench) -> Any:
    """The frames of every link (`rig.net.capture.Capture`)."""
    return bench.capture
