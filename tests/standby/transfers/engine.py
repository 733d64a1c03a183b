"""The engine of transfers, and servers, on this process's own network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from rig.standby.transfers.curl_loop import CurlLoop


class Here:
    """This process's own network, as a namespace."""

    def socket(self, family: int, kind: int) -> socket.socket:
        return socket.socket(family, kind)


def on_loop(work: Callable[[CurlLoop], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        curls = CurlLoop()
        try:
            return await work(curls)
        finally:
            curls.close()

    return asyncio.run(life())
