"""`rig help`: topics that belong to no command."""

from __future__ import annotations

from typing import Annotated

import typer

TOPICS = {
    "tour": "the commands, by what they are for",
    "tests": "fixtures, marks and options for tests of your own",
    "board": "a real board in the bench",
    "figures": "what rig bench measures",
    "bench.toml": "a file to start from: every number of a bench",
    "topology": "a file to start from: machines and routers",
    "requirements": "a file to start from: a catalogue of your own",
    "ci": "a file to start from: a pipeline",
    "manifest": "what an app's package declares: both forms, side by side",
    "levers": "what a test turns around the host: power, user, network, ...",
    "push": "the push service: what it is asked with curl, what it answers, what a test turns",
    "transfers": "background transfers: peers, the app's part, statuses, cost policies, faults to try",
    "events": "what host, device, apps and server write to the timeline",
    "signing-key": "where the key of the images is",
    "exit-codes": "what a command ends with",
    "error-codes": "what RIG-... stands for; one by itself: rig help RIG-N11",
}
NAMES = ", ".join(TOPICS)


def register(app: typer.Typer) -> None:
    @app.command("help", help=f"Explain a topic: {NAMES}.")
    def show(topic: Annotated[str, typer.Argument(help=NAMES, autocompletion=lambda: list(TOPICS))] = "") -> None:
        from rig.errors import UsageError

        if not topic:
            lines = [f"  rig help {name:14}{about}" for name, about in TOPICS.items()]
            typer.echo("\n".join(["Options of a command: rig COMMAND --help. Topics:", "", *lines]))
            return
        text = _text(topic)
        if text is None:
            commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
            fix = f"rig {topic} --help" if topic in commands else f"rig help with one of {NAMES}; or rig COMMAND --help"
            raise UsageError("RIG-C07", f'there is no help on "{topic}"', fix)
        typer.echo(text.rstrip("\n"))


def _text(topic: str) -> str | None:
    """Of a topic or an error's code."""
    from rig import error_codes, events, exit_codes
    from rig.commands import levers_page, manifest_page, pages, push_page, topics, transfers_page
    from rig.device import signing_key

    if meaning := error_codes.MEANINGS.get(topic):
        return f"{topic}  {meaning}"
    if topic == "signing-key":
        return topics.SIGNING_KEY.format(path=signing_key.path())
    texts = {
        "tour": pages.TOUR,
        "tests": pages.TESTS,
        "board": pages.BOARD,
        "figures": pages.FIGURES,
        "bench.toml": topics.BENCH_TOML,
        "topology": topics.TOPOLOGY,
        "requirements": topics.REQUIREMENTS,
        "ci": topics.CI,
        "levers": levers_page.page(),
        "manifest": manifest_page.page(),
        "events": events.page(),
        "push": push_page.PUSH,
        "transfers": transfers_page.TRANSFERS,
        "exit-codes": exit_codes.page(),
        "error-codes": error_codes.page(),
    }
    return texts.get(topic)
