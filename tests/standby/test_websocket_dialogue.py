"""Who reads and who writes on one WebSocket, over a real socket: nobody waits for a server that does not read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from rig.clock import Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.websockets.conversation import Closed, Conversation
from rig.standby.api.websockets.dialogue import MAX_UNSENT_BYTES, Dialogue
from rig.standby.api.websockets.errors import WebSocketError
from rig.standby.api.websockets.uri import parsed

PATIENCE_S = 10.0
SMALL_BYTES = 4096
"""Of buffers of the kernel, so that they are full at once."""
BIG_BYTES = 4 << 20
WRITERS, MESSAGES = 4, 200


class Server:
    """The other end: it reads when it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.protocol = ServerProtocol(max_size=None)
        self.frames: list[Frame] = []

    def read(self) -> bool:
        """What has come; False at the end of the stream."""
        data = self.sock.recv(65536)
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        return bool(data)

    def read_until(self, opcode: Opcode, count: int = 1) -> list[bytes]:
        while len(found := [bytes(frame.data) for frame in self.frames if frame.opcode is opcode]) < count:
            assert self.read(), f"the end, with {len(found)} of {count} {opcode.name}"
            assert self.protocol.parser_exc is None
        return found

    def send(self, *frames: Frame) -> None:
        self.sock.sendall(b"".join(frame.serialize(mask=False) for frame in frames))


