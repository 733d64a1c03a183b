"""A device written from firmware/proto/README.md alone: what a vendor reads first. At the minimum profile, and slow.

A process of its own: SMP on the serial line that it is given, frames on the packet socket. It shares the rig's framing and its
reader of offload.cddl, and nothing of the firmware.

`commands` is what the host asks for, `machine` who owns the host's identity and what is kept for it, `connection` and `slot` a
TCP connection, `patterns` what else wakes, `receive` what becomes of a frame, `segment` one taken apart, `to_send` one put
together, `server` the serial line.
"""
