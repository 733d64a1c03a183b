"""`rig requirements`: the catalogue, what of it the last run proved, and one requirement explained. Runs no test."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rig.commands.run import REPORTS

if TYPE_CHECKING:
    from rig.report.overview import Overview


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(requirements)


def _words() -> list[str]:
    """What a shell may complete."""
    from rig import catalogue

    return [*catalogue.areas(), *catalogue.load()]


def requirements(
    name: Annotated[
        str, typer.Argument(help="an area (CCT) or a requirement (CCT-030)", metavar="[AREA|ID]", autocompletion=_words)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every field.")] = False,
    reports: Annotated[Path, typer.Option(help="where runs leave their reports; the last one is asked", metavar="DIR")] = REPORTS,
    own: Annotated[
        list[Path] | None,
        typer.Option("--requirements", help="requirements of your own (rig help requirements); repeatable", metavar="FILE"),
    ] = None,
) -> None:
    """List the requirements, or explain one: when, what, how a test sees it, who asks for it, which tests prove it."""
    from rig.errors import UsageError
    from rig.report import catalogue_pages as pages
    from rig.report import overview

    seen = overview.look(reports, tuple(own or ()))
    word = _normal(name)
    if word and word not in seen.areas and word not in seen.requirements:
        near = get_close_matches(word, [*seen.areas, *seen.requirements], 4, 0.7)
        fix = f"did you mean {', '.join(near)}?" if near else f"one of the areas {', '.join(seen.areas)}"
        raise UsageError("RIG-C18", f"no requirement and no area {name}", f"{fix}; all: rig requirements")
    if as_json:
        typer.echo(json.dumps(_json(seen, word), ensure_ascii=False))
    elif not word:
        typer.echo(pages.areas(seen))
    else:
        typer.echo(pages.area(seen, word) if word in seen.areas else pages.requirement(seen, word))


def _normal(name: str) -> str:
    """Ids as the catalogue writes them: "edge-7" is EDGE-007."""
    word = name.strip().upper()
    number = re.fullmatch(r"([A-Z_]+)-([0-9]{1,2})", word)
    return f"{number[1]}-{int(number[2]):03d}" if number else word


def _json(seen: Overview, word: str) -> dict[str, object]:
    """Everything, one area, or one requirement; of one also its tests."""
    chosen = [id_ for id_, entry in seen.requirements.items() if word in ("", entry.prefix, id_)]
    areas = [area for area in seen.areas.values() if any(seen.requirements[id_].prefix == area.prefix for id_ in chosen)]
    return {
        "run": seen.run_facts(),
        "areas": [{"prefix": area.prefix, "title": area.title, "about": area.about} | seen.counts(area.prefix) for area in areas],
        "requirements": [seen.as_json(id_, tests=word == id_) for id_ in chosen],
    }
