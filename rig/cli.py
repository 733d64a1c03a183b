"""What a person types: `rig COMMAND`. One module of rig/commands for each.

Every error ends in one message on stderr (code, cause, the command that mends it) and the exit code of its kind. Imports
are lazy: a command loads what it needs when it runs, so that `rig --help` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import typer

from rig import __version__
from rig.errors import BenchError, RigError
from rig.exit_codes import Exit

COMMANDS = (
    "run",
    "flash",
    "devices",
    "check",
    "counters",
    "slots",
    "patterns",
    "offloads",
    "log",
    "monitor",
    "host",
    "transfers",
    "serve",
    "doctor",
    "report",
    "requirements",
    "manifest",
    "bench",
    "help",
)
SHELL_INTERRUPTED = 130
"""What typer returns for Ctrl-C, after the command's teardown."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
CLICK_USAGE = 2
"""What click exits with on bad options; pytest's and our word for it is 4."""


def build() -> typer.Typer:
    """The application with all commands."""
    app = typer.Typer(
        name="rig",
        help="Hardware-in-the-loop rig for low-power network offload.",
        epilog="New here? rig doctor, then rig run; rig help tour. All topics: rig help.",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in COMMANDS:
        importlib.import_module(f"rig.commands.{name}").register(app)
    return app


def _root(ctx: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"rig {__version__}")
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup rig run
            signal.signal(ending, _interrupt)
    try:
        return _exit_code(build()(arguments, prog_name="rig", standalone_mode=False))
    except RigError as error:
        _tell(error, as_json="--json" in arguments)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        with contextlib.suppress(OSError):  # of a terminal that was closed
            typer.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # typer meets a closed pipe with sys.exit(1)
        return _closed_output()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return _no_room(error)
        return _unexpected(error)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """SIGTERM, and SIGHUP of a terminal that closes, end a command as Ctrl-C does: with its teardown."""
    raise KeyboardInterrupt


def _exit_code(result: object) -> int:
    """Commands return None, or raise typer.Exit, which click turns into a number; so it does with Ctrl-C."""
    if result == SHELL_INTERRUPTED:
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _closed_output() -> int:
    """`rig devices | head`: whoever read has enough. Keeps the interpreter from complaining at its end."""
    sys.stdout = open("/dev/null", "w")  # noqa: PTH123, SIM115  lives as long as the process
    return 0


def _no_room(error: OSError) -> int:
    """`rig report > /dev/full`: whatever was written is not whole, so the code says so. What is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    where = f" to {error.filename}" if error.filename else ""
    _tell(BenchError("RIG-T03", f"cannot write{where}: {error.strerror}", "make room, or write elsewhere"), as_json=False)
    return BenchError.exit_code


def _unexpected(error: Exception) -> int:
    """click's complaints about options have `show` and an exit code; everything else is ours."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        code = getattr(error, "exit_code", Exit.USAGE)
        return Exit.USAGE if code == CLICK_USAGE else int(code)
    traceback.print_exc()
    typer.echo(f"RIG-X00 this is a bug of the rig, please report it: {error!r}", err=True)
    return Exit.BUG


def _tell(error: RigError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": {"code": error.code, "cause": error.cause, "fix": error.fix}}))
    typer.echo(f"error: {error}", err=True)


if __name__ == "__main__":
    sys.exit(main())
