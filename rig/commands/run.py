"""`rig run`: the conformance suite on one or more devices, live on the screen, reports at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rig.config import BenchConfig

REPORTS = Path("reports")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(run)


def run(
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help='only tests that match, as pytest -k: "wakes and not nat"')
    ] = "",
    device: Annotated[
        list[str] | None, typer.Option(help="native, qemu, auto or board:PORT; repeatable  [default: native]")
    ] = None,
    topology: Annotated[
        list[str] | None, typer.Option(help="a name from netns/ or a TOML file (rig help topology); repeatable  [default: flat]")
    ] = None,
    bench_config: Annotated[
        Path | None, typer.Option(help="bench.toml to start from; its keys: rig help bench.toml", metavar="FILE")
    ] = None,
    reports: Annotated[Path, typer.Option(help="where runs leave their reports", metavar="DIR")] = REPORTS,
    strict: Annotated[bool, typer.Option("--strict", help="exit 7 when a test passed only when repeated")] = False,
    list_only: Annotated[bool, typer.Option("--list", help="list the tests and their requirements, run nothing")] = False,
) -> None:
    """Run the conformance suite and write reports."""
    options = [f"--device={name}" for name in device or []] + [f"--topology={name}" for name in topology or []]
    options += [f"--bench-config={bench_config.resolve()}"] if bench_config else []
    options += ["--rig-strict"] if strict else []
    options += ["-k", expression] if expression else []
    config = _config(device, topology, bench_config)
    if list_only:
        raise typer.Exit(_pytest([*options, "--collect-only"], listing=True))
    _prepare(device or [config.device], config, reports.resolve())
    raise typer.Exit(_pytest([*options, f"--rig-reports={reports.resolve()}"]))


def _config(device: list[str] | None, topology: list[str] | None, bench_config: Path | None) -> BenchConfig:
    """The bench to start from; wrong words and files are said here."""
    from rig.config import BenchConfig, load
    from rig.runner.before import check_words

    config = load(bench_config) if bench_config else BenchConfig()
    check_words(device or [config.device], topology or [config.topology])
    return config


def _prepare(device: list[str], config: BenchConfig, reports: Path) -> None:
    """Say at once what would make every test fail: a device this machine cannot run, no namespaces, nowhere to write."""
    from rig.net import userns
    from rig.runner.before import check_machine, check_reports
    from rig.runner.setups import devices

    kinds = devices(device)
    check_reports(reports)
    check_machine(kinds, config)
    userns.enter()
    for name in kinds:
        _flash(name)


def _flash(kind: str) -> None:
    """Over the emulated serial line, once for all tests of the run: each bench gets a copy. A board is flashed by `rig flash`."""
    from rig.device.flash import Progress
    from rig.device.images import FILES
    from rig.device.prepared import prepared_flash

    if kind not in FILES:
        return

    def show(progress: Progress) -> None:
        if sys.stdout.isatty() or progress.sent_bytes == progress.total_bytes:
            start = "\r" if sys.stdout.isatty() else ""
            typer.echo(f"{start}flashing {kind}: {progress.sent_bytes} of {progress.total_bytes} bytes", nl=False)

    prepared_flash(kind, on_progress=show).close()
    typer.echo(", signature verified, booted, confirmed")


def _pytest(options: list[str], *, listing: bool = False) -> int:
    """Run pytest on the suite with nothing of the surroundings: no ini file, no cache, no other plugins' output."""
    import pytest

    from rig import suite
    from rig.runner.progress import Listing, Progress

    where = str(Path(suite.__file__).parent)
    quiet = ["-qq", "--no-header", "--no-summary", "-o", "console_output_style=classic", "-p", "no:cacheprovider"]
    isolated = ["-c", os.devnull, "--rootdir", where, "--import-mode=importlib", "--strict-markers"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if listing:
        quiet = ["-p", "no:terminal", "-p", "no:cacheprovider"]  # pytest's own listing is a count for each file
    plugin = Listing() if listing else Progress(sys.stdout)
    return int(pytest.main([where, "-p", "rig.plugin", *isolated, *quiet, *options], plugins=[plugin]))


def say_reports(run_dir: Path) -> None:
    """Where the reports are, relative to here when they are below."""
    from rig.report.table import shown_path

    page = shown_path(run_dir / "report.html")
    typer.echo(f"\nreport: {page}   (also junit.xml, report.md, requirements.jsonl, results.jsonl)")
