"""The system: what decides. Power, apps, channels, tasks. It knows the device only through `rig.standby.nic`."""
