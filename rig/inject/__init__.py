"""Frames: built once with scapy, sent fast over AF_PACKET."""
