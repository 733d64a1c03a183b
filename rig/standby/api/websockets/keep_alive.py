"""Windows.Networking.Sockets.WebSocketKeepAlive: the keep-alive task of a channel whose transport is a WebSocket. The system
brings it along, and an app names it as the entry point of its channel's keep-alive trigger, in code and in its manifest (CWS-009,
CWS-010).
"""

from __future__ import annotations

from rig.standby.api import session
from rig.standby.api.task_instance import BackgroundTaskInstance
from rig.standby.api.websockets.offloaded_keep_alive import renew
from rig.standby.api.websockets.web_socket import WebSocket
from rig.standby.wire.hresult import HostError, HResult

ENTRY_POINT = "Windows.Networking.Sockets.WebSocketKeepAlive"

ANSWER_LIMIT_S = 1.0
"""How long the task stays for the pong, as one that comes to a sleeping host wakes it."""


class WebSocketKeepAlive:
    """Runs in the app's process, and enters none of its code."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        """One frame, which has left when this returns. Raises WebSocketError when the connection is over, OSError of the kernel,
        HostError: then that is how the run ended, for the app to see; its posted read has ended as well."""
        channel = instance.trigger_details
        if channel is None:
            return  # it was closed meanwhile
        transport = channel.transport_object
        if not isinstance(transport, WebSocket):
            raise HostError(HResult.INVALID_STATE, f"channel {instance.channel_id!r} has no WebSocket for its transport")
        frame = transport.send_keep_alive(ANSWER_LIMIT_S)
        if transport.control.offload_keep_alive:
            renew(channel, transport.control.keep_alive_frame, protected=transport.protected)
        app = session.current()
        app.timeline.add("KA_TX", app=app.name, channel=instance.channel_id, frame=frame.value)
        channel.flush_transport()
