"""All that the kernel knows of one kind, such as the links of the calling thread's namespace, as it says it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rig.errors import BenchError
from rig.net import netlink
from rig.net.attributes import attributes

NLA_TYPE_MASK = 0x3FFF


def dump(request: int, body: bytes) -> Iterator[bytes]:
    """What stands behind the header of each message of the answer: the fixed part, then attributes. Raises BenchError RIG-N06."""
    with netlink.kernel() as kernel:
        kernel.send(netlink.request(request, netlink.NLM_F_DUMP, body))
        while True:
            for kind, message in netlink.messages(kernel.recv(netlink.ANSWER_BYTES)):
                if kind == netlink.NLMSG_DONE:
                    return
                if kind == netlink.NLMSG_ERROR:
                    why = os.strerror(netlink.errno_of(message))
                    raise BenchError("RIG-N06", f"the kernel does not say how a namespace's network is: {why}", "rig doctor")
                yield message


def values(message: bytes, offset: int) -> dict[int, bytes]:
    """Attributes from there on, by type."""
    return {kind & NLA_TYPE_MASK: message[start:end] for kind, start, end in attributes(message, offset)}
