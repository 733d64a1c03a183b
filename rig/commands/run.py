"""`rig run`: the conformance suite on one or more devices, live on the screen, reports at the end."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig import temporary
from rig.exit_codes import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rig.config import BenchConfig
    from rig.runner.progress import Listing, Progress
    from rig.runner.selection import Selection

REPORTS = Path("reports")
"""Where runs leave their reports, for every command that asks."""


class Profile(StrEnum):
    WIN10 = "win10"
    WIN8 = "win8"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(run)


def _device_words() -> list[str]:
    """For a shell that completes, as the next one."""
    from rig.commands.device_options import device_names

    return [*device_names(), "auto", "board:"]


def _topology_names() -> list[str]:
    from rig.net.topology import names

    return list(names())


def run(
    tests: Annotated[
        list[str] | None,
        typer.Argument(help="files, tests or ids of the suite, as --list and a run print them", metavar="[TEST]..."),
    ] = None,
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help='only tests that match, words of their names: "wakes and not vlan"')
    ] = "",
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="native, qemu, reference, auto or board:PORT; repeatable  [default: native]", autocompletion=_device_words
        ),
    ] = None,
    topology: Annotated[
        list[str] | None,
        typer.Option(
            help="a name from netns/ or a TOML file (rig help topology); repeatable  [default: flat]",
            autocompletion=_topology_names,
        ),
    ] = None,
    bench_config: Annotated[
        Path | None, typer.Option(help="bench.toml to start from; its keys: rig help bench.toml", metavar="FILE")
    ] = None,
    profile: Annotated[
        Profile | None, typer.Option(help="which Windows the host behaves as  [default: win10]", show_default=False)
    ] = None,
    reports: Annotated[Path, typer.Option(help="where runs leave their reports", metavar="DIR")] = REPORTS,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit 7 when a test passed only when repeated, 6 when auto leaves a device out")
    ] = False,
    last_failed: Annotated[bool, typer.Option("--last-failed", "--lf", help="only what failed in the last run")] = False,
    exit_first: Annotated[bool, typer.Option("--exitfirst", "-x", help="stop at the first test that fails")] = False,
    workers: Annotated[
        str,
        typer.Option(
            "-n",
            "--workers",
            help="that many tests at a time; 0: one after the other, here  [default: auto, up to six for each "
            "processor, as memory has room; a board: 0]",
            metavar="N|auto",
        ),
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="also what each test proves, and whole tracebacks")] = False,
    list_only: Annotated[bool, typer.Option("--list", help="list the tests and their requirements, run nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="with --list: one JSON list, [{id, requirements}, ...]")] = False,
) -> None:
    """Run the conformance suite and write reports."""
    from rig.errors import UsageError
    from rig.runner.last_run import LastRun
    from rig.runner.pace import Pace
    from rig.runner.progress import Listing, Progress
    from rig.runner.selection import Selection, setups_in

    if as_json and not list_only:
        raise UsageError(
            "RIG-C05", "--json goes with --list alone", "a run leaves results.jsonl and requirements.jsonl in --reports"
        )
    last = LastRun.of(reports)
    if last_failed and not last.failed:
        typer.echo(f"RIG-R01 nothing ran: no test failed in {reports / 'latest'}")
        raise typer.Exit(Exit.NOTHING_RAN)
    selection = Selection(expression, tests or (), frozenset(last.failed) if last_failed else None)
    devices, topologies = (last.devices, last.topologies) if last_failed else setups_in(tests or ())
    config = _config(device or devices, topology or topologies, bench_config)
    devices, topologies = device or devices or [config.device], topology or topologies or [config.topology]
    options = [f"--rig-device={name}" for name in devices] + [f"--rig-topology={name}" for name in topologies]
    options += [f"--rig-bench-config={bench_config.resolve()}"] if bench_config else []
    options += [f"--rig-profile={profile.value}"] if profile else []
    options += [option for option, given in (("--rig-strict", strict), ("-x", exit_first)) if given]
    if list_only:
        code = _pytest([*options, "--collect-only"], selection, Listing(as_json=as_json), lambda: None)
        if code == Exit.NOTHING_RAN:
            typer.echo("no test matches -k", err=True)
        raise typer.Exit(code)
    options += _in_workers(workers, devices)
    _check(devices, config, strict=strict)
    progress = Progress(sys.stdout, Pace(last.took_s), verbose=verbose)
    options += [f"--rig-reports={reports.resolve()}"]
    raise typer.Exit(_pytest(options, selection, progress, lambda: _prepare(devices, reports)))


def _config(device: list[str], topology: list[str], bench_config: Path | None) -> BenchConfig:
    """The bench to start from; wrong words and files are said here."""
    from rig.config import BenchConfig, load
    from rig.runner.preconditions import check_words

    config = load(bench_config) if bench_config else BenchConfig()
    check_words(device or [config.device], topology or [config.topology])
    return config


def _in_workers(workers: str, device: list[str]) -> list[str]:
    """pytest's options for -n; refused before anything is started: RIG-C17 for a wrong number, RIG-C16 with a board."""
    from rig.errors import UsageError
    from rig.runner import worker_count
    from rig.runner.combinations import boards, refuse_board_in_workers

    workers = workers or ("0" if boards(device) else "auto")
    if workers != "auto" and not (workers.isdecimal() and int(workers) <= worker_count.MOST):
        raise UsageError("RIG-C17", f"-n {workers} is no number of tests at a time", f"0 to {worker_count.MOST}, or auto")
    if workers == "0":
        return []
    refuse_board_in_workers(device)
    count = worker_count.auto_workers() if workers == "auto" else int(workers)
    return ["-p", "xdist", "-p", "no:tmpdir", f"-n={count}", "--maxschedchunk=1"]


