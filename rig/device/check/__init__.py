"""Whether a device keeps the contract of firmware/proto/README.md, asked over its serial line alone.

No network is needed, and nothing that it answers is an exception here: a wrong answer is a finding.
"""
