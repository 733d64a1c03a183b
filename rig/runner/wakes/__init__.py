"""The wake ledger: every wake of a test, what was armed, and whether it may have been.

tape (rig/device/tape.py) ── armed.py: what the device held ── Wake
                                                                 ├── rules.py: does anything armed explain it?
frames of the device's port ── wire.py: was it there, and when ──┤
                                                                 ├── due.py: of one that no frame made, had its time come?
                                                                 ├── judge.py: twice, late, of an earlier sleep
the test's timeline ── planned.py: did the test mean it? ────────┘
ledger.py: all of a test, as rows of results.jsonl and as one error
"""
