"""An app that says again what it is told: what the fuzzing server of Autobahn's test suite wants of a client."""

from __future__ import annotations

import threading

from rig.standby.api import App
from rig.standby.api.websockets import (
    MessageWebSocket,
    MessageWebSocketControl,
    MessageWebSocketMessageReceivedEventArgs,
    SocketMessageType,
)

LARGEST_MESSAGE_BYTES = 32 << 20
CASE_LIMIT_S = 60.0


class EchoApp:
    """One connection at a time."""

    def __init__(self, app: App) -> None:
        self.app = app

    def text_from(self, uri: str) -> str:
        """The one message that the server has for it."""
        return "".join(data.decode() for data in self._talk(uri, answer=False))

    def run_cases(self, uri: str, first: int, last: int) -> None:
        """A connection for each, until the server ends it. `uri` has the number as {}."""
        for number in range(first, last + 1):
            self._talk(uri.format(number), answer=True)

    def _talk(self, uri: str, *, answer: bool) -> list[bytes]:
        heard, over = list[bytes](), threading.Event()
        sock = MessageWebSocket(MessageWebSocketControl(max_message_size_bytes=LARGEST_MESSAGE_BYTES))

        def hear(sock: MessageWebSocket, args: MessageWebSocketMessageReceivedEventArgs) -> None:
            if over.is_set():
                return  # what came before the end that an answer met
            try:
                reader = args.get_data_reader()
                data = reader.read_bytes(reader.unconsumed_buffer_length)
                if answer:
                    self._echo(sock, data, args.message_type)
                else:
                    heard.append(data)
            except OSError:
                over.set()

        sock.add_message_received(hear)
        sock.add_closed(lambda _sock, _closed: over.set())
        sock.connect(uri)
        if not over.wait(CASE_LIMIT_S):
            raise TimeoutError(f"the server does not end {uri}")
        sock.close()
        return heard

    def _echo(self, sock: MessageWebSocket, data: bytes, kind: SocketMessageType) -> None:
        sock.control.message_type = kind
        sock.send(data)
