"""An FTP server that a test scripts: as much of RFC 959 as a download needs, each reply another one where the test says so."""

from __future__ import annotations

import socket
import threading
from typing import Self

READY = {
    "USER": "331 who says so?",
    "PASS": "230 welcome",
    "PWD": '257 "/"',
    "CWD": "250 there",
    "TYPE": "200 as you like",
    "REST": "350 from there",
    "MDTM": "213 20010909014640",
    "QUIT": "221 bye",
}


class ScriptedFtp:
    """`replies`: by command, in place of its own; None: it says nothing. `body`: what RETR gives, from where REST said;
    `stalls`: and then nothing, not even the end."""

    def __init__(
        self, body: bytes, replies: dict[str, str | None] | None = None, *, greeting: bool = True, stalls: bool = False
    ) -> None:
        self.commands: list[str] = []
        self._body = body
        self._replies: dict[str, str | None] = {**READY, "SIZE": f"213 {len(body)}", **(replies or {})}
        self._greeting = greeting
        self._stalls = stalls
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, path: str = "/file", credentials: str = "") -> str:
        return f"ftp://{credentials}127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                control, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(control)
            threading.Thread(target=self._session, args=(control,), daemon=True).start()

    def _session(self, control: socket.socket) -> None:
        data, offset = socket.create_server(("127.0.0.1", 0)), 0
        self._sockets.append(data)

        def say(line: str) -> None:
            control.sendall(f"{line}\r\n".encode())

        try:
            if self._greeting:
                say("220 hello")
            for line in control.makefile("r", newline="\r\n"):
                self.commands.append(line.strip())
                command, _, value = line.strip().partition(" ")
                offset = int(value) if command == "REST" else offset
                if command == "EPSV":
                    say(f"229 come (|||{data.getsockname()[1]}|)")
                elif command == "RETR" and command not in self._replies:
                    say("150 here")
                    with data.accept()[0] as there:
                        there.sendall(self._body[offset:])
                        if self._stalls:
                            self._closed.wait()
                    say("226 done")
                elif (reply := self._replies.get(command, "502 what?")) is not None:
                    say(reply)
        except OSError:
            return
