"""The control channel: SMP requests and replies over a serial line that a text log shares.

One thread reads; it sleeps in poll(2) until bytes come. (Or none does, and the one that asks and waits reads too: `pumped`.
Between an event and the answer to it no other thread must run then.) Any number of requests may be in flight: a reply is
matched by its sequence number, group and command, and whatever matches nothing (late, doubled, another program's) is
dropped and counted, so that one lost or late reply never disturbs what comes after. A retry carries the sequence number of
the first try: the device answers a repeated command from its cache and does not execute it twice.

Timing: a request waits for its own time on the line (10 bits a byte) and `timeout_s` on top, then it is sent again.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rig.clock import Deadline
from rig.device import framing
from rig.device.codes import error_in
from rig.device.events import EventStream
from rig.device.line_time import line_time_s
from rig.device.line_writer import LineWriter
from rig.device.link_stats import Stats
from rig.device.numbers import GROUP_OFFLOAD, READ, Command
from rig.device.port import open_port
from rig.device.requests import RETRIES, TIMEOUT_S, Pending, decoded
from rig.device.smp_header import HEADER, REPLY, message
from rig.errors import BenchError, RigBug, RigError, UsageError

if TYPE_CHECKING:
    from rig.device.tape import Tape
    from rig.timeline import TimelineWriter

CAPABILITIES = (READ | REPLY, GROUP_OFFLOAD, Command.CAPABILITIES)
"""Of a reply: operation, group, command."""
HEARD_LINES = 8
BYTE_S, LONGEST_PAUSE_S = 2.5e-6, 200e-6
"""QEMU writes byte by byte, each in some 2 µs. A reader that goes before others is woken by each of them, and where it has the
processor that QEMU writes on, QEMU is put aside for every byte: 26 µs. So the reader gives the line the time that the rest of the
message takes, or as long as no wake would feel."""
SAY_S = 1.0


class Link:
    """An open control channel; a context manager. `log` gets every line of text, from the reader thread.

    `pumped`: without a thread of its own. Its owner, one thread, calls `pump` when `fileno` is readable and when `pump` said so;
    whoever waits for a reply reads meanwhile, so callbacks run in the owner's thread, in `pump` or under `result`.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = 115200,
        timeline: TimelineWriter | None = None,
        log: Callable[[str], None] | None = None,
        pumped: bool = False,
        tape: Tape | None = None,
        leaves: frozenset[int] = frozenset(),
    ) -> None:
        """`tape`: taken over, and closed with the link. `leaves`: sequence numbers that are another's on this line."""
        self.port = port
        self.baudrate = baudrate
        self.stats = Stats()
        self.message_bytes: int | None = None
        """The longest message that the device takes, header and all; known when somebody has asked for its capabilities."""
        self.heard: deque[str] = deque(maxlen=HEARD_LINES)
        self._timeline = timeline
        self._log = log
        self._tape = tape
        self._endpoint = open_port(port, baudrate)
        self._gone: RigError | None = None
        self._lock = threading.Lock()
        self._writer = LineWriter(self._endpoint, self.stats, self._fail)
        self._pending: dict[int, Pending] = {}
        self._seq = random.randrange(256)
        self._leaves = leaves
        self._events: EventStream | None = None
        self._receiver = framing.Receiver(self._on_message, self._on_text)
        self._wake_r, self._wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poller = select.poll()
        for fd in (self._endpoint.fd, self._wake_r):
            self._poller.register(fd, select.POLLIN)
        self._reader: threading.Thread | None = None
        if not pumped:
            self._reader = threading.Thread(target=self._read, name=f"link {port}", daemon=True)
            self._reader.start()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and give the port back; requests in flight fail. Safe to call twice."""
        if self._gone is None:
            self._gone = BenchError("RIG-S06", f"the link to {self.port} was closed")
        self._poke()
        if self._reader is None:
            self._release_all()
        elif threading.current_thread() is not self._reader:
            self._reader.join()
        self._writer.close()
        if self._tape is not None:
            self._tape.close()
            self._tape = None
        for fd in (self._wake_r, self._wake_w):
            with contextlib.suppress(OSError):
                os.close(fd)
        self._wake_r = self._wake_w = -1

    @property
    def gone(self) -> RigError | None:
        """Why nothing can be asked any more; None: it can."""
        return self._gone

    # -- requests ------------------------------------------------------------------------------------------------------

    def request(
        self,
        op: int,
        group: int,
        command: int,
        body: Mapping[str, Any],
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
    ) -> dict[str, Any]:
        if threading.current_thread() is self._reader:
            raise RigBug("RIG-X01", "a request was made from an event or log callback of its own link")
        return self.submit(op, group, command, body).result(timeout_s, retries)

    def submit(self, op: int, group: int, command: int, body: Mapping[str, Any]) -> Pending:
        """Send a request and return at once; `result` of what is returned waits. Raises UsageError RIG-C21 for one that the
        device would drop: nothing would ever answer it."""
        with self._lock:
            pending = self._register(op, group, command, body)
        self.stats.requests += 1
        self._writer.write(pending.frame, Deadline(self.line_time_s(len(pending.frame)) + TIMEOUT_S))
        return pending

    def line_time_s(self, size_bytes: int) -> float:
        """How long so many bytes take on the line."""
        return line_time_s(size_bytes, self.baudrate)

    def _register(self, op: int, group: int, command: int, body: Mapping[str, Any]) -> Pending:
        if self._gone is not None:
            raise self._gone
        request = message(op, group, seq := self._free_seq(), command, body)
        if self.message_bytes is not None and len(request) > self.message_bytes:
            cause = f"a request of {len(request)} bytes to group {group} command 0x{command:02x}: this device takes"
            raise UsageError("RIG-C21", f"{cause} {self.message_bytes}", "send less at a time")
        pending = Pending(self, seq, (op | REPLY, group, command), framing.encode(request))
        self._pending[seq] = pending
        if self._tape is not None:
            self._tape.asked(request)
        return pending

    def _free_seq(self) -> int:
        for step in range(1, 257):
            seq = (self._seq + step) & 0xFF
            if seq not in self._pending and seq not in self._leaves and not self._is_event_seq(seq):
                self._seq = seq
                return seq
        raise RigBug("RIG-X02", "more than 250 requests in flight")

    def _is_event_seq(self, seq: int) -> bool:
        return self._events is not None and seq == self._events.seq

    def result_of(self, pending: Pending, timeout_s: float, retries: int) -> dict[str, Any]:
        """Wait for one reply; used by Pending."""
        wait_s = timeout_s + self.line_time_s(len(pending.frame))
        try:
            for attempt in range(retries + 1):
                if pending.wait(wait_s):
                    return self._checked(pending)
                if attempt < retries:
                    self.send_again(pending, wait_s)
        finally:
            self._forget(pending)
        raise self._no_answer(pending, wait_s * (retries + 1))

    def send_again(self, pending: Pending, patience_s: float) -> None:
        """Under the same number: the device does not carry it out twice. For who does not wait in `result`."""
        self.stats.retries += 1
        self._writer.write(pending.frame, Deadline(patience_s))

    def give_up(self, pending: Pending, waited_s: float) -> BenchError:
        """Nobody waits for it any more; returns the error that says so."""
        self._forget(pending)
        return self._no_answer(pending, waited_s)

    def _forget(self, pending: Pending) -> None:
        with self._lock:
            if self._pending.get(pending.seq) is pending:
                del self._pending[pending.seq]

    def _checked(self, pending: Pending) -> dict[str, Any]:
        reply = pending.reply
        if reply is None:
            raise self._gone or RigBug("RIG-X03", "a request ended without a reply")
        if "err" in reply or "rc" in reply:
            error = error_in(reply, pending.key[1], f"command 0x{pending.key[2]:02x}")
            if error is not None:
                raise error
        return reply

    def _no_answer(self, pending: Pending, waited_s: float) -> BenchError:
        _, group, command = pending.key
        heard = f"heard {self.stats.rx_bytes} bytes"
        if self.heard:
            heard += f', {self.stats.text_lines} lines of text, last line "{self.heard[-1]}"'
        cause = f"no SMP answer to group {group} command 0x{command:02x} in {waited_s:.1f} s at {self.baudrate} baud; {heard}"
        return BenchError("RIG-B03", cause, "check power, cable and --baud; `rig monitor` shows what the board says")

    # -- events --------------------------------------------------------------------------------------------------------

    def start_events(
        self,
        on_event: Callable[[list[Any]], None],
        on_restart: Callable[[int], None] | None = None,
        boot_id: int | None = None,
    ) -> None:
        """Call `on_event` with every event from now on, in order, each exactly once, from the reader thread.

        It must return soon and must make no request on this link. When the device restarts, numbers begin at 1 again:
        `on_restart` is called with the new boot_id before the first event of the new boot. Whoever knows the device from
        before, as one that has attached, gives its `boot_id`: it may have restarted since.
        """
        with self._lock:
            if self._gone is not None:
                raise self._gone
            if self._events is not None:
                raise RigBug("RIG-X04", "the link already delivers events")
            self._events = EventStream(self._free_seq(), self._send_unasked, on_event, on_restart, self.stats, boot_id)
        self._poke()

    def stop_events(self) -> None:
        """Events stay on the device from now on; a callback that runs may still finish."""
        with self._lock:
            self._events = None

    def _send_unasked(self, op: int, group: int, command: int, seq: int, body: Mapping[str, Any]) -> None:
        self._writer.write(framing.encode(message(op, group, seq, command, body)), Deadline(TIMEOUT_S))

    # -- the line ------------------------------------------------------------------------------------------------------

    def say(self, text: bytes) -> None:
        """Bytes that are no message, as they are."""
        self._writer.write(text, Deadline(SAY_S))

    def _read(self) -> None:
        while self._gone is None:
            self._turn(None)
        self._release_all()

    def _turn(self, timeout_ms: float | None) -> None:
        """Read what comes within that time, once; ask for events when that is due."""
        events = self._events
        due_ms = None if events is None else events.tick()
        ready = self._poller.poll(min((ms for ms in (due_ms, timeout_ms) if ms is not None), default=None))
        self._taking([fd for fd, _ in ready])

    def _taking(self, ready: list[int]) -> None:
        try:
            for fd in ready:
                self._take(fd)
        except OSError as error:
            self._fail(error)
        except Exception as error:  # from a callback; without a reader every thread would wait for ever
            self._gone = RigBug("RIG-X05", f"a callback of the link raised {error!r}")

    # -- without a thread ----------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Readable when `pump` has something to read. Not to be read by others."""
        return self._endpoint.fd

    def pump(self) -> float | None:
        """Read what has come. Returns the seconds after which to call again though nothing has; None: no need. Raises
        BenchError RIG-S06 or RIG-S07 when the port is gone."""
        self._turn(0)
        if self._gone is not None:
            self._release_all()
            raise self._gone
        return None if self._events is None else self._events.tick() / 1000

    def hear(self) -> None:
        """`fileno` is readable: take what has come, without another look whether something has. Raises as `pump`."""
        self._taking([self._endpoint.fd])
        if self._gone is not None:
            self._release_all()
            raise self._gone

    def wait_for(self, pending: Pending, timeout_s: float) -> bool:
        """Until `pending` is over; used by Pending."""
        if self._reader is not None:
            return pending.heard(timeout_s)
        deadline = Deadline(timeout_s)
        while not pending.over:
            if deadline.expired:
                return False
            self._turn(deadline.remaining_s * 1000)
            if self._gone is not None:
                self._release_all()
        return True

    def _take(self, fd: int) -> None:
        if fd == self._wake_r:
            os.read(fd, 64)
            return
        with contextlib.suppress(BlockingIOError):
            data = os.read(fd, 65536)
            if not data:
                raise OSError("end of file")
            self.stats.rx_bytes += len(data)
            self._receiver.feed(data)
            missing = self._receiver.missing_bytes
            if missing:
                time.sleep(min(missing * BYTE_S, LONGEST_PAUSE_S))

    def _on_message(self, message: bytes) -> None:
        if len(message) < HEADER.size:
            self.stats.bad_replies += 1
            return
        op, _, length, group, seq, command = HEADER.unpack_from(message)
        if self._tape is not None:
            self._tape.answered(message)
        reply = decoded(message[HEADER.size :], length)
        events = self._events
        if reply is None:
            self.stats.bad_replies += 1
        elif events is not None and events.wants(op & 7, group, seq, command):
            events.take(command, reply)
        else:
            self._complete(seq, (op & 7, group, command), reply)
            if events is not None:
                events.overheard(group, command, reply)

    def _complete(self, seq: int, key: tuple[int, int, int], reply: dict[str, Any]) -> None:
        with self._lock:
            pending = self._pending.get(seq)
            if pending is None or pending.key != key:
                self.stats.unmatched += 1
                return
            del self._pending[seq]
        self.stats.replies += 1
        if key == CAPABILITIES and isinstance(most := reply.get("max_message"), int) and most > HEADER.size:
            self.message_bytes = most
        pending.complete(reply)

    def _on_text(self, line: bytes) -> None:
        self.stats.text_lines += 1
        self.stats.text_bytes += len(line)
        text = line.decode("utf-8", "replace").rstrip("\r")
        self.heard.append(text)
        if self._timeline is not None:
            self._timeline.add("SERIAL_LOG", line=text)
        if self._log is not None:
            self._log(text)

    def _fail(self, error: OSError) -> None:
        if self._gone is None:
            cause = f"port {self.port} went away: {error.strerror or error}"
            self._gone = BenchError("RIG-S07", cause, "plug the board in again, then `rig devices`")
        self._poke()

    def end(self, why: RigError) -> None:
        """The device is known to be gone: who waits for it, and who asks from now on, gets this error at once."""
        if self._gone is None:
            self._gone = why
        self._poke()

    def _release_all(self) -> None:
        with self._lock:
            waiting = list(self._pending.values())
            self._pending.clear()
        for pending in waiting:
            pending.complete(None)

    def _poke(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_w, b"x")
