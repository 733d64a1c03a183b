"""A device that restarts during its watch: a stranger to the host, and silent on the wire."""

from __future__ import annotations

import pytest

from rig.device import mcumgr
from rig.device.link import Link
from rig.device.numbers import OffloadRc, Owner, Power
from rig.device.offload import OffloadClient
from rig.device.offload_types import ProtocolOffload
from rig.errors import DeviceError
from tests.engine.engine_lib import HOST_IP, HOST_MAC
from tests.engine.packets import arp, tcp

from .kinds import KINDS
from .test_same_bytes import SLOT, settled, sleep
from .wires import wired


@pytest.mark.edge(97)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["reset", "power cut"])
def test_a_reset_asleep_is_told_and_leaves_nobody_speaking_for_the_host(kind: str, how: str) -> None:
    """The new boot number says that slots are lost; a device that went on answering would keep the host's peers waiting."""
    with wired(kind) as (device, wire), Link(device.port) as link:
        mcumgr.wait_ready(link)
        client = OffloadClient(link)
        client.attach(1)
        client.add_tcp_slot(SLOT)
        client.add_offload(ProtocolOffload(id=1, ip=HOST_IP, mac=HOST_MAC))
        sleep(client)
        for number, frame in enumerate((arp(), tcp(seq=4999)), 1):
            wire.send(frame)
            settled(client, number)
            assert len(wire.take()) == 1, "the control: it speaks while it watches"
        boot_id, epoch = client.hello().boot_id, client.status().epoch
        if how == "reset":
            device.reset()
        else:
            device.power_cut()
            device.start()
        mcumgr.wait_ready(link)
        assert client.hello().boot_id == boot_id + 1
        status = client.status()
        assert (status.power, status.owner, client.slots(), client.offloads()) == (Power.D0, Owner.HOST, (), ())
        for frame in (arp(), tcp(seq=4999)):
            wire.send(frame)
        settled(client, 2)
        assert wire.take() == []
        with pytest.raises(DeviceError) as refused:
            client.host_awake(epoch)
        assert refused.value.rc == OffloadRc.BAD_STATE
