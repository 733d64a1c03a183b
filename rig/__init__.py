"""Hardware-in-the-loop rig for low-power network offload."""

__version__ = "0.1.0"
