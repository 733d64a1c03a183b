"""Reports: one record of a run, drawn as a table, JUnit, JSON, Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rig.report.compare import Comparison, with_last
from rig.report.model import Run, load


@dataclass(frozen=True)
class Drawn:
    """What reports were drawn from."""

    run: Run
    since: Comparison | None
    """This run beside the one before; None where there is none."""


def draw(run_dir: Path) -> Drawn:
    """Write every report of the run into its directory, from its record alone."""
    from rig.report import html, jsonout, junit, markdown

    run = load(run_dir)
    since = with_last(run)
    _write(run_dir / "requirements.jsonl", jsonout.render(run))
    _write(run_dir / "junit.xml", junit.render(run))
    _write(run_dir / "report.md", markdown.render(run, since))
    _write(run_dir / "report.html", html.render(run, since))
    return Drawn(run, since)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a report that is read while it is drawn is the old one."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
