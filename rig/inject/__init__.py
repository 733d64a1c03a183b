"""Frames: built once with scapy, sent fast over AF_PACKET."""

from rig.inject.frames import Flow
from rig.inject.injector import Injector

__all__ = ["Flow", "Injector"]
