"""An app that has ended leaves nothing, whatever the device says to that."""

from __future__ import annotations

from rig.config import StandbyConfig
from rig.errors import BenchError
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from tests.standby.fake_host import FakeHost
from tests.standby.virtual_time import virtual


@virtual
async def test_all_of_its_channels_end_although_the_driver_cannot_give_one_back() -> None:
    host = FakeHost(StandbyConfig(hw_slots_total=3, hw_slots_per_app=3))
    await host.system.start()
    app = await host.app()
    for channel in ("inbox", "outbox", "drafts"):
        assert await app.open(channel) is Status.HARDWARE_SLOT_ALLOCATED
    host.driver.fails["give_back"] = BenchError("RIG-N23", "the driver is not to be had")
    app.kill()
    await host.timeline.wait("APP_TERMINATED", app="mail")
    await host.settle()
    assert "RIG-N23" in host.timeline.find("SERVICE_FAULT")[0].error
    assert len(host.timeline.find("SLOT_FREE")) == 3
    assert not host.supervisor.stored
    host.driver.fails.clear()
    other = await host.app("other")
    assert await other.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
    await host.fall_asleep()
    await host.close()
