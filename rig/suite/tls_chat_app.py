"""The suite's chat client over TLS."""

from __future__ import annotations

from pathlib import Path

from rig.standby.api import (
    App,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    SocketError,
    SocketProtectionLevel,
    StreamSocket,
    TlsError,
)
from rig.suite.chat_app import READ_BYTES, ChatApp


class TlsChatApp(ChatApp):
    """`set_up_with` says how channels connect."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.server_name: str | None = None
        self.client_certificate: Path | None = None
        self.upgrades = False

    def set_up_with(self, server_name: str | None = None, client_certificate: str | None = None, upgrades: bool = False) -> None:
        """How channels connect from now on."""
        self.server_name = server_name
        self.client_certificate = Path(client_certificate) if client_certificate else None
        self.upgrades = upgrades

    def status_of_connect(self, channel: str, host: str, port: int) -> tuple[int, bool]:
        """The SocketErrorStatus that it is refused with, and whether its transport is connected. The channel stays."""
        self.request_access()
        trigger = ControlChannelTrigger(channel, 30, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        sock = StreamSocket()
        trigger.using_transport(sock)
        try:
            self._connect_socket(sock, host, port)
        except OSError as error:
            return int(SocketError.get_status(error)), sock.connected
        raise AssertionError("it was not refused")

    def status_of_upgrade(self, host: str, port: int, server_name: str) -> tuple[int, bool]:
        """The same of a plain connection that is upgraded."""
        sock = StreamSocket()
        sock.connect(host, port)
        try:
            sock.upgrade_to_tls(server_name)
        except TlsError as error:
            return int(SocketError.get_status(error)), sock.connected
        raise AssertionError("it was not refused")

    def upgrade_with_a_read_posted(self, host: str, port: int) -> None:
        """Raises what the API does."""
        sock = StreamSocket()
        sock.connect(host, port)
        sock.read_async(READ_BYTES, lambda _: None)
        sock.upgrade_to_tls(host)

    def give_to_the_broker(self, host: str, port: int) -> None:
        """A connection of no channel. Raises what the API does."""
        sock = StreamSocket()
        sock.connect(host, port, protection=SocketProtectionLevel.TLS)
        sock.transfer_ownership("given")

    def protected(self, channel: str) -> bool:
        return self.contexts[channel].socket.protected

    def _connect_socket(self, sock: StreamSocket, host: str, port: int) -> None:
        sock.client_certificate = self.client_certificate
        if self.upgrades:
            sock.connect(host, port)
            sock.upgrade_to_tls(self.server_name or host)
        else:
            sock.connect(host, port, protection=SocketProtectionLevel.TLS, server_name=self.server_name)
