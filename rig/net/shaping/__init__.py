"""Cables that lose frames, keep them for a while, or carry only so much."""
