"""The conformance suite: tests that users run against a device; each names the requirements it proves."""
