"""An app with one socket of each kind of the broker's, for tests that are the system."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from rig.clock import WAIT_S, Deadline
from rig.standby.api import (
    App,
    DatagramSocket,
    DatagramSocketMessageReceivedEventArgs,
    DataReader,
    DataWriter,
    HostError,
    ReadOperation,
    SocketActivityContext,
    SocketActivityInformation,
    StreamSocket,
    StreamSocketListener,
    StreamSocketListenerConnectionReceivedEventArgs,
)

TASK = "00000000-0000-4000-8000-000000000000"


class SocketApp:
    def __init__(self, app: App) -> None:
        self.app = app
        self.stream, self.datagram, self.listener = StreamSocket(), DatagramSocket(), StreamSocketListener()
        self.heard: list[str] = []
        self.accepted: list[StreamSocket] = []
        self._go_on = threading.Event()
        self._slow = False
        self._fails = 0
        self.datagram.add_message_received(self._message)
        self.listener.add_connection_received(self._connection)

    def connect(self, socket: str, port: int) -> None:
        getattr(self, socket).connect("127.0.0.1", port)

    def bind(self, socket: str, host: str = "127.0.0.1") -> int:
        """To any port."""
        bound: DatagramSocket | StreamSocketListener = getattr(self, socket)
        bound.bind(0, host)
        return bound.local_port

    def bind_to(self, socket: str, port: int) -> None:
        getattr(self, socket).bind(port, "127.0.0.1")

    def close(self, socket: str) -> None:
        getattr(self, socket).close()

    def cancel_io(self, socket: str) -> None:
        getattr(self, socket).cancel_io()

    def write(self, data: str) -> None:
        self.stream.write(data.encode())

    def send(self, data: str) -> None:
        self.datagram.send(data.encode())

    def send_to(self, data: str, port: int, host: str = "127.0.0.1") -> None:
        self.datagram.send_to(data.encode(), host, port)

    def add_handler_late(self, socket: str) -> None:
        if socket == "datagram":
            self.datagram.add_message_received(self._message)
        else:
            self.listener.add_connection_received(self._connection)

    def fail(self, times: int) -> None:
        """The next handlers of connections and datagrams do."""
        self._fails = times

    def remove_handlers(self) -> None:
        self.datagram.remove_message_received(self._message)
        self.listener.remove_connection_received(self._connection)

    def transfer(self, socket: str, context: str | None = None, minutes: int | None = None) -> None:
        """Enabled as the test's system lets it."""
        more: list[Any] = [SocketActivityContext(context.encode())] if context is not None else []
        if minutes is not None:
            more.append(timedelta(minutes=minutes))
        getattr(self, socket).transfer_ownership(socket, *more)

    def enable(self, socket: str) -> None:
        getattr(self, socket).enable_transfer_ownership(TASK)

    # -- what waits ----------------------------------------------------------------------------------------------------

    def post_read(self) -> None:
        self._posted = self.stream.read_async(100, self._read)

    def pending_status(self) -> str:
        return self._posted.status.name

    def wait_for_full_socket(self) -> None:
        """Until the kernel takes no more of what a thread writes."""
        deadline = Deadline(WAIT_S)
        while (stream := self.stream._stream) is None or stream._waiter is None:
            assert not deadline.expired
            deadline.pause()

    def close_kernels(self, socket: str) -> None:
        """Behind the back of the API."""
        getattr(self, socket)._socket.close()

    def read_in_thread(self, count: int, reader: bool = False) -> None:
        """`reader`: by one."""
        threading.Thread(target=self._read_now, args=(count, reader), daemon=True).start()

    def write_datagram(self, port: int) -> None:
        """By a writer."""
        writer = DataWriter(self.datagram.output("127.0.0.1", port))
        writer.write_uint16(2)
        writer.write_string("hé")
        assert writer.store() == 5

    def write_in_thread(self, count: int) -> None:
        threading.Thread(target=self._write_now, args=(count,), daemon=True).start()

    def handlers_wait(self) -> None:
        """Each, from now on, until `go_on`."""
        self._slow = True

    def go_on(self) -> None:
        self._go_on.set()

    def what_was_heard(self) -> list[str]:
        return self.heard

    def _read(self, operation: ReadOperation) -> None:
        self._told(f"read {operation.status.name} {operation.data.decode()}")

    def _read_now(self, count: int, by_reader: bool) -> None:
        try:
            if by_reader:
                reader = DataReader(self.stream)
                data = reader.read_bytes(reader.load(count))
            else:
                data = self.stream.read(count)
            self._told(f"read {data.decode()}")
        except (OSError, HostError) as error:
            self._told(f"read {type(error).__name__} {error}")

    def _write_now(self, count: int) -> None:
        self.app.timeline.add("Writes")
        try:
            self.stream.write(bytes(count))
            self._told("written")
        except OSError as error:
            self._told(f"write {error.errno}")

    def _message(self, sock: DatagramSocket, args: DatagramSocketMessageReceivedEventArgs) -> None:
        if self._fails:
            self._fails -= 1
            raise RuntimeError("no room for it")
        try:
            self._told(f"{args.remote_address}:{args.remote_port} {args.data.decode()}")
        except OSError as error:
            self._told(f"error {error.errno}")

    def _connection(self, listener: StreamSocketListener, args: StreamSocketListenerConnectionReceivedEventArgs) -> None:
        self.accepted.append(args.socket)
        if self._fails:
            self._fails -= 1
            raise RuntimeError("no room for it")
        args.socket.write(b"hello")
        self._told("connection")

    def _told(self, words: str) -> None:
        self.heard.append(words)
        self.app.timeline.add("Heard", words=words)
        if self._slow:
            self._go_on.wait()

    # -- from the broker -----------------------------------------------------------------------------------------------

    def take(self, kind: str) -> None:
        """What the broker has, in place of the own one."""
        info = SocketActivityInformation.all_sockets()[kind]
        match kind:
            case "stream":
                self.stream = info.stream_socket
            case "datagram":
                self.datagram = info.datagram_socket
                self.datagram.add_message_received(self._message)
            case "listener":
                self.listener = info.stream_socket_listener
                self.listener.add_connection_received(self._connection)

    def enable_accepted(self) -> None:
        self.accepted[-1].enable_transfer_ownership(TASK)
        self.accepted[-1].transfer_ownership("accepted")
