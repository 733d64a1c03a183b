"""Names of the timeline's records, and what each says.

Upper case is the rig's: a name that is not here is a slip of the pen, and waiting for it would only end in a timeout. An app
under test may write records of its own, `app.timeline.add("draft-saved", words=3)`: a small letter makes a name its own.
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Self


class TimelineEvent(StrEnum):
    """In the order of a connection's life. `meaning` is what `rig help events` prints."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    BENCH_READY = "BENCH_READY", "The bench stands: device, topology, how long that took."
    APP_READY = "APP_READY", "An app's process serves calls: app, pid, instance (two apps of one name have two)."
    APP_FAILED = "APP_FAILED", "An app could not be imported or made: app, instance, entry, error."
    APP_SUSPENDING = "APP_SUSPENDING", "An app that wants to know is about to be stopped, and is asked before: app, instance."
    SUSPEND_OVERDUE = "SUSPEND_OVERDUE", "It was not done in time, and is stopped all the same: app, instance, within_s."
    APP_SUSPEND = "APP_SUSPEND", "Every thread of the app has stopped: app, instance."
    APP_RESUME = "APP_RESUME", "It goes on, or is not to be stopped any more: app, instance, cause."
    APP_FAULT = "APP_FAULT", "An app's code raised what nobody catches; its threads go on: app, instance, run, where, error."
    APP_TERMINATED = "APP_TERMINATED", "Its process ended: app, instance, status (an exit status, or the signal that killed it)."
    APP_END = (
        "APP_END",
        "It is about to be ended: app, instance, cause (terminated, closed by the user, servicing update, uninstall).",
    )
    PACKAGE_INSTALL = "PACKAGE_INSTALL", "An app was installed from its manifest: app, version."
    PACKAGE_UPDATE = "PACKAGE_UPDATE", "It is of another version now, and its processes have ended: app, version, before."
    PACKAGE_UNINSTALL = "PACKAGE_UNINSTALL", "It is gone, with all that it had registered: app, version."
    TASK_HOST_START = "TASK_HOST_START", "A process for one run of a background task stands: app, pid, instance (the process's)."
    TASK_HOST_END = "TASK_HOST_END", "That process ended: app, instance, status (an exit status, or the signal that killed it)."
    REGISTER = "REGISTER", "A background task was registered: app, task, kind, channel, task_id."
    UNREGISTER = "UNREGISTER", "It is registered no more: app, task, kind, channel, task_id, reason."
    TASK_INERT = "TASK_INERT", "Its trigger fired, and nothing came of it: app, task, kind, channel, reason."
    TASK_PENDING = "TASK_PENDING", "Its trigger has fired, and it has to wait: app, task, kind, instance, channel, reason."
    TASK_START = (
        "TASK_START",
        "A process runs it, as told or by a standing order: app, task, kind, instance, channel, process, process_instance.",
    )
    TASK_PAUSED = "TASK_PAUSED", "Its process is stopped until a quota is filled up: app, task, kind, instance, channel, reason."
    TASK_CONTINUED = "TASK_CONTINUED", "Its process goes on: app, task, kind, instance, channel."
    CANCEL_SENT = "CANCEL_SENT", "It is told to end: app, task, kind, instance, channel, reason, value (the reason's number)."
    CANCEL_HANDLED = "CANCEL_HANDLED", "Its handlers of that have run, if it has any: app, task, kind, instance, channel."
    TASK_KILLED = "TASK_KILLED", "It did not, and its process was killed: app, task, kind, instance, channel, process."
    TASK_END = (
        "TASK_END",
        "It is over for the system, also one that never ran: app, task, kind, instance, channel, reason, fault.",
    )
    CTOR = "CTOR", "A control channel was made: app, channel, minutes, hardware."
    USING_TRANSPORT = "USING_TRANSPORT", "A socket was given to it: app, channel, socket."
    CONNECT_BEGIN = "CONNECT_BEGIN", "The socket begins to connect: app, channel, host, port."
    CONNECT_END = "CONNECT_END", "It is connected, or not: app, channel, error."
    SLOT_REQUEST = "SLOT_REQUEST", "A slot is asked for: app, channel, kind (hardware or software)."
    SLOT_GRANT = "SLOT_GRANT", "It got one: app, channel, kind, status."
    SLOT_DENY = "SLOT_DENY", "It got none: app, channel, kind, status or reason."
    OWNERSHIP_ENABLED = "OWNERSHIP_ENABLED", "A socket may be given to the broker: app, kind, task_id, action, instance."
    OWNERSHIP_TO_BROKER = (
        "OWNERSHIP_TO_BROKER",
        "The broker has a socket from now on: app, socket, kind, task_id, action, instance (of the process that had it).",
    )
    OWNERSHIP_TO_APP = "OWNERSHIP_TO_APP", "The app has it: app, socket, kind, task_id, instance."
    SOCKET_ACTIVITY = (
        "SOCKET_ACTIVITY",
        "Something came on a socket of the broker, and its task was fired: app, socket, kind, task_id, reason, value, instance.",
    )
    SOCKET_WAITS = "SOCKET_WAITS", "Something came, and its task cannot be fired now: app, socket, kind, task_id, reason."
    SOCKET_DROPPED = "SOCKET_DROPPED", "The broker has closed it: app, socket, kind, task_id, reason."
    SLOT_FREE = "SLOT_FREE", "The host has the slot back: app, channel, kind."
    CHANNEL_CLOSE = "CHANNEL_CLOSE", "The channel is gone, closed by its app or ended with it: app, channel."
    RESET = "RESET", "Channels were taken away, and can be rebuilt now: app, reason, hardware, software (slots lost)."
    NIC_PATTERN_ADD = (
        "NIC_PATTERN_ADD",
        "The device has a slot for the connection: its owner's names, slot, gen; or the pattern: pattern_id.",
    )
    NIC_PATTERN_DEL = "NIC_PATTERN_DEL", "It has it no more: its owner's names, slot, gen; or pattern_id."
    NIC_REFUSED = "NIC_REFUSED", "The device, or the way to it, would not have it: its owner's names, error."
    SEALED = (
        "SEALED",
        "An app about to be stopped has sealed keep-alives ahead: app, instance, channel, new, records (all that are not sent).",
    )
    SEALED_FLUSH = (
        "SEALED_FLUSH",
        "Those that the device had not sent, the app has, before anything else: app, instance, channel, records, sent (ever).",
    )
    PAYLOAD_KEEP_ALIVE = (
        "PAYLOAD_KEEP_ALIVE",
        "The app gave a keep-alive of its own protocol, or took it back: app, channel, bytes.",
    )
    USAGE_FAULT = "USAGE_FAULT", "The app used its channel or its process wrongly: app, channel or instance, what."
    READ_POST = "READ_POST", "A read waits for data: app, instance, socket, channel."
    READ_COMPLETE_ENTER = "READ_COMPLETE_ENTER", "The completion of a read begins: app, instance, socket, channel, bytes."
    READ_COMPLETE_EXIT = "READ_COMPLETE_EXIT", "It has returned: app, instance, socket, channel."
    REQUEST_CREATE = "REQUEST_CREATE", "An HTTP request for a channel was made: app, instance, socket, method, uri."
    REQUEST_DISPOSE = "REQUEST_DISPOSE", "It was given up, and aborted if it was under way: app, instance, socket, channel."
    SEND = "SEND", "It goes out, as soon as it is connected: app, instance, socket, channel, method, uri."
    FUTURE_DONE = "FUTURE_DONE", "Its future is done: app, instance, socket, channel, status (0: none), error."
    FUTURE_QUEUED = "FUTURE_QUEUED", "The app keeps that future for its push task: app, channel."
    FLUSH = "FLUSH", "The app flushed its channel's transport: app, instance, channel."
    POWER = "POWER", "The user's view changed: state, before."
    SLEEP_REFUSED = "SLEEP_REFUSED", "The host stays awake for now: holder, reason, held_ms (how long it has held)."
    HELD = "HELD", "Somebody kept the host awake in standby, and does not any more: holder, reason, held_ms."
    GATE_CLOSED = "GATE_CLOSED", "The host has left the network."
    HANDOFF = "HANDOFF", "A connection's TCP state went to the device: its owner's names, the state."
    OFFLOAD_UNKNOWN = (
        "OFFLOAD_UNKNOWN",
        "The device has no protocol offload of that type, so nobody answers for the sleeping host: type.",
    )
    OFFLOAD_REFUSED = (
        "OFFLOAD_REFUSED",
        "The device has no room for a protocol offload, so nobody answers that for the sleeping host: type, address, error.",
    )
    GROUP_REFUSED = "GROUP_REFUSED", "The device took no membership of a multicast group: group, error."
    SLEEP_ENTER = "SLEEP_ENTER", "The host sleeps and the device speaks for it: connections (that it keeps), epoch."
    SLEEP_FAILED = "SLEEP_FAILED", "Falling asleep failed, and the host is awake: error."
    NIC_WAKE = (
        "NIC_WAKE",
        "The device woke the host: reason, app, instance, channel, slot, pattern_id, original_bytes, saved_bytes, "
        "device_us, yielded.",
    )
    NIC_FAULT = "NIC_FAULT", "The device refused itself a state that cannot follow: machine, state, refused, slot."
    DRIVER_TERMINATED = "DRIVER_TERMINATED", "The driver of the device ended; another one goes on where it was: status."
    TRANSFERS_TERMINATED = (
        "TRANSFERS_TERMINATED",
        "The process of background transfers ended; another one goes on where it was: status.",
    )
    NIC_VIOLATION = "NIC_VIOLATION", "The device said what offload.cddl does not allow: error."
    NOT_MENDED = (
        "NOT_MENDED",
        "Something that failed on the way to sleep or back is not right yet, and is tried again: step, error.",
    )
    SLEEP_EXIT = "SLEEP_EXIT", "The host is awake: cause."
    TAKE_BACK = "TAKE_BACK", "The host's kernel has the connection again: its owner's names, what the device did meanwhile."
    TAKE_BACK_FAILED = "TAKE_BACK_FAILED", "It could not have it: its owner's names, error."
    REINJECT = "REINJECT", "A frame that the device kept came to the host: index, bytes, flags."
    FRAMES_LOST = "FRAMES_LOST", "Frames that the device had no room for: lost."
    SLOT_RELEASED = "SLOT_RELEASED", "What a slot did while the host slept: slot, keep-alives, answers, close_reason."
    NEXT_HOP_MOVED = "NEXT_HOP_MOVED", "The next hop announced another MAC while the host slept: its owner's names, address, mac."
    SETTLE_FAILED = "SETTLE_FAILED", "After a wake the device could not be told that all was taken: error."
    RESUME_REQUIRED = (
        "RESUME_REQUIRED",
        "The device restarted or its lease ended; all that it held is given to it again: boot_id or lease_min.",
    )
    DEVICE_RESTARTED = "DEVICE_RESTARTED", "Why it restarted, once the host speaks for itself: boot_id, reset_cause."
    SYSTEM_STARTED = "SYSTEM_STARTED", "The system's process was started, the first time or again: incarnation, pid."
    SYSTEM_TERMINATED = "SYSTEM_TERMINATED", "It ended: incarnation, status. Unless that was 0 another one follows."
    SERVICE_FAULT = (
        "SERVICE_FAULT",
        "The system, or a process beside it, met an exception that nobody foresaw, and went on: where, error.",
    )
    RUN_ENTER = "RUN_ENTER", "A background task begins: app, app_instance, task, instance (the run's), channel."
    DEFERRAL_GET = (
        "DEFERRAL_GET",
        "A task, or what is done before a suspension, asks to be waited for: app, app_instance, task, instance.",
    )
    DEFERRAL_DONE = "DEFERRAL_DONE", "It need not be any more: app, app_instance, task, instance."
    RUN_EXIT = "RUN_EXIT", "The task is done: app, app_instance, task, instance, channel, fault."
    PUSH = "PUSH", "The server sent data: connection, bytes, frame (of a WebSocket), request (whose answer it is a part of)."
    PEER_RECEIVED = "PEER_RECEIVED", "The server got data: connection, bytes."
    PEER_UPGRADE = "PEER_UPGRADE", "The server answered a WebSocket's opening handshake: connection, path, status."
    PEER_FRAME = "PEER_FRAME", "The server got a WebSocket frame: connection, frame, masked."
    PEER_FIN = "PEER_FIN", "The server closed its side: connection."
    PEER_RST = "PEER_RST", "The server reset the connection: connection."
    PEER_CLOSED = "PEER_CLOSED", "A peer is about to be closed, with every connection that it has: address, port."
    HTTP_REQUEST = "HTTP_REQUEST", "An HTTP server got the head of a request: connection, request (its number), method, target."
    HTTP_RESPONSE = "HTTP_RESPONSE", "The last of its answer goes out: connection, request, status, bytes (of the body)."
    HTTP_UNANSWERED = "HTTP_UNANSWERED", "It could not be given: connection, request, error."
    HTTP_REFUSED = "HTTP_REFUSED", "What came was no HTTP, or no TLS that either side trusts: connection, error."
    HTTP_CLOSED = "HTTP_CLOSED", "The host closed its HTTP connection: connection, reset (RST, or FIN)."
    TRANSFER_CREATED = (
        "TRANSFER_CREATED",
        "A background transfer was created: app, id, direction (download or upload), uri, path, group, priority, cost_policy.",
    )
    TRANSFER_STATUS = (
        "TRANSFER_STATUS",
        "It is otherwise than before: app, id, direction, status (of BackgroundTransferStatus, by name), priority.",
    )
    TRANSFER_PERMIT = (
        "TRANSFER_PERMIT",
        "Its process is told what it may be: app, id, status (RUNNING: it may run, or what it is paused with), reason.",
    )
    TRANSFER_ATTEMPT = "TRANSFER_ATTEMPT", "A request of it begins: app, id, attempt (of all of it), from_byte."
    TRANSFER_PROGRESS = (
        "TRANSFER_PROGRESS",
        "How far it is, every now and then: app, id, bytes (come or gone), total (0: not known).",
    )
    TRANSFER_ENDED = (
        "TRANSFER_ENDED",
        "It is over: app, id, direction, status, bytes, total, error (of an ERROR: its web error and words).",
    )
    TRANSFER_FORGOTTEN = "TRANSFER_FORGOTTEN", "Its app has heard how it ended, or is gone: app, id."
    COMPLETION_GROUP = (
        "COMPLETION_GROUP",
        "A completion group of transfers: app, group, operations, what (enabled, fired, or why nothing more comes of it).",
    )
    QUEUE_CORRUPT = (
        "QUEUE_CORRUPT",
        "An app has asked for more transfers than it may have (strict_transfer_queue): app, operations.",
    )
    PUSH_LINE_UP = (
        "PUSH_LINE_UP",
        "The push service has a host's line: line, acknowledged (the host's last), unacknowledged (of those that went before).",
    )
    PUSH_LINE_DOWN = "PUSH_LINE_DOWN", "It has it no more: line, why."
    PUSH_POSTED = "PUSH_POSTED", "The push service took a notification: notification, app, channel, bytes, priority."
    PUSH_SENT = "PUSH_SENT", "It goes to its host: notification, app, channel, number, again (on another line than before)."
    PUSH_HELD = "PUSH_HELD", "It waits: notification, app, channel, way (cached or batched)."
    PUSH_EXPIRED = "PUSH_EXPIRED", "Its time to live was over before it came: notification, app, channel, why."
    PUSH_DISCARDED = "PUSH_DISCARDED", "It goes to nobody: notification, app, channel, why."
    PUSH_DELIVERED = "PUSH_DELIVERED", "Its host has acknowledged it: notification, app, channel, number."
    PUSH_CONNECTED = "PUSH_CONNECTED", "The host has its line to the push service: address, port, acknowledged."
    PUSH_LOST = "PUSH_LOST", "It has it no more: address, port, error."
    PUSH_DEAF = (
        "PUSH_DEAF",
        "The device has no place for its line: what comes while the host sleeps is not heard. error, places (of whom how many).",
    )
    PUSH_RECEIVED = "PUSH_RECEIVED", "A raw notification came: number, app, channel, bytes."
    PUSH_EVENT = "PUSH_EVENT", "The app's handlers of notifications are called: app, instance, notification, channel, bytes."
    PUSH_DROPPED = "PUSH_DROPPED", "It is given to nobody: number, app, channel, why."
    PUSH_ACKNOWLEDGED = "PUSH_ACKNOWLEDGED", "The service is told that it came, and what came of it is kept: number."
    LEVER = (
        "LEVER",
        "The test turned something around the host (rig help levers), or the user said yes to an app: what it is now, by name.",
    )
    MACHINE_RESTART = "MACHINE_RESTART", "The host's machine loses its power and starts again: all its processes end."
    NETWORK_CHANGED = "NETWORK_CHANGED", "The awake host sees its own link or addresses changed: link, addresses."
    DEVICE_DIED = "DEVICE_DIED", "The device's process ended by itself: device, status (an exit status or a signal), output."
    SERIAL_LOG = "SERIAL_LOG", "A line of text that the device wrote: line."
    FRAME = (
        "FRAME",
        "A frame on a link; written when the bench is closed: port, len, info, left_out (frames before it without a record).",
    )
    TASK_DATA = "TASK_DATA", "The suite's chat app: what its push task found: app, channel, data (hexadecimal), closed."
    KA_TX = "KA_TX", "A keep-alive task sent what keeps a channel alive: app, channel, bytes, or frame (ping or pong)."
    MASKS_GIVEN = "MASKS_GIVEN", "The chat app gave the device new WebSocket masks: app, channel, next_counter."
    TRANSPORT_ERROR = "TRANSPORT_ERROR", "The chat app met an error on its socket: app, channel, error."


class UnknownEvent(ValueError):
    """A test waits for what nobody writes: the test's own fault, said at once."""


def check_name(name: str) -> None:
    """Raises UnknownEvent, with what may have been meant."""
    if not name.isupper() or name in TimelineEvent.__members__:
        return
    close = difflib.get_close_matches(name, TimelineEvent, n=2, cutoff=0.7)
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    raise UnknownEvent(
        f"RIG-R22 the timeline has no event {name}\n  fix: {guess}`rig help events` lists them; "
        "one of your app's own has a small letter in its name"
    )


def page() -> str:
    """For `rig help`."""
    width = max(map(len, TimelineEvent))
    return "\n".join(
        [
            "What host, device, apps and server write to a test's timeline (timeline.jsonl), for timeline.wait(), find() and",
            'host.wait_for("RUN_EXIT", task="inbox-push"). Behind the colon: what a record carries.',
            "An app of yours may write its own with app.timeline.add(); a small letter in the name tells it from these.",
            "",
            *(f"{event:{width}}  {event.meaning}" for event in TimelineEvent),
        ]
    )
