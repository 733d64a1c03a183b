"""A classic BPF program on a socket: the kernel drops what it does not pass."""

from __future__ import annotations

import ctypes
import socket
import struct

SO_ATTACH_FILTER = 26
"""socket.h"""
INSTRUCTION_BYTES = 8


def attach_filter(sock: socket.socket, program: bytes) -> None:
    """`program`: struct sock_filter after struct sock_filter (linux/filter.h). Raises OSError for one the kernel refuses."""
    instructions = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