def _check(device: list[str], config: BenchConfig, *, strict: bool) -> None:
    """Say at once what would make every test fail: a device this machine cannot run, no namespaces."""
    from rig.net import userns
    from rig.runner.combinations import devices, insist_on_auto, left_out
    from rig.runner.preconditions import check_machine

    insist_on_auto(device, strict=strict)
    check_machine(devices(device), config)
    for name, lack in left_out().items() if "auto" in device else ():
        typer.echo(f"--device auto leaves out {name}: {lack.code} {lack.cause}\n  fix: {lack.fix}")
    userns.enter()


def _prepare(device: list[str], reports: Path) -> None:
    """What a run with at least one test needs: somewhere to write, and flashed devices."""
    from rig.runner.combinations import devices
    from rig.runner.preconditions import check_reports

    check_reports(reports.resolve())
    for name in devices(device):
        _flash(name)


def _flash(name: str) -> None:
    """Over the emulated serial line, once for all tests of the run: each bench gets a copy. A board is flashed by `rig flash`."""
    from rig.device.flash import Progress as Sent
    from rig.device.prepared import prepared_flash, takes_an_image

    if not takes_an_image(name):
        return

    def show(progress: Sent) -> None:
        if sys.stdout.isatty() or progress.sent_bytes == progress.total_bytes:
            start = "\r" if sys.stdout.isatty() else ""
            typer.echo(f"{start}flashing {name}: {progress.sent_bytes} of {progress.total_bytes} bytes", nl=False)

    prepared_flash(name, on_progress=show).close()
    typer.echo(", signature verified, booted, confirmed")


def _pytest(options: list[str], selection: Selection, shown: Progress | Listing, prepare: Callable[[], None]) -> int:
    """Run pytest on the suite with nothing of the surroundings: no ini file, no cache, no other plugins' output."""
    import pytest

    from rig import suite
    from rig.runner.suite_run import SuiteRun

    where = str(Path(suite.__file__).parent)
    isolated = [
        "-c",
        os.devnull,
        "--rootdir",
        where,
        "--import-mode=importlib",
        "--strict-markers",
        "-qq",
        "-o",
        "verbosity_assertions=2",  # whole values: bytes that were cut say nothing
        "-p",
        "no:cacheprovider",
    ]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    temporary.settle()
    suite_run = SuiteRun(selection, prepare)
    code = int(pytest.main([where, "-p", "rig.plugin", *isolated, *options], plugins=[suite_run, shown]))
    if suite_run.error is not None:
        raise suite_run.error
    return code
