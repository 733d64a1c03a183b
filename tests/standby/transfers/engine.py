"""The engine of transfers, and servers, on this process's own network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rig.standby.transfers.curl_loop import CurlLoop
from rig.standby.transfers.download import Download
from rig.standby.transfers.partial_file import PartialFile
from rig.standby.transfers.request import TransferRequest


class Here:
    """This process's own network, as a namespace."""

    def socket(self, family: int, kind: int) -> socket.socket:
        return socket.socket(family, kind)

    def enter_command(self) -> list[str]:
        return []

    @property
    def fd(self) -> int:
        return 0


class Told:
    """What a download tells."""

    def __init__(self) -> None:
        self.validator = ""
        self.whole_bytes: int | None = None
        self.restarts = 0
        self.lengths: list[int] = []

    def begun(self, validator: str, whole_bytes: int | None, *, restarted: bool) -> None:
        self.validator, self.whole_bytes = validator, whole_bytes
        self.restarts += restarted
        self.lengths.append(0)

    def received(self, length_bytes: int) -> None:
        self.lengths.append(length_bytes)


class Sent:
    """What an upload tells."""

    def __init__(self) -> None:
        self.sent_bytes: list[int] = []
        self.received_bytes = 0

    def sent(self, length_bytes: int) -> None:
        self.sent_bytes.append(length_bytes)

    def received(self, length_bytes: int) -> None:
        self.received_bytes = length_bytes


def on_loop(work: Callable[[CurlLoop], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        curls = CurlLoop()
        try:
            return await work(curls)
        finally:
            curls.close()

    return asyncio.run(life())


def downloaded(request: TransferRequest, path: Path, told: Told | None = None) -> bytes:
    """One attempt; what there is then. Raises as `Download.attempt`."""
    file = PartialFile(path)
    try:
        on_loop(Download(request, file, "", told or Told()).attempt)
        file.complete()
    finally:
        file.close()
    return path.read_bytes()
