"""The app that most benchmarks measure: the suite's own."""

CHAT_APP = "rig.suite.chat_app:ChatApp"
