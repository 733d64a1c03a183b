"""The remote ends of the host's connections, in namespaces of their own."""

from rig.peers.tcp import PushConnection, PushServer

__all__ = ["PushConnection", "PushServer"]
