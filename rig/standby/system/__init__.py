"""The system: what decides. Power, apps, channels, tasks. It knows the device only
through `driver.py`, and the messages of `wire/nic.py`."""
