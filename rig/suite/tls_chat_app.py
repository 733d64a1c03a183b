"""The suite's chat client over TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rig.standby.api import (
    App,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    PayloadKeepAlive,
    SocketError,
    SocketProtectionLevel,
    StreamSocket,
    TlsError,
    fresh_masks,
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

    def status_of_connect(self, channel: str, host: str, port: int, limit_s: float = 10.0) -> tuple[int, bool]:
        """The SocketErrorStatus that it is refused with, and whether its transport is connected. The channel stays."""
        self.request_access()
        trigger = ControlChannelTrigger(channel, 30, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        sock = StreamSocket()
        trigger.using_transport(sock)
        try:
            sock.connect(host, port, protection=SocketProtectionLevel.TLS, timeout_s=limit_s)
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

    def pong_ahead(self, channel: str, masks: int = 4096, start: int = 0) -> None:
        """Unsolicited pongs with a counter, sealed ahead; what the keep-alive task would write is left out from now on."""
        pong = PayloadKeepAlive.websocket_pong(fresh_masks(masks), start=start)
        self._trigger(channel).payload_keep_alive = pong
        self.keep_alive_payload = b""

    def set_keep_alive(self, channel: str, **keep_alive: Any) -> None:
        """Raises what the API does."""
        self._trigger(channel).payload_keep_alive = PayloadKeepAlive(**keep_alive)

    def pong_no_more(self, channel: str) -> None:
        self._trigger(channel).payload_keep_alive = None

    def forget_what_was_not_sent(self, channel: str) -> None:
        """A fault that this puts in: the pongs that are left are never flushed."""
        stream = self.contexts[channel].socket.stream
        assert stream is not None
        stream.before_write = bytes

    def protected(self, channel: str) -> bool:
        return self.contexts[channel].socket.protected

    def _connect_socket(self, sock: StreamSocket, host: str, port: int) -> None:
        sock.client_certificate = self.client_certificate
        if self.upgrades:
            sock.connect(host, port)
            sock.upgrade_to_tls(self.server_name or host)
        else:
            sock.connect(host, port, protection=SocketProtectionLevel.TLS, server_name=self.server_name)

    def _keep_alive_task(self, instance: BackgroundTaskInstance) -> None:
        if self.keep_alive_payload:
            super()._keep_alive_task(instance)