@pytest.fixture
def ends() -> Iterator[tuple[Dialogue, Server]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        ours = socket.create_connection(listener.getsockname())
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
        theirs = listener.accept()[0]
    with ours, theirs:
        theirs.settimeout(PATIENCE_S)
        conversation = Conversation(parsed("ws://server/"))
        stream = ByteStream(ours)
        server = Server(theirs)
        stream.write(conversation.outgoing())
        server.protocol.receive_data(theirs.recv(65536))
        server.protocol.send_response(server.protocol.accept(server.protocol.events_received()[0]))  # type: ignore[arg-type]
        theirs.sendall(b"".join(server.protocol.data_to_send()))
        stream.wait_readable(Deadline(PATIENCE_S))
        conversation.feed(stream.receive() or b"")
        assert conversation.opened
        assert server.protocol.state is OPEN
        yield Dialogue(stream, conversation), server


def fetch_something(dialogue: Dialogue) -> None:
    """As the runtime does: when the socket is readable."""
    deadline = Deadline(PATIENCE_S)
    while not dialogue.fetch():
        dialogue.stream.wait_readable(deadline)


def test_who_reads_does_not_wait_for_a_server_that_does_not_read(ends: tuple[Dialogue, Server]) -> None:
    """Another thread is stuck in a write; pings are taken, and their pongs come behind what that thread wrote."""
    dialogue, server = ends
    writer = threading.Thread(target=lambda: dialogue.say(lambda conversation: conversation.send(bytes(BIG_BYTES))), daemon=True)
    writer.start()
    deadline = Deadline(PATIENCE_S)
    while dialogue.conversation.unsent_bytes and not deadline.expired:
        time.sleep(0.001)  # until the writer has it
    server.send(Frame(Opcode.PING, b"1"), Frame(Opcode.PING, b"2"), Frame(Opcode.BINARY, b"data"))
    fetch_something(dialogue)
    assert dialogue.conversation.parts.popleft().data == b"data"
    assert writer.is_alive(), "the server has read nothing"
    assert server.read_until(Opcode.PONG, 2) == [b"1", b"2"]
    assert [len(frame.data) for frame in server.frames if frame.opcode is Opcode.BINARY] == [BIG_BYTES]
    writer.join(PATIENCE_S)
    assert not writer.is_alive()


def test_a_server_that_pings_and_does_not_read_is_given_up_and_costs_no_more(ends: tuple[Dialogue, Server]) -> None:
    dialogue, server = ends
    server.sock.settimeout(0.05)
    deadline = Deadline(PATIENCE_S)
    while dialogue.conversation.end is None and not deadline.expired:
        try:
            server.send(*[Frame(Opcode.PING, bytes(125))] * 20)
        except TimeoutError:
            pass
        dialogue.fetch()
    assert isinstance(dialogue.conversation.end, WebSocketError)
    assert "does not read" in str(dialogue.conversation.end)
    assert dialogue.conversation.unsent_bytes < 2 * MAX_UNSENT_BYTES


def test_messages_of_many_threads_arrive_whole(ends: tuple[Dialogue, Server]) -> None:
    """While somebody else answers pings between them."""
    dialogue, server = ends
    texts = [[b"%d-%d" % (writer, number) * 50 for number in range(MESSAGES)] for writer in range(WRITERS)]

    def write(messages: list[bytes]) -> None:
        for message in messages:
            dialogue.say(lambda conversation, message=message: conversation.send(message))  # type: ignore[misc]

    threads = [threading.Thread(target=write, args=(messages,), daemon=True) for messages in texts]
    for thread in threads:
        thread.start()
    server.send(*[Frame(Opcode.PING, b"%d" % number) for number in range(MESSAGES)], Frame(Opcode.BINARY, b"end"))
    reader = threading.Thread(target=lambda: fetch_something(dialogue), daemon=True)
    reader.start()
    arrived = server.read_until(Opcode.BINARY, WRITERS * MESSAGES)
    for messages in texts:
        mine = [message for message in arrived if message.split(b"-")[0] == messages[0].split(b"-")[0]]
        assert mine == messages, "in the order in which their thread sent them"
    for thread in [*threads, reader]:
        thread.join(PATIENCE_S)
    dialogue.say(lambda conversation: None)
    assert server.read_until(Opcode.PONG, MESSAGES) == [b"%d" % number for number in range(MESSAGES)]


def test_goodbye_to_a_server_that_does_not_read_is_bounded(ends: tuple[Dialogue, Server]) -> None:
    dialogue, _ = ends
    writer = threading.Thread(target=_write_until_broken, args=(dialogue,), daemon=True)
    writer.start()
    while dialogue.conversation.unsent_bytes:
        time.sleep(0.001)
    begun_s = time.monotonic()
    dialogue.say_goodbye(1000, "", Deadline(0.2))
    assert time.monotonic() - begun_s < PATIENCE_S / 2
    dialogue.stream.sock.shutdown(socket.SHUT_RDWR)
    writer.join(PATIENCE_S)
    assert not writer.is_alive(), "whoever was stuck is free"


def test_goodbye_behind_pongs_that_the_server_does_not_read_is_bounded(ends: tuple[Dialogue, Server]) -> None:
    dialogue, server = ends
    server.sock.settimeout(0.05)
    deadline = Deadline(PATIENCE_S)
    while dialogue.conversation.unsent_bytes < MAX_UNSENT_BYTES // 2 and not deadline.expired:
        server.send(*[Frame(Opcode.PING, bytes(125))] * 20)
        dialogue.fetch()
    begun_s = time.monotonic()
    dialogue.say_goodbye(1000, "", Deadline(0.2))
    assert time.monotonic() - begun_s < PATIENCE_S / 2


def _write_until_broken(dialogue: Dialogue) -> None:
    try:
        dialogue.say(lambda conversation: conversation.send(bytes(BIG_BYTES)))
    except OSError:
        pass


def test_goodbye_reads_what_the_server_still_sends_and_waits_for_its_end(ends: tuple[Dialogue, Server]) -> None:
    dialogue, server = ends
    server.send(*[Frame(Opcode.BINARY, bytes(500))] * 10)
    leaving = threading.Thread(target=lambda: dialogue.say_goodbye(4000, "bye", Deadline(PATIENCE_S)), daemon=True)
    leaving.start()
    (close,) = server.read_until(Opcode.CLOSE)
    assert close == b"\x0f\xa0bye"
    assert leaving.is_alive()
    server.sock.sendall(b"".join(server.protocol.data_to_send()))
    server.sock.shutdown(socket.SHUT_WR)
    leaving.join(PATIENCE_S)
    assert not leaving.is_alive()
    assert dialogue.conversation.end == Closed(4000, "bye")


def test_a_reset_in_the_middle_of_a_frame_is_an_error_behind_what_came_before(ends: tuple[Dialogue, Server]) -> None:
    dialogue, server = ends
    server.send(Frame(Opcode.BINARY, b"whole"))
    server.sock.sendall(b"\x82\x10half")
    dialogue.stream.wait_readable(Deadline(PATIENCE_S))
    fetch_something(dialogue)
    assert dialogue.conversation.parts.popleft().data == b"whole"
    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.sock.close()
    fetch_something(dialogue)
    assert isinstance(dialogue.conversation.end, WebSocketError)
    assert isinstance(dialogue.conversation.end.__cause__, ConnectionResetError)


def test_a_pong_that_is_waited_for_is_taken_by_who_reads(ends: tuple[Dialogue, Server]) -> None:
    dialogue, server = ends
    dialogue.say(lambda conversation: conversation.ping(b"here"))
    assert server.read_until(Opcode.PING) == [b"here"]
    server.send(Frame(Opcode.PONG, b"another"), Frame(Opcode.PONG, b"here"), Frame(Opcode.BINARY, b"x"))
    reader = threading.Thread(target=lambda: fetch_something(dialogue), daemon=True)
    reader.start()
    assert dialogue.wait_pong(b"here", PATIENCE_S)
    assert not dialogue.wait_pong(b"never", 0.01), "the negative control"
    reader.join(PATIENCE_S)
