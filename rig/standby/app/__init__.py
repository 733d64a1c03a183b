"""The process around an app under test: its start, and the calls of the test that drives it."""
