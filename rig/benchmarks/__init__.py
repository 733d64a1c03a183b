"""Timings of the rig: many rounds, medians and 99th percentiles. Timings live here and never in tests."""
