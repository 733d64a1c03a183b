"""What a system meets whose supervisor ends, as it does itself a moment later."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rig.standby.system.supervisor_process import SupervisorProcess
from rig.standby.wire.faults import is_foreseen
from rig.standby.wire.hresult import HostError
from rig.standby.wire.supervision import Inheritance


@pytest.mark.parametrize("ends", ["before", "meanwhile"])
def test_a_process_that_is_started_as_the_host_ends_is_no_fault(ends: str) -> None:
    """A timer has fired just then: the start of its run is refused, in words, and nobody reports it."""

    async def life() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gone, faults = asyncio.Event(), list[BaseException]()
        given = Inheritance(incarnation=1, line_fd=ours.detach(), companions={})
        above = SupervisorProcess(given, on_gone=lambda _why: gone.set(), on_fault=lambda _where, error: faults.append(error))
        if ends == "before":
            theirs.close()
            await gone.wait()
        starting = asyncio.create_task(above.start(above.child(), "mail", "", [], 1, []))
        await asyncio.sleep(0)
        theirs.close()
        with pytest.raises(HostError, match="the host ends") as refused:
            await starting
        assert is_foreseen(refused.value)
        assert not faults

    asyncio.run(asyncio.wait_for(life(), 10))
