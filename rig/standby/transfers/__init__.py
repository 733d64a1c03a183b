"""The process of background transfers: downloads and uploads that go on whatever becomes of the apps that began them.

A loop of its own, so that a gigabyte never shares an interpreter with a wake. It knows no app and no power: what it may do, the
system says.
"""
