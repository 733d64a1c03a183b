"""The process of background transfers. The supervisor forks it (rig/standby/supervisor/) in the host's network, when somebody has
something to say to it, with `TransferSettings`; again when it has died, with the same line to the system, and with its store.

One thread, one loop. It goes on when the system dies, and does what it may until a new one says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import traceback

from rig.decoders import decoded
from rig.errors import BenchError
from rig.process import ignore_sigint, name_process
from rig.room import out_of_room
from rig.standby.transfers.attempts import Attempts
from rig.standby.transfers.calls import Calls
from rig.standby.transfers.changes import Changes
from rig.standby.transfers.curl_loop import CurlLoop
from rig.standby.transfers.newer import OnlyNewer
from rig.standby.transfers.operations import Operations
from rig.standby.transfers.settings import TransferSettings
from rig.standby.transfers.store import SavedOperation, Store
from rig.standby.wire import transfers
from rig.standby.wire.faults import fault_of
from rig.standby.wire.line import Line
from rig.standby.wire.peer import Peer
from rig.standby.wire.refusing import refuse_all
from rig.timeline import TimelineWriter


def main(settings: bytes, line_fd: int, why: str) -> None:
    """Serve the system at the other end of the line; `why`: only to say that, as those before this one have died too often."""
    name_process("transfers")
    ignore_sigint()
    given = decoded(TransferSettings, settings)
    line: Line[transfers.ToTransfers] = Line(socket.socket(fileno=line_fd), transfers.ToTransfers)
    if why:
        fix = "please report it, with the test's output.txt and timeline.jsonl: they have its last words"
        _refuse(line, BenchError("RIG-R30", why, fix))
        return
    try:
        store = Store(given.store)
        saved = store.operations()
    except Exception as error:
        _refuse(line, error)
        return
    asyncio.run(_serve(given, line, store, saved))


def _refuse(line: Line[transfers.ToTransfers], why: Exception) -> None:
    """A system that takes transfers for running hears that none does."""
    line.send_notice(transfers.Started())
    refuse_all(line, fault_of(why, "the start of the process of background transfers"))


async def _serve(
    settings: TransferSettings, line: Line[transfers.ToTransfers], store: Store, saved: list[SavedOperation]
) -> None:
    """Until nobody is there to be served."""
    timeline = TimelineWriter(settings.timeline_fd, "host")
    faults, ended = Faults(timeline), asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(faults.of_loop)
    curls, numbers = CurlLoop(), OnlyNewer()
    # It is served from the next turn of the loop on.
    peer: Peer[transfers.ToTransfers] = Peer(
        line,
        lambda call, descriptors: calls.serve(call, descriptors),
        on_gone=lambda _why: ended.set(),
        on_fault=faults.met,
        inbox=numbers,
    )
    changes = Changes(store, peer, timeline, faults.met)
    operations = Operations(changes, Attempts(changes, curls, settings), timeline)
    operations.take_up(saved)
    calls = Calls(operations, changes, numbers, timeline)
    peer.notify(transfers.Started())
    await ended.wait()


class Faults:
    """Exceptions that nobody foresaw: written down, and everything else goes on."""

    def __init__(self, timeline: TimelineWriter) -> None:
        self._timeline = timeline

    def met(self, where: str, error: BaseException) -> None:
        with contextlib.suppress(OSError):  # the disk that takes what is printed is full, too
            traceback.print_exception(error)
        if out_of_room(error):
            self._timeline.is_full()
        self._timeline.add("SERVICE_FAULT", where=f"transfers, {where}", error=f"{type(error).__name__}: {error}")

    def of_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """An exception handler of asyncio's."""
        error = context.get("exception")
        met = error if isinstance(error, BaseException) else RuntimeError(str(context["message"]))
        self.met(str(context.get("handle") or context.get("task") or "loop"), met)
